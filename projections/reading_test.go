package projections

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/internal/pg"
	"portico/internal/pgtest"
)

// What a viewer most likely sees is only a guess: a wrong one is never answered.
func TestAWrongGuessIsNotAnswered(t *testing.T) {
	w := newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	w.invoice(a, "2026-05-01", "2026-06-16", 1_000, true) // due tomorrow, in London
	w.invoice(b, "2026-05-01", "2026-06-16", 2_000, true)
	w.settle()
	both := w.contactOf(a, b)
	w.q.zones.Store("acme", "Pacific/Kiritimati") // where it is tomorrow
	w.q.Clock = func() time.Time { return noon }
	if got := get[Balance](t)(w.q.GetBalance(t.Context(), both, a, BalanceOptions{})); got.AsOf != "2026-06-15" {
		t.Errorf("as of %s", got.AsOf)
	}
	list := func() (of []uuid.UUID) {
		for _, i := range get[Page[Invoice]](t)(w.q.ListInvoices(t.Context(), both, InvoiceFilter{})).Items {
			of = append(of, *i.CustomerID)
		}
		return of
	}
	if got := list(); len(got) != 2 {
		t.Errorf("both see %v", got)
	}
	w.ok(w.SwitchCustomerPortal(w.ctx(), w.by, b, customer.SwitchPortal{On: false, Because: why}))
	w.settle()
	if got := list(); !slices.Equal(got, []uuid.UUID{a}) {
		t.Errorf("with B's portal shut they see %v", got)
	}
	_, err := w.q.GetBalance(t.Context(), both, b, BalanceOptions{})
	code(t, "customer.unknown", err)
	_, err = w.q.GetOverview(t.Context(), both, b, OverviewOptions{})
	code(t, "customer.unknown", err)
}

// trips counts what goes to the database.
type trips struct{ batches, queries atomic.Int64 }

func (c *trips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.batches.Add(1)
	return ctx
}
func (c *trips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (c *trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}
func (c *trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.queries.Add(1)
	return ctx
}
func (c *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Every query of the portal is one round trip, and answers the same on connections that
// are for reading alone.
func TestEachPortalQueryIsOneRoundTrip(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	doc := w.invoice(a, "2026-05-01", "2026-06-01", 1_000, true)
	w.ok(w.CorrectInvoiceReference(w.ctx(), w.by, doc, invoice.CorrectReference{Reference: "PO 9", Because: why}))
	payment, memo := w.pay(a, "2026-05-02", 400, true), w.memo(a, "2026-05-03", 50, &doc)
	w.settle()
	before := answers(w, w.contactOf(a), a, doc, payment, memo)
	everything := answers(w, w.staff(), a, doc, payment, memo)

	reads, err := pg.Open(t.Context(), w.db.Config().ConnString(), pg.Options{Reads: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reads.Close()
	count := &trips{}
	config := reads.Config()
	config.ConnConfig.Tracer = count
	counted, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer counted.Close()
	w.q.Reads = counted
	same(t, before, answers(w, w.contactOf(a), a, doc, payment, memo))
	same(t, everything, answers(w, w.staff(), a, doc, payment, memo))

	for name, ask := range map[string]func(Viewer) error{
		"overview": func(v Viewer) error { _, err := w.q.GetOverview(t.Context(), v, a, OverviewOptions{}); return err },
		"balance":  func(v Viewer) error { _, err := w.q.GetBalance(t.Context(), v, a, BalanceOptions{}); return err },
		"statement": func(v Viewer) error {
			_, err := w.q.GetStatement(t.Context(), v, a, StatementOptions{})
			return err
		},
		"invoices": func(v Viewer) error { _, err := w.q.ListInvoices(t.Context(), v, InvoiceFilter{}); return err },
		"invoice":  func(v Viewer) error { _, err := w.q.GetInvoice(t.Context(), v, doc); return err },
		"payment":  func(v Viewer) error { _, err := w.q.GetPayment(t.Context(), v, payment); return err },
		"memo":     func(v Viewer) error { _, err := w.q.GetCreditMemo(t.Context(), v, memo); return err },
		"activity": func(v Viewer) error { _, err := w.q.ListActivity(t.Context(), v, ActivityFilter{}); return err },
		"customer": func(v Viewer) error { _, err := w.q.GetCustomer(t.Context(), v, a); return err },
		"tenant":   func(v Viewer) error { _, err := w.q.GetTenant(t.Context(), v); return err },
	} {
		count.batches.Store(0)
		count.queries.Store(0)
		if err := ask(w.contactOf(a)); err != nil || count.batches.Load() != 1 || count.queries.Load() != 0 {
			t.Errorf("%s: %d batches, %d queries, %v", name, count.batches.Load(), count.queries.Load(), err)
		}
	}
}

// The first page is of one moment: what it says is open is the sum of its invoices, while
// invoices come in.
func TestAnOverviewIsOfOneMoment(t *testing.T) {
	w := newWorld(t)
	reads, err := pg.Open(t.Context(), w.db.Config().ConnString(), pg.Options{Reads: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reads.Close()
	a := w.customer("A")
	w.settle()
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < 190; n++ {
			select {
			case <-stop:
				return
			default:
				w.invoice(a, "2026-05-01", "2026-06-01", 1_000, true)
				time.Sleep(20 * time.Millisecond) // so that they show one after the other
			}
		}
	}()
	defer func() { close(stop); <-done }()
	changes := 0
	began := time.Now()
	for n, last := 0, int64(0); changes < 25 && time.Since(began) < 30*time.Second; n++ {
		if w.q.Reads = nil; n%2 == 0 {
			w.q.Reads = reads
		}
		p := get[Overview](t)(w.q.GetOverview(t.Context(), w.contactOf(a), a, OverviewOptions{Limit: 200}))
		sum := domain.Money{Currency: "GBP"}
		for _, i := range p.Invoices.Items {
			sum = sum.Plus(i.Open)
		}
		if len(p.Balance.Currencies) > 0 && p.Balance.Currencies[0].Open != sum {
			t.Fatalf("open %v, invoices add up to %v", p.Balance.Currencies[0].Open, sum)
		}
		if sum.Minor != last {
			changes, last = changes+1, sum.Minor
		}
	}
	if changes < 5 {
		t.Errorf("a test of nothing: %d changes", changes)
	}
}

// A statement that fails before it has said which columns it has, as when its session is ended,
// is an error like any other.
func TestAStatementThatFailsEarlyIsAnError(t *testing.T) {
	t.Parallel()
	db, err := pgx.Connect(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.PgConn().Conn().Close() // as it is
	var b pgx.Batch
	b.Queue("select 1 / 0 as n").Query(func(rows pgx.Rows) error {
		_, err := collect[struct {
			N int `db:"n"`
		}](rows)
		return err
	})
	var failed *pgconn.PgError
	if err := db.SendBatch(t.Context(), &b).Close(); !errors.As(err, &failed) || failed.Code != "22012" {
		t.Error(err)
	}
}
