package projections

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain/account"
)

// ENGINE pitfall 18, through the queries that pages are made of: payments are recorded
// fifty times a second, so what is open only ever falls.
func TestPagesAreWholeAndNeverOlderWhileBuildsAreSwitched(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	w.invoice(a, "2026-06-01", "2026-07-01", 1_000_000_00, true)
	w.settle()
	var asked sync.Map // of query to how often the portal's schema was resolved for it
	schema := w.q.Schema
	w.q.Schema = func(ctx context.Context, group string) (string, error) {
		if group == Portal.Name {
			if n, ok := ctx.Value(&asked).(*int); ok {
				*n++
			}
		}
		return schema(ctx, group)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	working.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
			_, err := w.RecordPayment(ctx, w.by, w.account(a), account.RecordPayment{Amount: gbp(100), On: "2026-06-02", Method: "cash", OldestFirst: true})
			if err != nil && ctx.Err() == nil {
				t.Errorf("a payment: %v", err)
				return
			}
		}
	})
	seen := make(chan int, 1)
	working.Go(func() { seen <- w.readOn(ctx, &asked, a) })
	steps := []error{w.engine.Rebuild(ctx, Portal.Name, nil)}
	for range 2 {
		_, err := w.engine.Rollback(ctx, Portal.Name, 0, nil)
		steps = append(steps, err)
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	cancel()
	if n := <-seen; n < 20 {
		t.Errorf("only %d reads", n)
	}
}

// readOn reads pages at full rate and says how many.
func (w *world) readOn(ctx context.Context, key any, a uuid.UUID) (pages int) {
	least := int64(1 << 60)
	for v := w.contactOf(a); ctx.Err() == nil; pages++ {
		resolved := 0
		b, err := w.q.GetBalance(context.WithValue(ctx, key, &resolved), v, a, BalanceOptions{})
		switch {
		case ctx.Err() != nil:
		case err != nil || resolved != 1 || len(b.Currencies) != 1 || b.Currencies[0].Open.Minor > least:
			w.t.Errorf("after %d open: %+v, %v; the schema was asked for %d times", least, b, err, resolved)
			return pages
		default:
			least = b.Currencies[0].Open.Minor
		}
		resolved = 0
		if _, err := w.q.GetStatement(context.WithValue(ctx, key, &resolved), v, a, StatementOptions{Currency: "GBP", From: "2026-06-01", To: "2026-06-15"}); ctx.Err() == nil && (err != nil || resolved != 1) {
			w.t.Errorf("a statement: %v; the schema was asked for %d times", err, resolved)
			return pages
		}
	}
	return pages
}
