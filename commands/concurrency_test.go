package commands

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/invoice"
	"portico/internal/eventstore"
)

// meanwhile is a store on which something else happens just before the first append to a
// stream, or to one of a category.
type meanwhile struct {
	eventstore.Store
	stream   eventstore.StreamName
	category string
	do       func()
}

func (m *meanwhile) Append(ctx context.Context, s eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	_, category, _ := s.Split()
	if do := m.do; (s == m.stream || category == m.category) && do != nil {
		m.do = nil
		do()
	}
	return m.Store.Append(ctx, s, expected, events...)
}

// What somebody else appended first is decided on, not written over.
func TestConflictsAreDecidedAgain(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	bill := w.issue(of, "INV-1", 100)
	w.follow()
	twin, between := w.another(), &meanwhile{Store: w.Store, stream: pounds(of).stream("main")}
	between.do = func() { twin.pay(of, 70, to(bill, 70)) }
	w.Store = between
	w.pay(of, 50, to(bill, 50))
	if e := last[account.PaymentAllocated](w, of); e.Amount != gbp(30) || e.Open != gbp(0) || e.Unapplied != gbp(20) {
		t.Errorf("%+v: 30 were open", e)
	}
	other := w.issue(of, "INV-2", 10)
	w.follow()
	between.do = func() { twin.ok(twin.VoidInvoice(t.Context(), staffMember(), other, invoice.Void{Because: because})) }
	w.refuses("account.invoice_reversed")(w.WriteOffInvoice(t.Context(), staffMember(), pounds(of), other, account.WriteOffInvoice{Because: because}))
}

// always is a store on which somebody else is always first.
type always struct{ eventstore.Store }

func (a always) Append(context.Context, eventstore.StreamName, int64, ...eventstore.Event) (eventstore.Appended, error) {
	return eventstore.Appended{}, &eventstore.Conflict{}
}

func TestEndlessConflictsEnd(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	w.Store = always{w.Store}
	w.refuses("store.contended")(w.RecordPayment(t.Context(), staffMember(), pounds(of), payment(10)))
}

// Thirty-two pay the same account at once, through two processes: no payment is lost, no
// invoice is paid twice, and the ledger balances.
func TestManyPayOneAccount(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	var bills []uuid.UUID
	for i := range 8 {
		bills = append(bills, w.issue(of, string(rune('A'+i)), 100))
	}
	w.follow()
	const each = 10
	twin := w.another()
	var all sync.WaitGroup
	for i := range 32 {
		at := []*world{w, twin}[i%2]
		all.Go(func() {
			for range each {
				cmd := payment(7, to(bills[rand.IntN(8)], 7))
				by := staffMember()
				for tries := 0; ; tries++ {
					_, err := at.RecordPayment(context.Background(), by, pounds(of), cmd)
					if domain.CodeOf(err) == "store.contended" && tries < 20 {
						continue // as a client would
					}
					if err != nil {
						t.Error(err)
					}
					break
				}
			}
		})
	}
	all.Wait()
	received, open := 0, map[uuid.UUID]int64{}
	for _, e := range w.log() {
		switch d := e.Data.(type) {
		case account.PaymentReceived:
			received++
		case account.PaymentAllocated:
			if open[d.InvoiceID] += d.Amount.Minor; open[d.InvoiceID] > 100 || d.Open.Minor != 100-open[d.InvoiceID] {
				t.Errorf("%+v, with %d allocated", d, open[d.InvoiceID])
			}
		}
	}
	if want := int64(8*100 - 32*each*7); received != 32*each || w.balance(of) != want {
		t.Errorf("%d payments, the balance is %d, want %d", received, w.balance(of), want)
	}
}

// The same request many times at once has one effect.
func TestManySendTheSameRequest(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	twin, by := w.another(), staffMember()
	var all sync.WaitGroup
	for i := range 16 {
		at := []*world{w, twin}[i%2]
		all.Go(func() {
			if _, err := at.IssueInvoice(context.Background(), by, uuid.Nil, invoice.Issue{Content: content(of, "INV-1", 100)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(w.log()); n != 5 {
		t.Errorf("%d events", n)
	}
}

func TestQueue(t *testing.T) {
	var q queue
	leave, err := q.enter(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if leaveOther, err := q.enter(t.Context(), "b"); err != nil {
		t.Error("another queue waits for this one: ", err)
	} else {
		leaveOther()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := q.enter(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting does not end with its context: %v", err)
	}
	entered := make(chan struct{})
	go func() {
		leave, _ := q.enter(context.Background(), "a")
		close(entered)
		leave()
	}()
	select {
	case <-entered:
		t.Error("two are inside")
	case <-time.After(10 * time.Millisecond):
	}
	leave()
	<-entered
	if leave, err = q.enter(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	leave()
	if len(q.gate) != 0 {
		t.Errorf("%d queues are left behind", len(q.gate))
	}
}
