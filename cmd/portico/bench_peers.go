package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// The events that every store gets: JSON, because most peers keep nothing else, and of the
// sizes that benchAppend writes.
const (
	peerData = `{"invoiceId":"inv-000000017","customerId":"cust-000017","number":"INV-2026-0000017","currency":"GBP",` +
		`"issuedOn":"2026-09-18","dueOn":"2026-10-18","jobRef":"JOB-000017","lines":[` +
		`{"sku":"BOILER-SVC","description":"Annual boiler service","qty":1,"unitMinor":8900,"vatBp":2000},` +
		`{"sku":"VALVE-22","description":"22mm zone valve","qty":2,"unitMinor":3450,"vatBp":2000}],` +
		`"netMinor":15800,"vatMinor":3160,"totalMinor":18960}`
	peerMeta = `{"actor":"user-000000017","correlation":"8f14e45f-ceea-467f-a8b2-0d5f2e2a6b11","causation":"c9f0f895-fb98-4b91-8b3d-6f1a0c2e7d55"}`
	peerType = "InvoiceIssued"
)

const (
	peerConns   = 16    // connections of each peer
	peerPage    = 1_000 // events that a reader asks for at once
	fillClients = 16
)

// peer is a store of events that ours is measured beside, used as its own documentation
// shows. What it does not offer is nil.
type peer struct {
	name, note string
	// fill writes the streams that loads and read look for, each peerStream once.
	fill func(ctx context.Context, streams int) error
	// appends answers how many appends were acknowledged, too.
	appends func(ctx context.Context, o benchOptions, clients int) (lap, int64, error)
	loads   func(ctx context.Context, o benchOptions, clients, streams int) (lap, error)
	read    func(ctx context.Context, events int) (followed, error)
	follow  func(ctx context.Context, o benchOptions) (followed, error)
	stored  func(ctx context.Context) (int64, error)
	close   func()
}

// The names that --only takes, and how each is opened.
var peerOpeners = map[string]func(context.Context, *app, *npm) ([]*peer, error){
	"insert":        openInsert,
	"message-db":    openMessageDB,
	"emmett":        openEmmett,
	"watermill-sql": openWatermill,
}

func benchPeersCommand(o *benchOptions) *cobra.Command {
	known := slices.Sorted(maps.Keys(peerOpeners))
	events, only := 20_000, known
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "The event store beside other stores of events on PostgreSQL",
		Long: `The same work for Portico's event store and for its peers, in turn, each in a database
of its own on one PostgreSQL: reading a log from its start, loading streams of 20 events,
following the log while others write, appending at an expected version. In the table,
value is Portico's and floor is the peer's. After each turn of appends the peer's own tables
must have as many more events as were acknowledged, or the command fails.
Message DB and Emmett are npm packages: they are installed into the temporary directory,
and left out with a remark if node, npm or the network is missing.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().IntVar(&events, "events", events, "events in the log that is read and loaded from, at least 1000")
	cmd.Flags().StringSliceVar(&only, "only", only, "peers to measure beside: "+strings.Join(known, ", "))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, name := range only {
			if peerOpeners[name] == nil {
				return fmt.Errorf("--only: there is no peer %q, but %s", name, strings.Join(known, ", "))
			}
		}
		if events < 1000 {
			return fmt.Errorf("--events: %d are too few to measure, ask for 1000 at least", events)
		}
		return o.on(cmd, func(ctx context.Context, a *app, o benchOptions) ([]result, error) {
			return benchPeers(ctx, a, o, only, events, cmd.ErrOrStderr())
		})
	}
	return cmd
}

// benchPeers measures the first of the stores, ours, beside each of the others.
func benchPeers(ctx context.Context, a *app, o benchOptions, only []string, events int, remarks io.Writer) ([]result, error) {
	if a.server == nil {
		return nil, errors.New("peers need a PostgreSQL of their own, to make databases on")
	}
	packages, err := newNPM()
	if err != nil {
		return nil, err
	}
	defer packages.remove()
	peers, err := openPeers(ctx, a, only, packages, remarks)
	if err != nil {
		return nil, err
	}
	b := &peersBench{benchOptions: o, streams: events / eventsPerStream, stores: append([]*peer{porticoPeer(a)}, peers...), foreign: a.server.URL("postgres")}
	defer closePeers(b.stores)
	results, err := b.measure(ctx, a, remarks)
	if ctx.Err() != nil {
		return nil, ctx.Err() // and not what being interrupted made of it
	}
	return results, err
}

// openPeers opens those that can be had here, and remarks on the others.
func openPeers(ctx context.Context, a *app, names []string, packages *npm, remarks io.Writer) (peers []*peer, err error) {
	for _, name := range names {
		opened, err := peerOpeners[name](ctx, a, packages)
		if missing := new(missingError); errors.As(err, &missing) {
			fmt.Fprintf(remarks, "%s is left out: %v\n", name, err)
			continue
		}
		if err != nil {
			closePeers(peers)
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		peers = append(peers, opened...)
	}
	if len(peers) == 0 {
		return nil, errors.New("no peer is left to measure beside")
	}
	return peers, nil
}

func closePeers(peers []*peer) {
	for _, p := range peers {
		p.close()
	}
}

// peersBench is the stores, ours first, and what they are measured on.
type peersBench struct {
	benchOptions
	streams int // of the log that is read and loaded from
	stores  []*peer
	foreign string // address of a database that none of them is in
}

func (b *peersBench) measure(ctx context.Context, a *app, remarks io.Writer) (results []result, err error) {
	if err := b.fill(ctx, a, remarks); err != nil {
		return nil, err
	}
	for _, work := range []func(context.Context) ([]result, error){b.reads, b.loads, b.follows, b.appends} {
		more, err := work(ctx)
		if err != nil {
			return nil, err
		}
		results = append(results, more...)
	}
	return results, nil
}

// fill lets each store write the log by itself, and brings the planner's statistics up to
// date, which a store in use would have.
func (b *peersBench) fill(ctx context.Context, a *app, remarks io.Writer) error {
	for _, p := range b.stores {
		began := time.Now()
		if _, err := p.counted(ctx, func() (lap, int64, error) {
			return lap{}, int64(b.streams * eventsPerStream), p.fill(ctx, b.streams)
		}); err != nil {
			return err
		}
		fmt.Fprintf(remarks, "%s: %d events written in %.1f s\n", p.name, b.streams*eventsPerStream, time.Since(began).Seconds())
	}
	return vacuumed(ctx, a)
}

// counted runs appends and compares what was acknowledged with what the store's tables have.
func (p *peer) counted(ctx context.Context, appends func() (lap, int64, error)) (lap, error) {
	before, err := p.stored(ctx)
	if err != nil {
		return lap{}, fmt.Errorf("%s: %w", p.name, err)
	}
	l, acknowledged, err := appends()
	if err != nil {
		return lap{}, fmt.Errorf("%s: %w", p.name, err)
	}
	after, err := p.stored(ctx)
	if err != nil {
		return lap{}, fmt.Errorf("%s: %w", p.name, err)
	}
	if after-before != acknowledged {
		return lap{}, fmt.Errorf("%s: %d events were acknowledged, and its tables have %d more", p.name, acknowledged, after-before)
	}
	return l, nil
}

func (p *peer) variant() string { return fmt.Sprintf("beside %s (%s)", p.name, p.note) }

// offering is the stores, ours first, that do a work at all.
func (b *peersBench) offering(has func(*peer) bool) []*peer {
	return slices.DeleteFunc(slices.Clone(b.stores), func(p *peer) bool { return !has(p) })
}

// rows compares ours, the first, with each of the others.
func rows(r result, stores []*peer, all [][]lap, of func(lap) float64) (results []result) {
	for i, p := range stores[1:] {
		r.Variant = p.variant()
		results = append(results, against(r, all[0], all[i+1], of))
	}
	return results
}

func (b *peersBench) loads(ctx context.Context) (results []result, err error) {
	stores := b.offering(func(p *peer) bool { return p.loads != nil })
	for _, clients := range []int{1, 16} {
		var turns []func() (lap, error)
		for _, p := range stores {
			turns = append(turns, func() (lap, error) { return p.loads(ctx, b.benchOptions, clients, b.streams) })
		}
		all, err := b.laps(turns...)
		if err != nil {
			return nil, err
		}
		results = append(results, rows(result{Name: "load", Clients: clients, Unit: "loads/s"}, stores, all, rateOf)...)
	}
	return results, nil
}

func (b *peersBench) appends(ctx context.Context) (results []result, err error) {
	for _, clients := range []int{1, 8, 64} {
		var turns []func() (lap, error)
		for _, p := range b.stores {
			turns = append(turns, func() (lap, error) {
				return p.counted(ctx, func() (lap, int64, error) { return p.appends(ctx, b.benchOptions, clients) })
			})
		}
		all, err := b.laps(turns...)
		if err != nil {
			return nil, err
		}
		results = append(results, rows(result{Name: "append", Clients: clients, Unit: "appends/s"}, b.stores, all, rateOf)...)
		results = append(results, rows(result{Name: "append p99", Clients: clients, Unit: "ms"}, b.stores, all, p99Of)...)
	}
	return results, nil
}
