package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/eventstore"
)

func contactOf(of uuid.UUID) contact.Add {
	return contact.Add{CustomerID: of, Details: contact.Details{Name: "Jane"}}
}

// flaky is a store whose appends to some streams go wrong.
type flaky struct {
	eventstore.Store
	on    string // part of the stream's name
	times atomic.Int64
	write bool // it appends before it fails
	err   error
}

func (f *flaky) Append(ctx context.Context, s eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	if !strings.Contains(string(s), f.on) || f.times.Add(-1) < 0 {
		return f.Store.Append(ctx, s, expected, events...)
	}
	if f.write {
		if done, err := f.Store.Append(ctx, s, expected, events...); err != nil {
			return done, err
		}
	}
	return eventstore.Appended{}, f.err
}

// broken is an open world whose store fails some times from now on.
func broken(t *testing.T, on string, times int64, write bool, err error) (*world, *flaky) {
	w := open(t)
	f := &flaky{Store: w.Store, on: on, write: write, err: err}
	w.Store = f
	f.times.Store(0)
	return w, f
}

// I5: the same command id has one effect and one answer, in this process and the next.
func TestI5RepeatedCommands(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	branch := uuid.New()
	invoiceID := w.issue(of, "INV-0", 100)
	for name, ask := range map[string]func(*world, Caller) (Receipt, error){
		"RegisterCustomer": func(w *world, by Caller) (Receipt, error) {
			return w.RegisterCustomer(t.Context(), by, uuid.Nil, customer.Register{Number: "8", Details: customer.Details{LegalName: "Eight"}})
		},
		"IssueInvoice": func(w *world, by Caller) (Receipt, error) {
			return w.IssueInvoice(t.Context(), by, uuid.Nil, invoice.Issue{Content: content(of, "INV-1", 100), Publish: true})
		},
		"DraftInvoice": func(w *world, by Caller) (Receipt, error) {
			return w.DraftInvoice(t.Context(), by, uuid.Nil, invoice.Draft{Content: content(of, "", 100)})
		},
		"RecordPayment": func(w *world, by Caller) (Receipt, error) {
			return w.RecordPayment(t.Context(), by, pounds(of), payment(10, to(invoiceID, 5)))
		},
		"AllocatePayment": func(w *world, by Caller) (Receipt, error) {
			r, err := w.RecordPayment(t.Context(), asking(domain.DerivedID(by.CommandID, "first")), pounds(of), payment(10))
			if err != nil {
				return r, err
			}
			return w.AllocatePayment(t.Context(), by, pounds(of), r.ID, account.AllocatePayment{Allocations: []account.Allocation{to(invoiceID, 3)}})
		},
		"AddBranch": func(w *world, by Caller) (Receipt, error) {
			return w.AddBranch(t.Context(), by, tenant.AddBranch{BranchID: branch, Code: "LS", Name: "Leeds"})
		},
		"AddContact": func(w *world, by Caller) (Receipt, error) {
			return w.AddContact(t.Context(), by, uuid.Nil, contactOf(of))
		},
	} {
		t.Run(name, func(t *testing.T) {
			by := staffMember()
			first := w.ok(ask(w, by))
			if first.Events == 0 {
				t.Error("nothing happened the first time")
			}
			w.pay(of, 1) // and the world goes on
			events := len(w.log())
			for where, again := range map[string]*world{"here": w, "in another process": w.another()} {
				r := w.ok(ask(again, by))
				if r.Events != 0 || r.ID != first.ID || r.Version != first.Version || r.Position != first.Position {
					t.Errorf("%s: %+v, first it was %+v", where, r, first)
				}
			}
			if more := len(w.log()) - events; more != 0 {
				t.Errorf("%d more events", more)
			}
		})
	}
}

// A repeated command is answered for although it would be refused by now.
func TestRepetitionIsNotDecidedAgain(t *testing.T) {
	w := open(t)
	of, by, register := w.customer("7"), staffMember(), staffMember()
	issue := invoice.Issue{Content: content(of, "INV-1", 100)}
	eight := customer.Register{Number: "8", Details: customer.Details{LegalName: "Eight"}}
	first, second := w.ok(w.IssueInvoice(t.Context(), by, uuid.Nil, issue)), w.ok(w.RegisterCustomer(t.Context(), register, uuid.Nil, eight))
	w.ok(w.ChangeCustomerDetails(t.Context(), staffMember(), second.ID, customer.ChangeDetails{Details: customer.Details{LegalName: "Acht"}}))
	w.ok(w.CloseCustomer(t.Context(), staffMember(), of, customer.Close{Because: because}))
	if r := w.ok(w.IssueInvoice(t.Context(), by, uuid.Nil, issue)); r.ID != first.ID || r.Position != first.Position {
		t.Errorf("%+v, first it was %+v", r, first)
	}
	if r := w.ok(w.RegisterCustomer(t.Context(), register, uuid.Nil, eight)); r.ID != second.ID || r.Position != second.Position {
		t.Errorf("%+v, first it was %+v", r, second)
	}
}

// I5: the same external reference is one payment, and the answer names it.
func TestI5SameReferenceNamesTheFirstPayment(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	cmd := payment(10)
	cmd.ExternalRef = "bank-1"
	first := w.ok(w.RecordPayment(t.Context(), staffMember(), pounds(of), cmd))
	cmd.ExternalRef = " bank-1 "
	if again := w.ok(w.RecordPayment(t.Context(), staffMember(), pounds(of), cmd)); again.ID != first.ID || again.Events != 0 {
		t.Errorf("%+v, want %s", again, first.ID)
	}
	if got := w.balance(of); got != -10 {
		t.Errorf("the balance is %d", got)
	}
}

// Pitfall 6: the reply is lost. The same ids are tried again; where even that is not
// answered, the client repeats the request.
func TestLostReplies(t *testing.T) {
	for _, c := range []struct {
		times  int64
		write  bool
		answer string
	}{{1, true, ""}, {3, true, ""}, {2, false, ""}, {4, true, "store.unavailable"}, {4, false, "store.unavailable"}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			w, f := broken(t, ".account-", c.times, c.write, eventstore.ErrUnknownOutcome)
			of, by := w.customer("7"), staffMember()
			f.times.Store(c.times)
			r, err := w.RecordPayment(t.Context(), by, pounds(of), payment(10))
			if domain.CodeOf(err) != c.answer || err != nil && !errors.Is(err, eventstore.ErrUnknownOutcome) {
				t.Fatalf("%v, want %q", err, c.answer)
			}
			again := w.ok(w.RecordPayment(t.Context(), by, pounds(of), payment(10)))
			if err == nil && (again.ID != r.ID || again.Position != r.Position) {
				t.Errorf("%+v, first it was %+v", again, r)
			}
			if got := w.types(pounds(of).stream("main")); len(got) != 2 || w.balance(of) != -10 {
				t.Errorf("%v", got)
			}
		})
	}
}

// I6: a crash between the number's reservation and the invoice loses neither.
func TestI6CrashBetweenReservationAndIssue(t *testing.T) {
	w, f := broken(t, ".invoice-", 0, false, eventstore.ErrUnavailable)
	of, by := w.customer("7"), staffMember()
	cmd := invoice.Issue{Content: content(of, "INV-1", 100)}
	f.times.Store(1)
	w.refuses("store.unavailable")(w.IssueInvoice(t.Context(), by, uuid.Nil, cmd))
	w.refuses("invoice.number_taken")(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, cmd)) // it is promised
	next := w.another()
	next.Store = f.Store
	r := w.ok(next.IssueInvoice(t.Context(), by, uuid.Nil, cmd))
	if d := w.issued(r.ID); d.Number != "INV-1" {
		t.Errorf("%+v", d)
	}
	if n := len(w.log()); n != 5 { // tenant, customer and its number, invoice and its number
		t.Errorf("%d events", n)
	}
}

// E9: a crash between the account's reversal and the document's is made good by policy.
func TestE9CrashBetweenReversalAndVoid(t *testing.T) {
	w, f := broken(t, ".invoice-", 0, false, eventstore.ErrUnavailable)
	of := w.customer("7")
	id := w.issue(of, "INV-1", 100)
	f.times.Store(1)
	w.refuses("store.unavailable")(w.VoidInvoice(t.Context(), staffMember(), id, invoice.Void{Because: because}))
	w.follow()
	if s, err := peek[invoice.Invoice](t.Context(), w.Commands, "main", "invoice", id); err != nil || !s.Voided() || w.balance(of) != 0 {
		t.Errorf("%+v, %v, %d is owed", s, err, w.balance(of))
	}
}

func TestTooLargeIsTheAskersFault(t *testing.T) {
	w := open(t)
	big := content(w.customer("7"), "INV-1", 1)
	for range 1_500 {
		big.Lines = append(big.Lines, domain.LineInput{Text: strings.Repeat("x", 500), Quantity: "1", UnitPrice: "1"})
	}
	w.refuses("request.too_large")(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, invoice.Issue{Content: big}))
}

func TestErasedSubjectsGetNoNewData(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	id := w.ok(w.AddContact(t.Context(), staffMember(), uuid.Nil, contactOf(of))).ID
	w.codec.Keys.(interface{ Erase(string, uuid.UUID) }).Erase("main", id)
	w.refuses("subject.erased")(w.ChangeContactDetails(t.Context(), staffMember(), id, contact.ChangeDetails{Details: contact.Details{Name: "John"}}))
	w.ok(w.RemoveContact(t.Context(), staffMember(), id, contact.Remove{Because: domain.Because{Reason: domain.Reason{Code: "left"}}}))
}
