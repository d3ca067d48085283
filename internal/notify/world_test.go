package notify

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/account"
	"portico/domain/catalog"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/documents"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/files"
	"portico/internal/jobs"
	"portico/internal/keyring"
	"portico/internal/mail"
	"portico/internal/pdf"
	"portico/internal/pgtest"
	"portico/internal/reactions"
	"portico/projections"
	"portico/projections/engine"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is a whole Portico but for its API, with a mailbox in place of a mail server.
type world struct {
	*commands.Commands
	t       *testing.T
	db      *pgxpool.Pool
	engine  *engine.Engine
	queries *projections.Queries
	notices *Notices
	mails   *mail.Store
	post    *mail.Post
	feeder  *jobs.Feeder
	jobs    *jobs.Store
	policy  *reactions.Policies
	files   *files.Store
	by      commands.Caller
	pos     eventstore.Position
	numbers int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, store, log := pgtest.Pool(t), teststore.New(t), slog.New(slog.DiscardHandler)
	codec := &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}
	w := &world{Commands: commands.New(store, codec, "test"), t: t, db: db}
	w.policy = reactions.NewPolicies(&reactions.Subscriber{Store: store, DB: db, Node: "test", Lanes: 2, Log: log}, w.Commands, log)
	w.engine = &engine.Engine{Store: store, Codec: codec, DB: db, Groups: projections.Groups(), Log: log, Node: "test"}
	w.queries = &projections.Queries{DB: db, Schema: w.engine.ActiveSchema, Clock: time.Now, Store: store, Codec: codec}
	if err := w.engine.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.files, err = files.Open(t.Context(), "mem://"); err != nil {
		t.Fatal(err)
	}
	w.Papers = &documents.Papers{Files: w.files, Draw: pdf.Draw, PublicURL: "https://portal.example.com"}
	w.jobs = &jobs.Store{DB: db}
	w.mails = &mail.Store{DB: db, Insert: w.jobs.InsertIn}
	w.notices = &Notices{Queries: w.queries, Commands: w.Commands, Mails: w.mails, Jobs: w.jobs, Shown: w.shown,
		PublicURL: "https://portal.example.com", Sender: "no-reply@portal.example.com"}
	w.post = &mail.Post{Store: w.mails, Files: w.files, Compose: w.notices.Compose, Log: log}
	kinds := append(w.notices.Kinds(), w.post.Send())
	w.feeder = &jobs.Feeder{Store: store, Jobs: w.jobs, Codec: codec, Plans: w.notices.Plans(), Kinds: kinds, Node: "test", Log: log}
	runner := &jobs.Runner{Queue: &jobs.Queue{Store: w.jobs, Node: "test", Kinds: kinds, Log: log, Poll: 20 * time.Millisecond}, Drain: time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.engine.Run(ctx) })
	running.Go(func() { _ = w.policy.Run(ctx) })
	running.Go(func() { _ = w.feeder.Run(ctx) })
	running.Go(func() { _ = runner.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	w.by = commands.Caller{Tenant: "acme", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.New()}, Roles: []access.Role{"staff", "system"},
		Origin: envelope.Origin{Channel: envelope.ChannelAPI, IP: "192.0.2.7"}}
	w.ok(w.RegisterTenant(t.Context(), w.by, tenant.Register{Settings: tenant.Settings{Name: "Acme Ltd", TimeZone: "Europe/London", Currency: "GBP", Locale: "en-GB"}}))
	w.settle() // what comes before the feeder first looks is told to nobody
	return w
}

func (w *world) shown(ctx context.Context, group string, route uuid.UUID, pos eventstore.Position) error {
	end, err := w.policy.Settle(ctx, pos)
	if err == nil {
		err = w.engine.Wait(ctx, group, route, end)
	}
	return err
}

func (w *world) ok(r commands.Receipt, err error) uuid.UUID {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	if w.pos.Before(r.Position) {
		w.pos = r.Position
	}
	return r.ID
}

// settle waits until all that follows has been done, and shows.
func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	end, err := w.policy.Settle(ctx, w.pos)
	if err == nil {
		w.pos = end
		err = w.feeder.Settle(ctx, end)
	}
	for _, g := range w.engine.Groups {
		if err == nil {
			err = w.engine.WaitAll(ctx, g.Name, end)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// post settles, and answers all mails, the oldest first.
func (w *world) letters() []mail.Mail {
	w.t.Helper()
	w.settle()
	list, _, err := w.mails.List(w.t.Context(), "acme", mail.Filter{Limit: 200})
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range list {
		shown, err := w.mails.Show(w.t.Context(), "acme", list[i].ID)
		if err != nil {
			w.t.Fatal(err)
		}
		list[i] = shown.Mail
	}
	slices.Reverse(list)
	return list
}

// told are the letters' topics and recipients.
func (w *world) told() (all []string) {
	w.t.Helper()
	for _, m := range w.letters() {
		all = append(all, m.Kind+" to "+m.Recipient)
	}
	slices.Sort(all)
	return all
}

func (w *world) customer(number string) uuid.UUID {
	w.t.Helper()
	return w.ok(w.RegisterCustomer(w.t.Context(), w.by, uuid.Nil, customer.Register{Number: number, Details: customer.Details{LegalName: "Customer " + number, TermsDays: 30}}))
}

func (w *world) contact(of uuid.UUID, d contact.Details) uuid.UUID {
	w.t.Helper()
	return w.ok(w.AddContact(w.t.Context(), w.by, uuid.Nil, contact.Add{CustomerID: of, Details: d, Grants: access.Everything()}))
}

func person(name, language string, primary bool) contact.Details {
	return contact.Details{Name: name, Email: name + "@example.com", Language: language, IsPrimary: primary}
}

func (w *world) content(of *uuid.UUID, minor int64) invoice.Content {
	w.numbers++
	return invoice.Content{Number: fmt.Sprintf("N-%03d", w.numbers), Party: domain.Party{CustomerID: of}, IssuedOn: "2026-05-01", DueOn: "2026-06-01", Reference: "PO 7",
		Calculation: domain.Calculation{Currency: "GBP"}, Lines: []domain.LineInput{{Text: "work", Quantity: "1", UnitPrice: domain.Decimal(gbp(minor).String())}}}
}

func (w *world) invoice(of uuid.UUID, minor int64, publish bool) uuid.UUID {
	w.t.Helper()
	return w.ok(w.IssueInvoice(w.t.Context(), w.by, uuid.Nil, invoice.Issue{Content: w.content(&of, minor), Publish: publish}))
}

func (w *world) pay(of uuid.UUID, minor int64) uuid.UUID {
	w.t.Helper()
	end, err := w.policy.Settle(w.t.Context(), w.pos)
	if err != nil {
		w.t.Fatal(err)
	}
	w.pos = end
	return w.ok(w.RecordPayment(w.t.Context(), w.by, commands.Ledger{CustomerID: of, Currency: "GBP"}, account.RecordPayment{
		Amount: gbp(minor), On: "2026-05-20", Method: "bank_transfer", ExternalRef: fmt.Sprint("ref ", minor), OldestFirst: true}))
}

func gbp(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: "GBP"} }

var why = domain.Because{Reason: domain.Reason{Code: "test"}}
