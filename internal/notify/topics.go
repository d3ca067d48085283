package notify

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/mail"
	"portico/projections"
)

// topic is something that people are told of.
type topic struct {
	name  string   // as in tenant.ContactTopics or tenant.StaffTopics
	staff bool     // tells staff by a route, else contacts
	of    []string // the events that lead to it; none: something else does
	about func(envelope.Event) (about, bool)
	// tell finds what there is to say, as v sees it. mail.ErrUnwanted: nothing to that viewer.
	tell func(ctx context.Context, n *Notices, v projections.Viewer, r reader, what about) (news, error)
}

func (t topic) kind() string { return "notify." + t.name }

// enclosures are the files of what topics are about, as their reader is given them.
var enclosures = map[string]func(*projections.Queries, context.Context, projections.Viewer, uuid.UUID, projections.DocumentOptions) (projections.DocumentFile, error){
	"invoice_published":  (*projections.Queries).GetInvoiceDocument,
	"credit_memo_issued": (*projections.Queries).GetCreditMemoDocument,
}

// topics are all of them.
var topics = []topic{
	{name: "invoice_published", of: []string{"invoice.published", "invoice.assigned"}, about: publishedInvoice, tell: tellInvoice},
	{name: "credit_memo_issued", of: []string{"credit_memo.issued", "credit_memo.assigned"}, about: issuedMemo, tell: tellMemo},
	{name: "payment_received", of: []string{"account.payment_received"}, about: receivedPayment, tell: tellPayment},
	{name: tenant.ViewedAs, tell: tellViewed},
	{name: "invoice_disputed", staff: true, of: []string{"invoice.dispute_opened"}, about: disputedInvoice, tell: tellDispute},
	{name: "webhook_disabled", staff: true, of: []string{"webhook.disabled"}, about: disabledWebhook, tell: tellWebhook},
	{name: "invitation_sent", staff: true, of: []string{"invitation.sent"}, about: sentInvitation, tell: tellInvitation},
	{name: "mail_bounced", staff: true, tell: tellBounce},
	{name: "job_dead", staff: true, tell: tellDeadJob},
}

func topicOf(name string) (topic, bool) {
	for _, t := range topics {
		if t.name == name {
			return t, true
		}
	}
	return topic{}, false
}

// publishedInvoice: one that was nobody's when it was published is news to whom it is
// assigned to.
func publishedInvoice(e envelope.Event) (about, bool) {
	what := about{ID: e.Stream.AggregateID()}
	switch d := e.Data.(type) {
	case invoice.Published:
		if d.CustomerID == nil {
			return what, false
		}
		what.Customer, what.Again = *d.CustomerID, d.Version > 1
	case invoice.Assigned:
		if d.CustomerID == nil || !d.Published {
			return what, false
		}
		what.Customer = *d.CustomerID
	}
	return what, true
}

func issuedMemo(e envelope.Event) (about, bool) {
	var of *uuid.UUID
	switch d := e.Data.(type) {
	case creditmemo.Issued:
		of = d.CustomerID
	case creditmemo.Assigned:
		of = d.CustomerID
	}
	if of == nil {
		return about{}, false
	}
	return about{ID: e.Stream.AggregateID(), Customer: *of}, true
}

func receivedPayment(e envelope.Event) (about, bool) {
	d, ok := e.Data.(account.PaymentReceived)
	return about{ID: d.PaymentID, Customer: e.Meta.Route}, ok && e.Meta.Route != uuid.Nil
}

func disputedInvoice(e envelope.Event) (about, bool) {
	return about{ID: e.Stream.AggregateID(), Customer: e.Meta.Route}, true
}

func tellInvoice(ctx context.Context, n *Notices, v projections.Viewer, r reader, what about) (news, error) {
	i, err := n.Queries.GetInvoice(ctx, v, what.ID)
	if err != nil || i.Status == "void" {
		return news{}, unseen(err)
	}
	said := news{link: "/invoices/" + what.ID.String()}
	if what.Again {
		said.words = "invoice_updated"
	}
	said.value("number", i.Number)
	said.row("invoice", i.Number)
	said.row("reference", i.Reference)
	said.row("issued_on", r.date(i.IssuedOn))
	said.row("due_on", r.date(i.DueOn))
	said.row("total", r.money(i.Gross))
	if i.Payable != i.Gross {
		said.row("to_pay", r.money(i.Payable))
	}
	if i.Open != i.Payable {
		said.row("open", r.money(i.Open))
	}
	return said, nil
}

func tellMemo(ctx context.Context, n *Notices, v projections.Viewer, r reader, what about) (news, error) {
	m, err := n.Queries.GetCreditMemo(ctx, v, what.ID)
	if err != nil || m.Status == "void" {
		return news{}, unseen(err)
	}
	said := news{link: "/credit-memos/" + what.ID.String()}
	said.value("number", m.Number)
	said.row("credit_memo", m.Number)
	said.row("issued_on", r.date(m.IssuedOn))
	said.row("credit", r.money(m.Amount))
	return said, nil
}

// paidForMost is how many invoices a receipt names.
const paidForMost = 10

func tellPayment(ctx context.Context, n *Notices, v projections.Viewer, r reader, what about) (news, error) {
	p, err := n.Queries.GetPayment(ctx, v, what.ID)
	if err != nil || p.Status != "received" && p.Status != "settled" {
		return news{}, unseen(err)
	}
	said := news{link: "/payments/" + what.ID.String()}
	said.value("amount", r.money(p.Amount))
	said.row("amount", r.money(p.Amount))
	said.row("received_on", r.date(p.ReceivedOn))
	said.row("bank_reference", p.Reference)
	numbers := ""
	for at, a := range p.Allocations {
		switch {
		case a.Amount.Minor == 0:
			continue
		case at == paidForMost:
			numbers += ", …"
		case at < paidForMost:
			if numbers != "" {
				numbers += ", "
			}
			numbers += a.InvoiceNumber
		}
	}
	said.row("paid_for", numbers)
	return said, nil
}

// unseen is that a viewer is not to see what there was to tell: then it is not told.
func unseen(err error) error {
	var refused *domain.Error
	if err == nil || errors.As(err, &refused) && (refused.Kind == domain.KindNotFound || refused.Kind == domain.KindForbidden) {
		return mail.ErrUnwanted
	}
	return err
}
