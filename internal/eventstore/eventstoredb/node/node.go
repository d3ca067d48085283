// Package node is a node of EventStoreDB within this process, for tests: enough of its services
// Streams, ServerFeatures and Gossip for the Go client v4.2.0, on the client module's own server
// stubs, and the faults that a real one has (ENGINE §3). Its log is in memory.
package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// record is an event in the log. Its position is the offset of its bytes: it grows, and is never
// dense. Commit and prepare are the same, as they are where a write is one record.
type record struct {
	id               [16]byte
	stream           string
	revision         uint64
	position         uint64
	typ, contentType string
	data, custom     []byte
	created          time.Time
}

// Faults are what a node does wrong from now on. The zero value is a node in health.
type Faults struct {
	LoseReplies   int           // so many appends are committed and answered as if the node had gone
	NoPosition    bool          // appends are answered without a position, as repetitions may be
	Follower      bool          // whoever requires the leader is sent to Leader
	Leader        string        // host:port
	Slow          time.Duration // before each answer
	MaxAppendSize int           // bytes; 0: 1 MiB, as a server has it
	Denied        bool          // every call is refused for who makes it
}

// Node is a node. It listens on loopback.
type Node struct {
	api.UnimplementedStreamsServer

	mu      sync.Mutex
	changed *sync.Cond
	log     []record
	streams map[string][]int // indices into log
	size    uint64
	dropped int // counts the times that subscriptions were dropped
	faults  Faults
	members []*gossip.MemberInfo
	address string
	server  *grpc.Server
}

// Start starts a node on a free port. Stop ends it.
func Start() (*Node, error) {
	n := &Node{streams: map[string][]int{}, address: "127.0.0.1:0"}
	n.changed = sync.NewCond(&n.mu)
	return n, n.Restart()
}

// URL is its address as clients take it.
func (n *Node) URL() string { return "esdb://" + n.address + "?tls=false" }

// Address is host:port.
func (n *Node) Address() string { return n.address }

// oftenAlive lets clients ask each ten seconds whether it is there, as they do; grpc-go would hang up.
var oftenAlive = keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}

// Restart serves again, on the same port and with the same log.
func (n *Node) Restart() error {
	l, err := net.Listen("tcp", n.address)
	if err != nil {
		return err
	}
	n.address, n.server = l.Addr().String(), grpc.NewServer(grpc.KeepaliveEnforcementPolicy(oftenAlive))
	api.RegisterStreamsServer(n.server, n)
	serverfeatures.RegisterServerFeaturesServer(n.server, features{})
	gossip.RegisterGossipServer(n.server, gossips{n: n})
	server := n.server
	go func() { _ = server.Serve(l) }() // it ends with Stop
	return nil
}

// Stop cuts everybody off.
func (n *Node) Stop() {
	n.DropSubscriptions()
	n.server.Stop()
}

// DropSubscriptions ends every subscription, as a node does that goes down.
func (n *Node) DropSubscriptions() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dropped++
	n.changed.Broadcast()
}

// Suffer sets its faults.
func (n *Node) Suffer(f Faults) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = f
}

// Gossip says what the node tells of the cluster.
func (n *Node) Gossip(members ...*gossip.MemberInfo) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.members = members
}

type features struct {
	serverfeatures.UnimplementedServerFeaturesServer
}

func (features) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	return &serverfeatures.SupportedMethods{EventStoreServerVersion: "24.10.0"}, nil
}

type gossips struct {
	gossip.UnimplementedGossipServer
	n *Node
}

func (g gossips) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	g.n.mu.Lock()
	defer g.n.mu.Unlock()
	return &gossip.ClusterInfo{Members: g.n.members}, nil
}

// refuse is an error as the server sends them: a status, and what kind it is in the trailer.
func refuse(s grpc.ServerStream, c codes.Code, message string, trailer ...string) error {
	s.SetTrailer(metadata.Pairs(trailer...))
	return status.Error(c, message)
}

// suffers does what is wrong with a call before it is served.
func (n *Node) suffers(s grpc.ServerStream) error {
	n.mu.Lock()
	f := n.faults
	n.mu.Unlock()
	if f.Slow > 0 {
		select {
		case <-s.Context().Done():
			return s.Context().Err()
		case <-time.After(f.Slow):
		}
	}
	if f.Denied {
		return refuse(s, codes.PermissionDenied, "Access Denied", "exception", "access-denied")
	}
	called, _ := metadata.FromIncomingContext(s.Context())
	if f.Follower && len(called.Get("requires-leader")) > 0 {
		host, port, _ := net.SplitHostPort(f.Leader)
		return refuse(s, codes.NotFound, "Leader info available", "exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port)
	}
	return nil
}

// Append takes its options, the events, and the end, in this order.
func (n *Node) Append(s api.Streams_AppendServer) error {
	if err := n.suffers(s); err != nil {
		return err
	}
	first, err := s.Recv()
	if err != nil {
		return err
	}
	o := first.GetOptions()
	stream := string(o.GetStreamIdentifier().GetStreamName())
	events, err := n.proposed(s, stream)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at := n.streams[stream]
	current := int64(len(at)) - 1
	expected := current // any
	switch e := o.GetExpectedStreamRevision().(type) {
	case *api.AppendReq_Options_NoStream:
		expected = -1
	case *api.AppendReq_Options_Revision:
		expected = int64(e.Revision)
	}
	if last := expected + int64(len(events)); expected < current && last <= current && len(events) > 0 {
		there := func(i int, e record) bool { return n.log[at[int(expected)+1+i]].id == e.id }
		if same(events, there) {
			return n.answer(s, n.log[at[last]])
		}
	}
	if expected != current {
		return s.SendAndClose(wrongVersion(o, current))
	}
	now := time.Now().UTC()
	if m := len(n.log); m > 0 && now.Before(n.log[m-1].created) {
		now = n.log[m-1].created
	}
	for i, e := range events {
		e.revision, e.position, e.created = uint64(current+1+int64(i)), n.size, now
		n.size += uint64(64 + len(e.typ) + len(e.data) + len(e.custom))
		n.streams[stream] = append(n.streams[stream], len(n.log))
		n.log = append(n.log, e)
	}
	n.changed.Broadcast()
	return n.answer(s, n.log[len(n.log)-1])
}

func same(events []record, there func(int, record) bool) bool {
	for i, e := range events {
		if !there(i, e) {
			return false
		}
	}
	return true
}

// proposed are the events of an append. Their size is added up as they come, so that a refusal can
// come before the last.
func (n *Node) proposed(s api.Streams_AppendServer, stream string) (events []record, err error) {
	n.mu.Lock()
	most := n.faults.MaxAppendSize
	n.mu.Unlock()
	if most == 0 {
		most = 1 << 20
	}
	for size := 0; ; {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		p := m.GetProposedMessage()
		if p.GetMetadata()["type"] == "" || p.GetMetadata()["content-type"] == "" {
			return nil, refuse(s, codes.InvalidArgument, "Required metadata property missing", "exception", "missing-required-metadata-property")
		}
		if size += len(p.Data) + len(p.CustomMetadata); size > most {
			return nil, refuse(s, codes.InvalidArgument, fmt.Sprintf("Maximum Append Size of %d Exceeded.", most),
				"exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(most))
		}
		r := record{stream: stream, typ: p.Metadata["type"], contentType: p.Metadata["content-type"], data: p.Data, custom: p.CustomMetadata}
		id := p.GetId().GetStructured()
		binary.BigEndian.PutUint64(r.id[:8], uint64(id.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(r.id[8:], uint64(id.GetLeastSignificantBits()))
		events = append(events, r)
	}
}

// wrongVersion is a message, not a status.
func wrongVersion(o *api.AppendReq_Options, current int64) *api.AppendResp {
	w := &api.AppendResp_WrongExpectedVersion{}
	switch e := o.GetExpectedStreamRevision().(type) {
	case *api.AppendReq_Options_NoStream:
		w.ExpectedRevisionOption = &api.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &shared.Empty{}}
	case *api.AppendReq_Options_Revision:
		w.ExpectedRevisionOption = &api.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: e.Revision}
	}
	if current < 0 {
		w.CurrentRevisionOption = &api.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}}
	} else {
		w.CurrentRevisionOption = &api.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(current)}
	}
	return &api.AppendResp{Result: &api.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: w}}
}

// answer says that a record is the last of an append.
func (n *Node) answer(s api.Streams_AppendServer, last record) error {
	if n.faults.LoseReplies > 0 {
		n.faults.LoseReplies--
		return status.Error(codes.Unavailable, "the connection was reset")
	}
	done := &api.AppendResp_Success{CurrentRevisionOption: &api.AppendResp_Success_CurrentRevision{CurrentRevision: last.revision}}
	if n.faults.NoPosition {
		done.PositionOption = &api.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}}
	} else {
		done.PositionOption = &api.AppendResp_Success_Position{Position: &api.AppendResp_Position{CommitPosition: last.position, PreparePosition: last.position}}
	}
	return s.SendAndClose(&api.AppendResp{Result: &api.AppendResp_Success_{Success: done}})
}

// sent is a record as readers get it. Without "created" the client would end the process (20).
func sent(r record) *api.ReadResp {
	id := &shared.UUID_Structured{MostSignificantBits: int64(binary.BigEndian.Uint64(r.id[:8])), LeastSignificantBits: int64(binary.BigEndian.Uint64(r.id[8:]))}
	return &api.ReadResp{Content: &api.ReadResp_Event{Event: &api.ReadResp_ReadEvent{
		Position: &api.ReadResp_ReadEvent_CommitPosition{CommitPosition: r.position},
		Event: &api.ReadResp_ReadEvent_RecordedEvent{
			Id:               &shared.UUID{Value: &shared.UUID_Structured_{Structured: id}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(r.stream)},
			StreamRevision:   r.revision, CommitPosition: r.position, PreparePosition: r.position,
			Metadata: map[string]string{"type": r.typ, "content-type": r.contentType,
				"created": strconv.FormatInt(r.created.UnixNano()/100, 10)}, // in 100 ns since 1970
			CustomMetadata: r.custom, Data: r.data,
		}}}}
}

// Read reads a stream or everything, once or from now on.
func (n *Node) Read(q *api.ReadReq, s api.Streams_ReadServer) error {
	if err := n.suffers(s); err != nil {
		return err
	}
	o := q.GetOptions()
	if of := o.GetStream(); of != nil {
		return n.readStream(o, of, s)
	}
	n.mu.Lock()
	log, dropped := n.log, n.dropped // what is in the log does not change
	n.mu.Unlock()
	var from *uint64
	if p := o.GetAll().GetPosition(); p != nil {
		from = &p.CommitPosition
	}
	if _, subscribes := o.GetCountOption().(*api.ReadReq_Options_Subscription); subscribes {
		i := 0
		switch {
		case o.GetAll().GetEnd() != nil:
			i = len(log)
		case from != nil: // subscriptions begin after it
			i = sort.Search(len(log), func(i int) bool { return log[i].position > *from })
		}
		return n.subscribe(o, i, dropped, s)
	}
	count := o.GetCount()
	if o.GetReadDirection() == api.ReadReq_Options_Backwards {
		for i := len(log) - 1; i >= 0 && count > 0; i-- {
			if from != nil && log[i].position >= *from {
				continue
			}
			if err := s.Send(sent(log[i])); err != nil {
				return err
			}
			count--
		}
		return nil
	}
	first := 0
	if from != nil { // reads begin with it
		first = sort.Search(len(log), func(i int) bool { return log[i].position >= *from })
	}
	for _, r := range log[first:] {
		if count == 0 {
			return nil
		}
		if err := s.Send(sent(r)); err != nil {
			return err
		}
		count--
	}
	return nil
}

func (n *Node) readStream(o *api.ReadReq_Options, of *api.ReadReq_Options_StreamOptions, s api.Streams_ReadServer) error {
	n.mu.Lock()
	log, at := n.log, n.streams[string(of.GetStreamIdentifier().GetStreamName())]
	n.mu.Unlock()
	if at == nil { // a message, not a status
		return s.Send(&api.ReadResp{Content: &api.ReadResp_StreamNotFound_{StreamNotFound: &api.ReadResp_StreamNotFound{StreamIdentifier: of.GetStreamIdentifier()}}})
	}
	if r, by := of.GetRevisionOption().(*api.ReadReq_Options_StreamOptions_Revision); by {
		if o.GetReadDirection() == api.ReadReq_Options_Backwards {
			at = at[:min(r.Revision+1, uint64(len(at)))]
		} else {
			at = at[min(r.Revision, uint64(len(at))):]
		}
	}
	if o.GetReadDirection() == api.ReadReq_Options_Backwards {
		at = slices.Clone(at)
		slices.Reverse(at)
	}
	for _, i := range at[:min(o.GetCount(), uint64(len(at)))] {
		if err := s.Send(sent(log[i])); err != nil {
			return err
		}
	}
	return nil
}

// subscribe sends what passes the filter from the i-th record on, until it is dropped. It says
// how far it is after each window of the filter, and when it has caught up.
func (n *Node) subscribe(o *api.ReadReq_Options, i, dropped int, s api.Streams_ReadServer) error {
	if err := s.Send(&api.ReadResp{Content: &api.ReadResp_Confirmation{Confirmation: &api.ReadResp_SubscriptionConfirmation{SubscriptionId: "subscription"}}}); err != nil {
		return err
	}
	passes, err := filter(o.GetFilter())
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	window := int(o.GetFilter().GetMax()) * int(o.GetFilter().GetCheckpointIntervalMultiplier())
	defer context.AfterFunc(s.Context(), func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.changed.Broadcast()
	})()
	for considered, live := 0, false; ; live = true {
		n.mu.Lock()
		for live && i == len(n.log) && dropped == n.dropped && s.Context().Err() == nil {
			n.changed.Wait()
		}
		batch, over := n.log[i:], dropped != n.dropped
		n.mu.Unlock()
		if err := s.Context().Err(); err != nil {
			return err
		}
		if over {
			return status.Error(codes.Unavailable, "the node goes down")
		}
		i += len(batch)
		for _, r := range batch {
			if passes(r) {
				if err := s.Send(sent(r)); err != nil {
					return err
				}
			}
			if considered++; window > 0 && considered%window == 0 {
				if err := s.Send(checkpoint(r)); err != nil {
					return err
				}
			}
		}
		if !live {
			if err := s.Send(&api.ReadResp{Content: &api.ReadResp_CaughtUp_{CaughtUp: &api.ReadResp_CaughtUp{}}}); err != nil {
				return err
			}
		}
	}
}

func checkpoint(r record) *api.ReadResp {
	return &api.ReadResp{Content: &api.ReadResp_Checkpoint_{Checkpoint: &api.ReadResp_Checkpoint{CommitPosition: r.position, PreparePosition: r.position}}}
}

// filter says whether a record is for a subscriber.
func filter(f *api.ReadReq_Options_FilterOptions) (func(record) bool, error) {
	by, name := f.GetStreamIdentifier(), func(r record) string { return r.stream }
	if by == nil {
		by, name = f.GetEventType(), func(r record) string { return r.typ }
	}
	if by == nil {
		return func(record) bool { return true }, nil
	}
	// the server's expressions are .NET's; of them the client's own use what RE2 has but this
	expression, err := regexp.Compile(strings.TrimPrefix(by.GetRegex(), "/"))
	if err != nil {
		return nil, err
	}
	return func(r record) bool {
		for _, p := range by.GetPrefix() {
			if strings.HasPrefix(name(r), p) {
				return true
			}
		}
		return by.GetRegex() != "" && expression.MatchString(name(r))
	}, nil
}

// Write writes events of no meaning, as others and the engine itself do.
func (n *Node) Write(stream string, events int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for range events {
		r := record{stream: stream, typ: "$statsCollected", contentType: "application/json", data: []byte("{}"),
			revision: uint64(len(n.streams[stream])), position: n.size, created: time.Now().UTC()}
		n.size += 80
		n.streams[stream] = append(n.streams[stream], len(n.log))
		n.log = append(n.log, r)
	}
	n.changed.Broadcast()
}
