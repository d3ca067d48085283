package integration

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"portico/internal/eventstore"
)

// broker is a NATS server with JetStream in this process.
type broker struct {
	t       *testing.T
	options server.Options
	server  *server.Server
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0") // the same port after a restart
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	b := &broker{t: t, options: server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true}}
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start() {
	b.t.Helper()
	options := b.options // the server writes into its own
	s, err := server.NewServer(&options)
	if err != nil {
		b.t.Fatal(err)
	}
	s.Start()
	if b.server = s; !s.ReadyForConnections(10 * time.Second) {
		b.t.Fatal("NATS does not start")
	}
}

func (b *broker) stop() {
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}

func (b *broker) target(settings string) Target {
	b.t.Helper()
	to, err := Open(fmt.Sprintf("nats://127.0.0.1:%d?%s", b.options.Port, settings))
	if err != nil {
		b.t.Fatal(err)
	}
	return to
}

func (b *broker) stream() (nats.JetStreamContext, func()) {
	b.t.Helper()
	conn, err := nats.Connect(b.server.ClientURL())
	if err != nil {
		b.t.Fatal(err)
	}
	js, err := conn.JetStream()
	if err != nil {
		b.t.Fatal(err)
	}
	return js, conn.Close
}

// all is what the stream has kept. Each message's id, by which JetStream knows duplicates,
// is its event's.
func (b *broker) all() (got []received) {
	b.t.Helper()
	js, end := b.stream()
	defer end()
	info, err := js.StreamInfo("PORTICO")
	if err != nil {
		b.t.Fatal(err)
	}
	sub, err := js.SubscribeSync("portico.events.>", nats.OrderedConsumer())
	if err != nil {
		b.t.Fatal(err)
	}
	for range info.State.Msgs {
		m, err := sub.NextMsg(5 * time.Second)
		if err != nil {
			b.t.Fatal(err)
		}
		r := parse(b.t, m.Subject, m.Data)
		if id := m.Header.Get(nats.MsgIdHdr); id != r.ID || m.Header.Get("content-type") != "application/cloudevents+json" {
			b.t.Errorf("event %s went under the headers %v", r.ID, m.Header)
		}
		got = append(got, r)
	}
	return got
}

func (b *broker) sound(n int) {
	b.t.Helper()
	if got := b.all(); len(got) != n || disorder(got) != "" {
		b.t.Errorf("the stream has %d events, want %d; %s", len(got), n, disorder(got))
	}
}

func TestEachKindArrivesOverNATS(t *testing.T) {
	w, b := newWorld(t), newBroker(t)
	b.start()
	want := w.oneOfEach()
	f := w.feed(b.target("create=true"))
	w.start(f)
	w.told(f)
	all := b.all()
	for _, r := range all {
		if r.topic != "portico.events.main."+r.Type[len("portico."):] {
			t.Errorf("%s went to %s", r.Type, r.topic)
		}
	}
	w.arrived(want, all)
}

// A thousand events and more take seconds; processes that die between publishing and saving
// the checkpoint leave no duplicates in the stream, and its order holds.
func TestDuplicatesAreDroppedByTheBroker(t *testing.T) {
	w, b := newWorld(t), newBroker(t)
	b.start()
	n := w.invoices(400)
	for crash := range 4 {
		stop := w.start(w.feed(b.target("create=true")))
		time.Sleep(time.Duration(20+crash*30) * time.Millisecond)
		stop()
		if _, err := w.db.Exec(t.Context(), `update portico.consumers set low_hi = 0`); err != nil {
			t.Fatal(err)
		}
	}
	f, began := w.feed(b.target("create=true")), time.Now()
	w.start(f)
	w.told(f)
	t.Logf("%d events in %v", n, time.Since(began))
	b.sound(n)
}

// The broker may not be there at first, restart, and forget its stream: all is published once
// it is back.
func TestNATSComesAndGoes(t *testing.T) {
	w, b := newWorld(t), newBroker(t)
	n := w.invoices(30)
	f := w.feed(b.target("create=true"))
	w.start(f)
	time.Sleep(300 * time.Millisecond)
	b.start()
	w.told(f)
	b.sound(n)
	for range 2 {
		b.stop()
		n += w.invoices(20)
		time.Sleep(200 * time.Millisecond)
		b.start()
		n += w.invoices(20)
		w.told(f)
	}
	b.sound(n)

	js, end := b.stream()
	defer end()
	if err := js.DeleteStream("PORTICO"); err != nil {
		t.Fatal(err)
	}
	n = w.invoices(5)
	w.told(f)
	b.sound(n)
}

// A server that refuses us for a while, as when its accounts are being changed, is not given
// up on.
func TestNATSRefusesUsForAWhile(t *testing.T) {
	w, b := newWorld(t), newBroker(t)
	b.start()
	n := w.invoices(2)
	f := w.feed(b.target("create=true"))
	w.start(f)
	w.told(f)
	b.stop()
	b.options.Username, b.options.Password = "somebody", "else"
	b.start()
	n += w.invoices(2)
	time.Sleep(2500 * time.Millisecond) // for more than the two refusals after which the client would give up
	b.stop()
	b.options.Username, b.options.Password = "", ""
	b.start()
	w.told(f)
	b.sound(n)
}

// A stream that is full, and not to drop the oldest, refuses: that is waited out like an
// outage. A stream that is there is used as its owner set it up.
func TestAFullStreamIsWaitedFor(t *testing.T) {
	w, b := newWorld(t), newBroker(t)
	b.start()
	js, end := b.stream()
	defer end()
	own := nats.StreamConfig{Name: "PORTICO", Subjects: []string{"portico.events.>"}, MaxMsgs: 10, Discard: nats.DiscardNew, Duplicates: time.Minute}
	if _, err := js.AddStream(&own); err != nil {
		t.Fatal(err)
	}
	n := w.invoices(10)
	f := w.feed(b.target("create=true"))
	w.start(f)
	w.eventually(func() bool { info, err := js.StreamInfo("PORTICO"); return err == nil && info.State.Msgs == 10 })
	own.MaxMsgs = -1
	if _, err := js.UpdateStream(&own); err != nil {
		t.Fatal(err)
	}
	w.told(f)
	b.sound(n)
	if open, _ := f.Subscriber.Refusals(t.Context(), ""); len(open) > 0 {
		t.Errorf("set aside although the stream was full: %+v", open)
	}
	if info, err := js.StreamInfo("PORTICO"); err != nil || info.Config.Duplicates != time.Minute {
		t.Errorf("the owner's stream was changed: %+v, %v", info, err)
	}
}

// The wrong stream takes nothing: an acknowledgement counts only from the one that is named.
func TestOnlyTheNamedStreamCounts(t *testing.T) {
	w, b := newWorld(t), newBroker(t)
	b.start()
	js, end := b.stream()
	defer end()
	if _, err := js.AddStream(&nats.StreamConfig{Name: "OTHER", Subjects: []string{"portico.events.>"}}); err != nil {
		t.Fatal(err)
	}
	stuck := w.append(eventstore.Stream("main", "contact", uuid.NewString()), 0, uuid.New(), one(t, "contact.removed"))
	f := w.feed(b.target(""))
	stop := w.start(f)
	w.eventually(f.waiting.Load)
	stop()
	if low, _, err := f.Subscriber.Progress(t.Context(), Consumer); err != nil || low != (eventstore.Position{}) {
		t.Errorf("%s counts as told: %v, %v", stuck, low, err)
	}
	if info, err := js.StreamInfo("OTHER"); err != nil || info.State.Msgs != 0 {
		t.Errorf("another stream took it: %+v, %v", info, err)
	}
}

// A message that the server does not take for its size is set aside at once.
func TestTooLargeForNATS(t *testing.T) {
	w, b := newWorld(t), newBroker(t)
	b.options.MaxPayload = 1250 // bytes with the headers; an assignment is more, what else happens to the invoice less
	b.start()
	w.invoices(1)
	f := w.feed(b.target("create=true"))
	w.start(f)
	w.told(f)
	open, err := f.Subscriber.Refusals(t.Context(), Consumer)
	if err != nil || len(open) != 1 || open[0].Code != "integration.too_large" || len(b.all()) != 2 {
		t.Errorf("set aside %+v, told %+v, %v", open, b.all(), err)
	}
}
