package notify

import (
	"context"
	"net/url"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/projections"
)

func tellDispute(ctx context.Context, n *Notices, v projections.Viewer, r reader, what about) (news, error) {
	i, err := n.Queries.GetInvoice(ctx, v, what.ID)
	if err != nil || i.Dispute == nil || i.CustomerID == nil { // resolved meanwhile
		return news{}, unseen(err)
	}
	c, err := n.Queries.GetCustomer(ctx, v, *i.CustomerID)
	if err != nil {
		return news{}, unseen(err)
	}
	said := news{link: "/invoices/" + what.ID.String()}
	said.value("number", i.Number)
	said.value("customer", c.Name)
	said.row("customer", c.Name+" ("+c.Number+")")
	said.row("invoice", i.Number)
	said.row("total", r.money(i.Gross))
	contested := r.label("all")
	if i.Dispute.Amount != nil {
		contested = r.money(*i.Dispute.Amount)
	}
	said.row("contested", contested)
	said.row("words", i.Dispute.Text)
	return said, nil
}

func tellBounce(ctx context.Context, n *Notices, v projections.Viewer, r reader, what about) (news, error) {
	back, m, err := n.Mails.ReturnOf(ctx, what.ID)
	if err != nil {
		return news{}, err
	}
	var said news
	said.value("address", m.Recipient)
	if m.Customer != nil {
		c, err := n.Queries.GetCustomer(ctx, v, *m.Customer)
		if err == nil {
			said.row("customer", c.Name+" ("+c.Number+")")
		} else if domain.CodeOf(err) == "internal" {
			return said, err
		}
	}
	said.row("address", m.Recipient)
	said.row("subject", m.Subject)
	said.row("said", back.Text)
	blocked, err := n.Mails.Blocked(ctx, m.Tenant, m.Recipient)
	if err != nil {
		return said, err
	}
	said.row("blocked", r.label(map[bool]string{true: "blocked_yes", false: "blocked_no"}[blocked]))
	return said, nil
}

func disabledWebhook(e envelope.Event) (about, bool) {
	d, ok := e.Data.(webhook.Disabled)
	return about{ID: e.Stream.AggregateID(), Why: d.Why}, ok && d.Why != "staff" // who know it
}

func tellWebhook(ctx context.Context, n *Notices, v projections.Viewer, _ reader, what about) (news, error) {
	w, err := n.Queries.GetWebhook(ctx, v, what.ID)
	if err != nil || w.Status != "disabled" { // mended meanwhile
		return news{}, unseen(err)
	}
	var said news
	at := w.ID.String()
	if u, err := url.Parse(w.URL); err == nil { // its path may be a secret
		at = u.Host + " (" + at + ")"
	}
	if w.Description != "" {
		at = w.Description + ", " + at
	}
	said.row("endpoint", at)
	said.row("reason", what.Why)
	return said, nil
}

// route is the address on a staff route that a letter names, if it is still on it.
func (n *Notices) route(ctx context.Context, v projections.Viewer, topic string, id uuid.UUID) (string, error) {
	settings, err := n.Queries.GetNotificationSettings(ctx, v)
	for _, address := range settings.Route(topic) {
		if routed(address) == id {
			return address, err
		}
	}
	return "", err
}
