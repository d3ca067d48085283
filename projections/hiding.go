package projections

import (
	"slices"
	"strings"

	"portico/domain"
)

// What the business hides from its customers is absent from what contacts are shown, from
// what they can search, and from what they can filter by (S1.41, S4.13).

// blank empties a field if it is hidden.
func blank[T any](s scope, entity, name string, field *T) {
	if s.hides(entity, name) {
		var nothing T
		*field = nothing
	}
}

func (s scope) invoice(i Invoice) Invoice {
	s.placed("invoice", &i.Placed)
	blank(s, "invoice", "description", &i.Description)
	blank(s, "invoice", "reference", &i.Reference)
	return i
}

func (s scope) creditMemo(c creditView) CreditMemo {
	m := c.view()
	s.placed("credit_memo", &m.Placed)
	blank(s, "credit_memo", "description", &m.Description)
	return m
}

func (s scope) payment(p paymentView) Payment {
	v := p.view()
	blank(s, "payment", "method", &v.Method)
	blank(s, "payment", "reference", &v.Reference)
	return v
}

// hidesPaymentName tells whether what people know a payment by is hidden: its reference, or
// for want of one its method.
func (s scope) hidesPaymentName() bool {
	return s.hides("payment", "reference") || s.hides("payment", "method")
}

func (s scope) allocation(a allocationView) Allocation {
	v := a.view()
	if v.Kind != "credit_memo" && s.hidesPaymentName() {
		v.FundNumber = ""
	}
	return v
}

func (s scope) activity(a activityRow) Activity {
	v := a.view()
	if (v.RefKind == "payment" || v.RefKind == "refund") && s.hidesPaymentName() {
		v.Number = ""
	}
	return v
}

// number is what a line of a statement is known by.
func (s scope) number(l lineRow) string {
	ofDocument := l.FundID == nil || strings.HasPrefix(l.Kind, "credit_memo")
	if !ofDocument && s.hidesPaymentName() {
		return ""
	}
	return l.Number
}

func (s scope) lines(entity string, lines []domain.Line) []domain.Line {
	if !s.hides(entity, "line.sku") && !s.hides(entity, "line.discount") {
		return lines
	}
	lines = slices.Clone(lines)
	for n := range lines {
		blank(s, entity, "line.sku", &lines[n].SKU)
		blank(s, entity, "line.discount", &lines[n].Discount)
	}
	return lines
}

func (s scope) customer(c Customer) Customer {
	blank(s, "customer", "address", &c.Address)
	blank(s, "customer", "branch", &c.BranchID)
	blank(s, "customer", "country", &c.Country)
	blank(s, "customer", "terms_days", &c.TermsDays)
	return c
}
