package projections

import (
	"encoding/json"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/invoice"
)

// Invoice is one row of a list of what is owed.
type Invoice struct {
	ID         uuid.UUID  `json:"id"`
	Number     string     `json:"number"`
	Kind       string     `json:"kind" enum:"invoice,adjustment,charge" doc:"A charge arises on the account itself, such as a bank's fee"`
	CustomerID *uuid.UUID `json:"customer_id,omitempty" doc:"Absent: nobody's yet"`
	Placed
	IssuedOn    domain.Date  `json:"issued_on" format:"date"`
	DueOn       domain.Date  `json:"due_on" format:"date"`
	Description string       `json:"description,omitempty"`
	Reference   string       `json:"reference,omitempty" doc:"The customer's own reference"`
	Gross       domain.Money `json:"gross"`
	Payable     domain.Money `json:"payable" doc:"Gross less what is withheld or retained"`
	Open        domain.Money `json:"open" doc:"What is still owed of payable"`
	Paid        domain.Money `json:"paid"`
	Credited    domain.Money `json:"credited"`
	WrittenOff  domain.Money `json:"written_off"`
	Status      string       `json:"status" enum:"draft,open,part_paid,paid,settled,disputed,written_off,void" doc:"Derived from the facts; settled: nothing was ever owed"`
	Overdue     bool         `json:"overdue" doc:"Something is open after the due date in the tenant's time zone"`
	Published   bool         `json:"published" doc:"Whether the customer sees it"`
}

// InvoiceDetail is an invoice with all that belongs to it.
type InvoiceDetail struct {
	Invoice
	Net          domain.Money     `json:"net"`
	Withheld     domain.Money     `json:"withheld"`
	Retained     domain.Money     `json:"retained"`
	LinesTotal   domain.Money     `json:"lines_total" doc:"What the lines add up to"`
	TotalsDiffer bool             `json:"totals_differ" doc:"The document's own totals are not what its lines add up to; the totals count"`
	Lines        []domain.Line    `json:"lines" nullable:"false"`
	Tax          []domain.TaxLine `json:"tax" nullable:"false"`
	Allocations  []Allocation     `json:"allocations" nullable:"false" doc:"Payments and credits that pay it"`
	Dispute      *Dispute         `json:"dispute,omitempty"`
	Activity     []Activity       `json:"activity" nullable:"false" doc:"What happened to it, oldest first"`
	ContentHash  string           `json:"content_hash,omitempty" doc:"SHA-256 of the version that was published"`
	Document     *Document        `json:"document,omitempty" doc:"The file that its customer is given; absent: not published, or not drawn yet"`
	Draft        *invoice.Draft   `json:"draft,omitempty" doc:"Of a draft: what was written, whole, to be changed and sent again. For staff"`
}

// Dispute is what the customer contests.
type Dispute struct {
	Text        string        `json:"text,omitempty"`
	Amount      *domain.Money `json:"amount,omitempty" doc:"The contested part; absent: all of it"`
	ChargedBack *domain.Money `json:"charged_back,omitempty" doc:"What a bank has taken back of its payments"`
}

func (i invoiceRow) money(minor int64) domain.Money {
	return domain.Money{Minor: minor, Currency: i.Currency}
}

func (i invoiceRow) view(today domain.Date) Invoice {
	return Invoice{
		ID: i.ID, Number: i.Number, Kind: i.Kind, CustomerID: &i.CustomerID, Placed: i.Placed,
		IssuedOn: i.IssuedOn, DueOn: i.DueOn, Description: i.Description, Reference: i.Reference,
		Gross: i.money(i.Gross), Payable: i.money(i.Payable), Open: i.money(i.Open),
		Paid: i.money(i.Paid), Credited: i.money(i.Credited), WrittenOff: i.money(i.WrittenOff),
		Status: i.status(), Overdue: i.overdue(today), Published: i.Published,
	}
}

func (i invoiceRow) detail(today domain.Date, lines linesRow) (InvoiceDetail, error) {
	d := InvoiceDetail{
		Invoice: i.view(today), Net: i.money(i.Net), Withheld: i.money(i.Withheld), Retained: i.money(i.Retained),
		LinesTotal: i.money(i.LinesTotal), TotalsDiffer: i.Differs, ContentHash: i.ContentHash, Dispute: i.dispute(),
	}
	return d, lines.into(&d.Lines, &d.Tax)
}

// into reads lines that a charge does not have.
func (l linesRow) into(lines *[]domain.Line, tax *[]domain.TaxLine) error {
	*lines, *tax = []domain.Line{}, []domain.TaxLine{}
	if len(l.Lines) == 0 {
		return nil
	}
	if err := json.Unmarshal(l.Lines, lines); err != nil {
		return err
	}
	return json.Unmarshal(l.Tax, tax)
}

func (i invoiceRow) dispute() *Dispute {
	if !i.Disputed && i.ChargedBack == 0 {
		return nil
	}
	d := &Dispute{Text: i.DisputeText}
	if i.DisputeMinor > 0 {
		m := i.money(i.DisputeMinor)
		d.Amount = &m
	}
	if i.ChargedBack > 0 {
		m := i.money(i.ChargedBack)
		d.ChargedBack = &m
	}
	return d
}
