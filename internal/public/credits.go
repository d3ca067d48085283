package public

import (
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/internal/envelope"
)

// CreditMemo is the data of portico.credit_memo.issued.v1, restated.v1 and assigned.v1: a
// credit memo without its texts.
type CreditMemo struct {
	CreditMemoID uuid.UUID `json:"credit_memo_id"`
	Number       string    `json:"number"`
	Kind         string    `json:"kind" doc:"credit_memo, or adjustment"`
	Party
	IssuedOn         domain.Date `json:"issued_on"`
	AgainstInvoiceID *uuid.UUID  `json:"against_invoice_id,omitempty"`
	Totals
	Source *Source `json:"source,omitempty"`
}

func (d CreditMemo) invoices() []uuid.UUID {
	if d.AgainstInvoiceID == nil {
		return nil
	}
	return []uuid.UUID{*d.AgainstInvoiceID}
}

// CreditMemoVoided is the data of portico.credit_memo.voided.v1.
type CreditMemoVoided struct {
	CreditMemoID uuid.UUID `json:"credit_memo_id"`
}

// CreditUse is the data of portico.credit.applied.v1 and portico.credit.unapplied.v1.
type CreditUse struct {
	CreditID  uuid.UUID   `json:"credit_id" doc:"A credit memo, or credit that came from another customer's account"`
	InvoiceID uuid.UUID   `json:"invoice_id"`
	Amount    Amount      `json:"amount"`
	Open      Amount      `json:"open" doc:"What of the invoice is owed now"`
	On        domain.Date `json:"on"`
}

func (d CreditUse) invoices() []uuid.UUID { return []uuid.UUID{d.InvoiceID} }

// TransferSent is the data of portico.transfer.sent.v1.
type TransferSent struct {
	TransferID   uuid.UUID   `json:"transfer_id"`
	FundID       uuid.UUID   `json:"fund_id" doc:"The payment, credit memo or transfer that it comes out of"`
	Amount       Amount      `json:"amount"`
	ToCustomerID uuid.UUID   `json:"to_customer_id"`
	On           domain.Date `json:"on"`
}

// TransferReceived is the data of portico.transfer.received.v1.
type TransferReceived struct {
	TransferID     uuid.UUID   `json:"transfer_id"`
	Amount         Amount      `json:"amount"`
	FromCustomerID uuid.UUID   `json:"from_customer_id"`
	On             domain.Date `json:"on"`
}

// A memo is visible at once, but the invoice that it is against may not be.
var creditMemoKinds = []Kind{
	of("credit_memo.issued", "portico.credit_memo.issued.v1", CustomerIfPublished, "A credit memo was issued. Its customer sees it at once.",
		func(e envelope.Event, d creditmemo.Issued) CreditMemo { return creditMemoOf(e, d.Document) }),
	of("credit_memo.restated", "portico.credit_memo.restated.v1", CustomerIfPublished, "The system that a credit memo was imported from has changed it.",
		func(e envelope.Event, d creditmemo.Restated) CreditMemo { return creditMemoOf(e, d.Document) }),
	of("credit_memo.assigned", "portico.credit_memo.assigned.v1", CustomerIfPublished, "A credit memo that was nobody's is a customer's now.",
		func(e envelope.Event, d creditmemo.Assigned) CreditMemo { return creditMemoOf(e, d.Document) }),
	of("credit_memo.voided", "portico.credit_memo.voided.v1", Customer, "A credit memo counts no more.",
		func(e envelope.Event, _ creditmemo.Voided) CreditMemoVoided { return CreditMemoVoided{about(e)} }),
}

var creditKinds = []Kind{
	of("account.credit_applied", "portico.credit.applied.v1", CustomerIfPublished, "Part of a credit pays part of an invoice.",
		func(_ envelope.Event, d account.CreditApplied) CreditUse {
			return CreditUse{d.CreditID, d.InvoiceID, Amount(d.Amount), Amount(d.Open), d.On}
		}),
	of("account.credit_unapplied", "portico.credit.unapplied.v1", CustomerIfPublished, "Part of a credit pays an invoice no more.",
		func(_ envelope.Event, d account.CreditUnapplied) CreditUse {
			return CreditUse{d.CreditID, d.InvoiceID, Amount(d.Amount), Amount(d.Open), d.On}
		}),
	of("account.unapplied_transferred_out", "portico.transfer.sent.v1", Owner, "Credit went to another customer's account.",
		func(_ envelope.Event, d account.UnappliedTransferredOut) TransferSent {
			return TransferSent{d.TransferID, d.FundID, Amount(d.Amount), d.ToCustomerID, d.On}
		}),
	of("account.unapplied_transferred_in", "portico.transfer.received.v1", Owner, "Credit came from another customer's account.",
		func(_ envelope.Event, d account.UnappliedTransferredIn) TransferReceived {
			return TransferReceived{d.TransferID, Amount(d.Amount), d.FromCustomerID, d.On}
		}),
}

func creditMemoOf(e envelope.Event, d creditmemo.Document) CreditMemo {
	return CreditMemo{
		CreditMemoID: about(e), Number: d.Number, Kind: d.Kind, Party: Party(d.Party), IssuedOn: d.IssuedOn,
		AgainstInvoiceID: d.AgainstInvoice, Totals: totals(d.Currency, len(d.Lines), d.Totals), Source: sourceOf(d.Source),
	}
}
