package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"portico/domain"
)

func (f *sheet) apply(ctx context.Context, r *run, d *document) (outcome, error) {
	e := d.body.(*entry)
	state, err := f.profile.state(e.head["status"])
	if err != nil {
		return outcome{}, err
	}
	kind, err := f.profile.kind(e.head["type"])
	if err != nil {
		return outcome{}, err
	}
	switch {
	case kind == skip:
		return outcome{allIgnore: "type " + strings.ToLower(e.head["type"])}, nil
	case state == skip:
		return outcome{allIgnore: "status " + strings.ToLower(e.head["status"])}, nil
	case state == deleted:
		return r.remove(ctx, d.number, kind == creditType)
	}
	p, notes, err := f.paper(r, d.number, e)
	if err != nil {
		return outcome{}, err
	}
	if kind == creditType {
		if p.credit = true; p.totals.Gross < 0 {
			if p.turn(); p.total() != nil {
				return outcome{}, p.total()
			}
		}
	}
	out, err := r.issue(ctx, p)
	if code := domain.CodeOf(err); err != nil && !(state == void && (code == "invoice.void" || code == "credit_memo.void")) {
		return out, err
	}
	out.notes = notes
	if state == void {
		err := r.void(ctx, p, &out, "source_voided")
		return out, err
	}
	if !p.credit && e.head["paid"] != "" {
		err = f.pay(ctx, r, p, e, &out)
	}
	return out, err
}

// paper reads a document's cells. What the file says of totals is authoritative (E13);
// notes name where it contradicts itself.
func (f *sheet) paper(r *run, number string, e *entry) (p *paper, notes []string, err error) {
	p = &paper{
		number: number, kind: "invoice", issued: e.issued, at: instant(e.issued, r.place.zone), customer: e.customer,
		description: e.head["description"], reference: e.head["reference"], rules: domain.Calculation{Currency: e.currency}.Defaulted(),
	}
	p.due = p.issued.AddDays(f.terms)
	if due := e.head["due"]; due != "" {
		if p.due, err = f.dates.Read(due); err != nil {
			return nil, nil, err
		}
	}
	for _, field := range []string{"track1", "track2"} {
		if name := e.head[field]; name != "" && !p.track(r.place, strings.ToLower(name)) {
			notes = append(notes, "tracking_unknown")
		}
	}
	for i, l := range e.lines {
		line, err := f.line(l)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d of the document: %w", i+1, err)
		}
		p.lines = append(p.lines, line)
	}
	if err := p.total(); err != nil {
		return nil, nil, err
	}
	if p.given, err = f.given(p, e); err != nil {
		return nil, nil, err
	}
	if err := p.total(); err != nil {
		return nil, nil, err
	}
	if p.given != nil && p.totals.Differs(p.rules.PricesIncludeTax) {
		notes = append(notes, "totals_differ")
	}
	return p, slices.Compact(notes), nil
}

// track takes a branch's code or name, or a contractor's name.
func (p *paper) track(at place, name string) bool {
	branch, isBranch := at.branches[name]
	contractor, isContractor := at.contractors[name]
	if isBranch {
		p.party.BranchID = &branch
	}
	if isContractor {
		p.party.ContractorID = &contractor
	}
	return isBranch || isContractor
}

// line reads one line. One without a price is one of its amount, discount taken off
// already; one without either is a text.
func (f *sheet) line(l sheetLine) (in domain.LineInput, err error) {
	in = domain.LineInput{SKU: l.sku, Text: l.text, TaxCode: l.taxCode}
	if in.Text == "" {
		in.Text = l.sku
	}
	if l.price == "" {
		l.quantity, l.price, l.discount = "1", l.amount, ""
	}
	for _, n := range []struct {
		cell, blank string
		to          *domain.Decimal
	}{
		{l.quantity, "1", &in.Quantity}, {l.price, "0", &in.UnitPrice},
		{strings.TrimSuffix(l.discount, "%"), "", &in.Discount}, {strings.TrimSuffix(l.taxRate, "%"), "", &in.TaxRate},
	} {
		if *n.to = domain.Decimal(n.blank); n.cell != "" {
			if *n.to, err = f.numbers.Read(n.cell); err != nil {
				return in, err
			}
		}
	}
	if err := checkText("an item's code", in.SKU, 60); err != nil {
		return in, err
	}
	return in, checkText("a line's text", in.Text, 4_000)
}
