package commands

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/eventstore"
)

// E8: a voided credit memo is taken off its account, unless it was spent.
func TestE8CreditMemoAcrossAggregates(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	bill := w.issue(of, "INV-1", 40)
	memo := w.credit(of, "CM-1", 100, &bill)
	w.follow()
	if e := last[account.CreditApplied](w, of); e.Open != gbp(0) || e.Unapplied != gbp(60) {
		t.Errorf("%+v", e)
	}
	w.ok(w.VoidCreditMemo(t.Context(), staffMember(), memo, creditmemo.Void{Because: because}))
	w.follow()
	if got := w.balance(of); got != 40 {
		t.Errorf("%d is owed", got)
	}
	spent := w.credit(of, "CM-2", 100, nil) // and its account has not heard of it yet
	w.ok(w.RequestRefund(t.Context(), staffMember(), pounds(of), spent, account.RequestRefund{Amount: gbp(1), To: "bank", Because: because}))
	w.refuses("credit_memo.spent")(w.VoidCreditMemo(t.Context(), staffMember(), spent, creditmemo.Void{Because: because}))
	w.refuses("credit_memo.unknown")(w.VoidCreditMemo(t.Context(), staffMember(), uuid.New(), creditmemo.Void{Because: because}))
}

func TestCreditMemosAreAgainstTheCustomersInvoices(t *testing.T) {
	w := open(t)
	of, other := w.customer("7"), w.customer("8")
	theirs, draft := w.issue(other, "INV-1", 40), w.ok(w.DraftInvoice(t.Context(), staffMember(), uuid.Nil, invoice.Draft{Content: content(of, "", 5)})).ID
	euros := content(of, "INV-2", 5)
	euros.Currency = "EUR"
	foreign := w.ok(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, invoice.Issue{Content: euros})).ID
	for against, code := range map[uuid.UUID]string{theirs: "invoice.unknown", draft: "invoice.unknown", uuid.New(): "invoice.unknown", foreign: "account.wrong_currency"} {
		memo := creditmemo.Content{Number: "CM-1", Party: domain.Party{CustomerID: &of}, AgainstInvoice: &against, Lines: content(of, "", 5).Lines}
		w.refuses(code)(w.IssueCreditMemo(t.Context(), staffMember(), uuid.Nil, creditmemo.Issue{Content: memo}))
	}
	w.credit(of, "CM-1", 5, nil) // the number was not used up
}

// E9: an invoice is voided on its account first, whether or not that has heard of it.
func TestE9VoidAcrossAggregates(t *testing.T) {
	for name, heard := range map[string]bool{"before it is posted": false, "after it was posted": true} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			of := w.customer("7")
			paid, unpaid := w.issue(of, "INV-1", 100), w.issue(of, "INV-2", 50)
			if heard {
				w.follow()
			}
			payer := w.pay(of, 30, to(paid, 30))
			w.ok(w.VoidInvoice(t.Context(), staffMember(), unpaid, invoice.Void{Because: because}))
			w.refuses("invoice.has_payments")(w.VoidInvoice(t.Context(), staffMember(), paid, invoice.Void{Because: because}))
			w.refuses("reason.missing")(w.VoidInvoice(t.Context(), staffMember(), paid, invoice.Void{Release: true}))
			if _, posted := mustPeek[invoice.Invoice](w, "invoice", paid).Posted(); !posted {
				t.Error("what was refused is void")
			}
			w.ok(w.VoidInvoice(t.Context(), staffMember(), paid, invoice.Void{Release: true, Because: because}))
			w.follow()
			if e := last[account.PaymentDeallocated](w, of); e.PaymentID != payer || e.Unapplied != gbp(30) || w.balance(of) != -30 {
				t.Errorf("%+v, the balance is %d", e, w.balance(of))
			}
			if !mustPeek[invoice.Invoice](w, "invoice", paid).Voided() || !mustPeek[invoice.Invoice](w, "invoice", unpaid).Voided() {
				t.Error("the documents are not void")
			}
		})
	}
}

func mustPeek[S any](w *world, category string, id uuid.UUID) S {
	w.t.Helper()
	s, err := peek[S](w.ctx(), w.Commands, "main", category, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// E9: an invoice that was nobody's when its voiding began, and somebody's when it is
// decided, is taken off the account that it came to.
func TestE9VoidOfAnInvoiceThatIsBeingAssigned(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	nobodys := content(of, "INV-1", 100)
	nobodys.CustomerID = nil
	id := w.ok(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, invoice.Issue{Content: nobodys})).ID
	twin, between := w.another(), &meanwhile{Store: w.Store, stream: eventstore.Stream("main", "invoice", id.String())}
	w.Store = between
	between.do = func() {
		w.ok(twin.AssignInvoice(t.Context(), staffMember(), id, invoice.Assign{CustomerID: of, Because: because}))
		twin.follow()
	}
	w.ok(w.VoidInvoice(t.Context(), staffMember(), id, invoice.Void{Because: because}))
	w.follow()
	if !mustPeek[invoice.Invoice](w, "invoice", id).Voided() || w.balance(of) != 0 {
		t.Errorf("%d is owed of it", w.balance(of))
	}
}

// E11: a payment on the wrong customer is reversed, or what is unapplied moves over; both
// histories name each other.
func TestE11WrongCustomer(t *testing.T) {
	w := open(t)
	wrong, right := w.customer("7"), w.customer("8")
	first, second := w.pay(wrong, 100), w.pay(wrong, 50)
	w.ok(w.ReversePayment(t.Context(), staffMember(), pounds(wrong), first, account.ReversePayment{Because: because}))
	moved := w.ok(w.TransferUnapplied(t.Context(), staffMember(), pounds(wrong), second, account.TransferUnapplied{Amount: gbp(50), ToCustomerID: right, Because: because}))
	w.follow()
	out, in := last[account.UnappliedTransferredOut](w, wrong), last[account.UnappliedTransferredIn](w, right)
	if out.TransferID != moved.ID || in.TransferID != moved.ID || out.ToCustomerID != right || in.FromCustomerID != wrong || w.balance(wrong) != 0 || w.balance(right) != -50 {
		t.Errorf("%+v, %+v, balances %d and %d", out, in, w.balance(wrong), w.balance(right))
	}
	bill := w.issue(right, "INV-1", 20)
	w.ok(w.ApplyCredit(t.Context(), staffMember(), pounds(right), moved.ID, account.ApplyCredit{Allocations: []account.Allocation{to(bill, 20)}}))
	w.refuses("customer.unknown")(w.TransferUnapplied(t.Context(), staffMember(), pounds(right), moved.ID, account.TransferUnapplied{Amount: gbp(1), ToCustomerID: uuid.New(), Because: because}))
}

// E12: each currency is an account of its own.
func TestE12AccountsPerCurrency(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	bill := w.issue(of, "INV-1", 100)
	euros := payment(10)
	euros.Amount.Currency = "EUR"
	w.refuses("account.wrong_currency")(w.RecordPayment(t.Context(), staffMember(), pounds(of), euros))
	w.refuses("money.unknown_currency")(w.RecordPayment(t.Context(), staffMember(), Ledger{of, "XXZ"}, euros))
	w.refuses("account.wrong_currency")(w.RecordPayment(t.Context(), staffMember(), Ledger{of, "EUR"}, account.RecordPayment{Amount: euros.Amount, Method: "bank", Allocations: []account.Allocation{to(bill, 5)}}))
	w.ok(w.RecordPayment(t.Context(), staffMember(), Ledger{of, "EUR"}, euros))
	w.follow()
	if got := w.balance(of); got != 100 {
		t.Errorf("%d pence are owed", got)
	}
}

// E16: what is dated back changes no history: the account as of then is still there.
func TestE16BackDating(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	bill := w.issue(of, "INV-1", 100)
	w.follow()
	then := w.log()
	back := payment(40, to(bill, 40))
	back.On = "2026-01-05"
	w.ok(w.RecordPayment(t.Context(), staffMember(), pounds(of), back))
	if e := last[account.PaymentAllocated](w, of); e.On != "2026-01-05" {
		t.Errorf("%+v", e)
	}
	for i, e := range w.log()[:len(then)] {
		if e.ID != then[i].ID || e.Pos != then[i].Pos {
			t.Errorf("event %d has changed", i)
		}
	}
	back.On = "05/01/2026"
	w.refuses("date.malformed")(w.RecordPayment(t.Context(), staffMember(), pounds(of), back))
}

// E17: merged and closed customers keep their accounts; money moves by transfer.
func TestE17MergedCustomer(t *testing.T) {
	w := open(t)
	old, survivor := w.customer("7"), w.customer("8")
	bill := w.issue(old, "INV-1", 100)
	w.follow()
	w.ok(w.MergeCustomers(t.Context(), staffMember(), old, customer.Merge{SurvivorID: survivor, Because: because}))
	w.refuses("customer.not_active")(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, invoice.Issue{Content: content(old, "INV-2", 1)}))
	w.refuses("customer.not_active")(w.MergeCustomers(t.Context(), staffMember(), survivor, customer.Merge{SurvivorID: old, Because: because}))
	payer := w.pay(old, 130, to(bill, 100))
	w.ok(w.TransferUnapplied(t.Context(), staffMember(), pounds(old), payer, account.TransferUnapplied{Amount: gbp(30), ToCustomerID: survivor, Because: because}))
	w.follow()
	if w.balance(old) != 0 || w.balance(survivor) != -30 {
		t.Errorf("balances %d and %d", w.balance(old), w.balance(survivor))
	}
}

// E49: whatever comes first, payment or invoice, the invoice is paid.
func TestE49PaymentBeforeInvoice(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	id := ExternalID("main", "xero", "invoice", "INV-1")
	early := payment(100, to(id, 70))
	w.refuses("account.unknown_invoice")(w.RecordPayment(t.Context(), staffMember(), pounds(of), early))
	early.AwaitInvoices = true
	w.ok(w.RecordPayment(t.Context(), staffMember(), pounds(of), early))
	memo := w.credit(of, "CM-1", 5, nil)
	w.follow()
	w.ok(w.IssueInvoice(t.Context(), staffMember(), id, invoice.Issue{Content: content(of, "INV-1", 80)}))
	w.follow()
	if e := last[account.PaymentAllocated](w, of); e.InvoiceID != id || e.Open != gbp(10) || e.Unapplied != gbp(30) {
		t.Errorf("%+v", e)
	}
	w.ok(w.ApplyCredit(t.Context(), staffMember(), pounds(of), memo, account.ApplyCredit{OldestFirst: true}))
	if e := last[account.CreditApplied](w, of); e.Open != gbp(5) {
		t.Errorf("%+v", e)
	}
}

// Who has just issued a document need not wait for the policy to post it.
func TestDocumentsArriveWhenTheyAreNeeded(t *testing.T) {
	w := open(t)
	of, other := w.customer("7"), w.customer("8")
	w.ok(w.ChangePaymentPolicy(t.Context(), staffMember(), tenant.ChangePaymentPolicy{PaymentPolicy: domain.PaymentPolicy{Part: "any", Over: "refuse"}}))
	bill := func(number string) uuid.UUID { return w.issue(of, number, 100) }
	w.pay(of, 10, to(bill("INV-1"), 10))
	w.ok(w.BeginPayment(t.Context(), staffMember(), pounds(of), account.BeginPayment{Amount: gbp(5), Method: "card", Allocations: []account.Allocation{to(bill("INV-2"), 5)}}))
	w.ok(w.WriteOffInvoice(t.Context(), staffMember(), pounds(of), bill("INV-3"), account.WriteOffInvoice{Because: because}))
	payer := w.pay(of, 10)
	w.ok(w.AllocatePayment(t.Context(), staffMember(), pounds(of), payer, account.AllocatePayment{Allocations: []account.Allocation{to(bill("INV-4"), 5)}}))
	w.ok(w.ApplyCredit(t.Context(), staffMember(), pounds(of), w.credit(of, "CM-1", 5, nil), account.ApplyCredit{Allocations: []account.Allocation{to(bill("INV-5"), 5)}}))
	w.ok(w.TransferUnapplied(t.Context(), staffMember(), pounds(of), w.credit(of, "CM-2", 5, nil), account.TransferUnapplied{Amount: gbp(5), ToCustomerID: other, Because: because}))
	owed := w.balance(of)
	w.follow()
	if got := w.balance(of); got != owed || got != 500-100-10-10-5 {
		t.Errorf("%d is owed, and once all is posted %d", owed, got)
	}
	theirs := w.issue(other, "INV-6", 5)
	w.refuses("account.unknown_invoice")(w.RecordPayment(t.Context(), staffMember(), pounds(of), payment(10, to(theirs, 5))))
}
