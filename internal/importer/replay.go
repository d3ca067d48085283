package importer

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/account"
	"portico/domain/invoice"
)

// replay is a case on its way through the commands. It keeps the account's sums beside
// it, to know which credit there is to apply.
type replay struct {
	r       *run
	log     *caseLog
	number  string
	invoice uuid.UUID
	terms   int
	at      commands.Ledger
	out     outcome

	payable, open int64
	funds         []caseFund
}

type caseFund struct {
	id              uuid.UUID
	used, unapplied int64
}

func (p *replay) money(minor int64) domain.Money {
	return domain.Money{Minor: minor, Currency: p.at.Currency}
}

// by is the caller of a decision of a step.
func (p *replay) by(i int, what string, step caseStep) commands.Caller {
	by := p.r.by(instant(step.on, p.r.place.zone))
	by.CommandID = domain.DerivedID(p.invoice, "receivables", what, strconv.Itoa(i), string(step.on), p.money(step.amount+step.expense).String(), p.money(step.paid).String())
	return by
}

func (p *replay) step(ctx context.Context, i int, step caseStep) error {
	if owed := step.amount + step.expense; i == 0 || owed != p.payable {
		if err := p.charge(ctx, i, step); err != nil {
			return err
		}
	}
	if step.payment > 0 {
		return p.pay(ctx, step)
	}
	return nil
}

// charge issues the invoice of a case, or restates it, and sees to it that the account
// follows.
func (p *replay) charge(ctx context.Context, i int, step caseStep) error {
	content := p.content(step)
	if i > 0 {
		content.RestatedOn = step.on
	}
	var f fingerprint
	f.add(p.number, strconv.Itoa(i), string(step.on), string(content.DueOn), p.at.Currency)
	f.lines(content.Lines)
	content.Source = &domain.Source{System: p.r.o.System, ExternalID: p.number, Hash: f.sum()}
	receipt, err := p.r.c.ImportInvoice(ctx, p.by(i, "charge", step), p.invoice, invoice.Import{Content: content})
	if err != nil {
		return err
	}
	p.out.changed = p.out.changed || receipt.Events > 0
	p.out.restated = p.out.restated || i > 0 && receipt.Events > 0

	d := invoice.Document{Number: p.number, Party: content.Party, Calculation: content.Calculation, IssuedOn: content.IssuedOn, DueOn: content.DueOn, RestatedOn: content.RestatedOn}
	d.Gross = step.amount + step.expense
	if i == 0 {
		_, err = p.r.c.PostInvoice(ctx, p.by(i, "post", step), p.invoice, d)
	} else {
		_, err = p.r.c.AdjustInvoice(ctx, p.by(i, "adjust", step), p.invoice, d)
	}
	if err != nil {
		return err
	}
	return p.follow(ctx, i, step)
}

// content is the invoice as of a step.
func (p *replay) content(step caseStep) invoice.Content {
	first := p.log.steps[0]
	text := first.activity
	if p.log.article != "" {
		text += ", article " + p.log.article
	}
	lines := []domain.LineInput{{Text: text, Quantity: "1", UnitPrice: domain.Decimal(p.money(step.amount).String())}}
	if step.expense > 0 {
		lines = append(lines, domain.LineInput{Text: "Expenses", Quantity: "1", UnitPrice: domain.Decimal(p.money(step.expense).String())})
	}
	customer := p.at.CustomerID
	return invoice.Content{
		Number: p.number, Party: domain.Party{CustomerID: &customer}, Calculation: domain.Calculation{Currency: p.at.Currency}.Defaulted(),
		IssuedOn: first.on, DueOn: first.on.AddDays(p.terms), Lines: lines,
	}
}

// follow brings the sums to a new amount owed as the account does: what was allocated
// beyond it is set free, the last payment first. Credit there is pays what is more.
func (p *replay) follow(ctx context.Context, i int, step caseStep) error {
	owed := step.amount + step.expense
	excess := p.payable - p.open - owed
	for n := len(p.funds) - 1; n >= 0 && excess > 0; n-- {
		part := min(excess, p.funds[n].used)
		p.funds[n].used, p.funds[n].unapplied = p.funds[n].used-part, p.funds[n].unapplied+part
		p.open, excess = p.open+part, excess-part
	}
	p.payable, p.open = owed, p.open+owed-p.payable
	for n := range p.funds {
		part := min(p.open, p.funds[n].unapplied)
		if part == 0 {
			continue
		}
		receipt, err := p.r.c.ApplyCredit(ctx, p.by(i, "apply "+strconv.Itoa(n), step), p.at, p.funds[n].id, account.ApplyCredit{
			Allocations: []account.Allocation{{InvoiceID: p.invoice, Amount: p.money(part)}}, On: step.on,
		})
		if err != nil {
			return err
		}
		p.out.changed = p.out.changed || receipt.Events > 0
		p.funds[n].used, p.funds[n].unapplied = p.funds[n].used+part, p.funds[n].unapplied-part
		p.open -= part
	}
	return nil
}

// pay records a payment on its date; what is more than is owed stays as credit (E1).
func (p *replay) pay(ctx context.Context, step caseStep) error {
	total := p.money(step.paid).String()
	fund := caseFund{id: p.r.externalID("payment", p.number, total), used: min(step.payment, p.open)}
	fund.unapplied = step.payment - fund.used
	payment := account.RecordPayment{
		PaymentID: fund.id, Amount: p.money(step.payment), On: step.on, Method: method, ExternalRef: p.r.o.System + " " + p.number + " " + total,
	}
	if fund.used > 0 {
		payment.Allocations = []account.Allocation{{InvoiceID: p.invoice, Amount: p.money(fund.used)}}
	}
	receipt, err := p.r.c.RecordPayment(ctx, p.r.by(instant(step.on, p.r.place.zone)), p.at, payment)
	if err != nil {
		return err
	}
	p.out.changed = p.out.changed || receipt.Events > 0
	p.out.payments++
	p.open -= fund.used
	p.funds = append(p.funds, fund)
	return nil
}
