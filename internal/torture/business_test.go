//go:build linux

package torture

import (
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

// parties is how many customers a load has: few enough that clients meet.
const parties = 12

// choose says what a client wants next.
func (l *load) choose(r *rand.Rand) *request {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made++
	label := fmt.Sprintf("%s-%d", l.prefix, l.made)
	if len(l.parties) == 0 || !l.plain && r.IntN(8) == 0 && (len(l.parties) < parties || r.IntN(8) == 0) {
		return l.register(label)
	}
	p := l.parties[r.IntN(len(l.parties))]
	if l.plain {
		return l.pay(r, label, p)
	}
	switch n := r.IntN(100); {
	case n < 35 || len(p.invoices) == 0:
		return l.issue(r, label, p)
	case n < 70:
		return l.pay(r, label, p)
	case n < 78 && len(p.payments) > 0:
		payment := p.payments[r.IntN(len(p.payments))]
		return onAccount(p, &request{label: label, path: "/payments/" + payment.String() + "/allocate", body: `{"oldest_first":true}`})
	case n < 86:
		return l.void(r, label, p)
	case n < 92:
		return about("invoice", &request{label: label, path: "/v1/invoices/" + p.invoices[r.IntN(len(p.invoices))].String() + "/publish", body: `{}`})
	default:
		return l.credit(r, label, p)
	}
}

func (l *load) register(label string) *request {
	return about("customer", &request{
		label: label, path: "/v1/customers", typ: "customer.registered",
		body: fmt.Sprintf(`{"number":"C-%s","legal_name":"Customer %s"}`, label, label),
		done: func(got answer) {
			if len(l.parties) < parties {
				l.parties = append(l.parties, &party{id: got.ID})
			}
		},
	})
}

func (l *load) issue(r *rand.Rand, label string, p *party) *request {
	return about("invoice", &request{
		label: label, path: "/v1/invoices", typ: "invoice.issued",
		body: fmt.Sprintf(`{"number":"I-%s","customer_id":%q,"currency":"GBP","publish":%v,"lines":[{"text":"Work","quantity":"%d","unit_price":"%d.%02d"}]}`,
			label, p.id, r.IntN(2) == 0, 1+r.IntN(3), 1+r.IntN(90), r.IntN(100)),
		done: func(got answer) { p.invoices = append(p.invoices, got.ID) },
	})
}

// pay names the payment by its method, so that the checker recognizes it under any id.
func (l *load) pay(r *rand.Rand, label string, p *party) *request {
	return onAccount(p, &request{
		label: label, path: "/payments", typ: "account.payment_received",
		body: fmt.Sprintf(`{"amount":{"minor":%d,"currency":"GBP"},"method":%q,"oldest_first":%v}`, 1+r.IntN(9000), label, r.IntN(3) > 0),
		done: func(got answer) { p.payments = append(p.payments, got.ID) },
	})
}

func (l *load) void(r *rand.Rand, label string, p *party) *request {
	return about("invoice", &request{
		label: label, path: "/v1/invoices/" + p.invoices[r.IntN(len(p.invoices))].String() + "/void",
		body: `{"release":true,"reason":{"code":"mistake","text":"Wrong customer"}}`,
	})
}

func (l *load) credit(r *rand.Rand, label string, p *party) *request {
	against := ""
	if r.IntN(2) == 0 {
		against = fmt.Sprintf(`"against_invoice_id":%q,`, p.invoices[r.IntN(len(p.invoices))])
	}
	return about("creditmemo", &request{
		label: label, path: "/v1/credit-memos", typ: "credit_memo.issued",
		body: fmt.Sprintf(`{"number":"M-%s","customer_id":%q,%s"currency":"GBP","lines":[{"text":"Goodwill","quantity":"1","unit_price":"%d"}]}`,
			label, p.id, against, 1+r.IntN(40)),
	})
}

// about says which stream the receipt is about.
func about(category string, ask *request) *request {
	ask.stream = func(id uuid.UUID) eventstore.StreamName { return eventstore.Stream("main", category, id.String()) }
	return ask
}

// onAccount is a request on a customer's account.
func onAccount(p *party, ask *request) *request {
	ask.path = "/v1/customers/" + p.id.String() + "/accounts/GBP" + ask.path
	ask.stream = func(uuid.UUID) eventstore.StreamName {
		return eventstore.Stream("main", "account", p.id.String()+"-GBP")
	}
	return ask
}
