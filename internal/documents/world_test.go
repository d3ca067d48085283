package documents

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/attachment"
	"portico/domain/catalog"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/files"
	"portico/internal/jobs"
	"portico/internal/keyring"
	"portico/internal/pdf"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is a business whose documents can be drawn: at once if papers are given to its
// commands, by jobs once run is called.
type world struct {
	*commands.Commands
	t      *testing.T
	store  eventstore.Store
	files  *files.Store
	papers *Papers
	acme   uuid.UUID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: teststore.New(t)}
	var err error
	if w.files, err = files.Open(t.Context(), "mem://"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.files.Close() })
	w.papers = &Papers{Files: w.files, Draw: pdf.Draw, PublicURL: "https://portal.example.com"}
	w.Commands = commands.New(w.store, &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}, "test")
	w.Uploaded = func(context.Context, string, string) (attachment.File, bool, error) {
		return attachment.File{}, true, nil
	}
	w.ok(w.RegisterTenant(t.Context(), staff(), tenant.Register{Settings: tenant.Settings{Name: "Portico Ltd", TimeZone: "Europe/London", Currency: "GBP", Locale: "en-GB"}}))
	w.acme = w.ok(w.RegisterCustomer(t.Context(), staff(), uuid.Nil, customer.Register{Number: "C-7",
		Details: customer.Details{LegalName: "Acme & Söhne", Address: "1 Mill Lane\nLeeds", TermsDays: 30}})).ID
	return w
}

func staff() commands.Caller {
	return commands.Caller{Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.UUID{1}}, Roles: []access.Role{"staff"},
		Origin: envelope.Origin{Channel: envelope.ChannelAPI}, CommandID: uuid.New()}
}

func (w *world) ok(r commands.Receipt, err error) commands.Receipt {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) content(number string) invoice.Content {
	return invoice.Content{Number: number, Party: domain.Party{CustomerID: &w.acme}, Lines: []domain.LineInput{{Text: "Service", Quantity: "1", UnitPrice: "19.99", TaxRate: "20"}}}
}

// events are those of a type, in the order of the log.
func events[T any](w *world) (all []T) {
	w.t.Helper()
	for from := (eventstore.Position{}); ; {
		page, err := w.store.ReadAll(w.t.Context(), from, 500)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range page.Events {
			e, err := w.Codec.Open(w.t.Context(), r)
			if err != nil {
				w.t.Fatal(err)
			}
			if d, ok := e.Data.(T); ok {
				all = append(all, d)
			}
		}
		if page.End {
			return all
		}
		from = page.Next
	}
}

// worker does the jobs that documents lead to.
type worker struct {
	db     *pgxpool.Pool
	feeder *jobs.Feeder
}

// worker feeds and runs until the test ends. What is in the log when it begins is the past.
func (w *world) worker() *worker {
	w.t.Helper()
	db, quiet := pgtest.Pool(w.t), slog.New(slog.DiscardHandler)
	w.Papers = w.papers
	store, kinds := &jobs.Store{DB: db}, []jobs.Kind{Kind(w.Commands)}
	f := &jobs.Feeder{Store: w.store, Jobs: store, Codec: w.Codec, Plans: []jobs.Plan{Plan}, Kinds: kinds, Node: "test", Log: quiet}
	r := &jobs.Runner{Queue: &jobs.Queue{Store: store, Node: "test", Kinds: kinds, Log: quiet, Poll: 20 * time.Millisecond}}
	if err := f.Begin(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = f.Run(ctx) })
	running.Go(func() { _ = r.Run(ctx) })
	w.t.Cleanup(func() { cancel(); running.Wait() })
	return &worker{db, f}
}

// done waits until all that the log leads to was done, and answers how many jobs ended.
func (w *world) done(by *worker) (ended map[string]int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 60*time.Second)
	defer cancel()
	head, err := w.store.Head(ctx)
	if err == nil {
		err = by.feeder.Settle(ctx, head)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for {
		var waiting, done, dead int
		err := by.db.QueryRow(ctx, `select count(*) filter (where state in ('queued', 'running')), count(*) filter (where state = 'done'),
			count(*) filter (where state = 'dead') from portico.jobs`).Scan(&waiting, &done, &dead)
		if err != nil {
			w.t.Fatal(err)
		}
		if waiting == 0 {
			return map[string]int{"done": done, "dead": dead}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// picture is a PNG that is kept.
func (w *world) picture(width, height int, c color.Color) (sha256 string, data []byte) {
	w.t.Helper()
	im := image.NewRGBA(image.Rect(0, 0, width, height))
	im.Set(1, 1, c)
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		w.t.Fatal(err)
	}
	return w.kept(b.Bytes()), b.Bytes()
}

func (w *world) kept(data []byte) string {
	w.t.Helper()
	f, err := w.files.Keep(w.t.Context(), "application/octet-stream", data)
	if err != nil {
		w.t.Fatal(err)
	}
	return f.SHA256
}
