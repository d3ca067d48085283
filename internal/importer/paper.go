package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/csvfile"
)

// paper is one invoice or credit memo on its way to its command.
type paper struct {
	number      string
	kind        string // invoice or adjustment
	credit      bool   // amounts credit the customer
	issued, due domain.Date
	at          time.Time
	customer    *party
	party       domain.Party // but for the customer
	description string
	reference   string
	rules       domain.Calculation
	lines       []domain.LineInput
	given       *domain.Given
	totals      domain.Totals
	id          uuid.UUID // set by issue
}

// turn makes an invoice a credit memo: what is negative in the source is positive there.
func (p *paper) turn() {
	p.credit = true
	for i, l := range p.lines {
		if strings.HasPrefix(string(l.UnitPrice), "-") {
			p.lines[i].UnitPrice = negated(l.UnitPrice)
		} else {
			p.lines[i].Quantity = negated(l.Quantity)
		}
	}
	if g := p.given; g != nil {
		g.Net, g.Gross = -g.Net, -g.Gross
		for i := range g.Tax {
			g.Tax[i].Net, g.Tax[i].Minor = -g.Tax[i].Net, -g.Tax[i].Minor
		}
	}
}

func (p *paper) total() (err error) {
	_, p.totals, err = p.rules.Total(p.lines, p.given)
	return err
}

// issue registers the customer and imports the document.
func (r *run) issue(ctx context.Context, p *paper) (outcome, error) {
	if p.totals.Gross < 0 {
		return outcome{}, domain.Invalid("document.negative", "%s comes to %s", p.number, domain.Money{Minor: p.totals.Gross, Currency: p.rules.Currency})
	}
	whose := ""
	if p.customer != nil {
		if err := r.ensure(ctx, p.customer); err != nil {
			return outcome{}, err
		}
		p.party.CustomerID, whose = &p.customer.id, p.customer.id.String()
	}
	out := outcome{
		exact: p.totals.Exact, posted: domain.Money{Minor: p.totals.Gross, Currency: p.rules.Currency},
		rounded: int64(p.totals.RoundedLines),
	}
	if p.given != nil {
		out.exact = domain.Decimal(out.posted.String())
	}
	if p.customer != nil {
		out.customer = p.customer.id
	}
	source := &domain.Source{System: r.o.System, ExternalID: p.number, Hash: p.hash(whose)}
	command := r.importInvoice
	out.kind = "invoice"
	if p.credit {
		command = r.importCreditMemo
		out.kind, out.exact, out.posted.Minor = "credit_memo", negated(out.exact), -out.posted.Minor
	}
	receipt, err := command(ctx, p, source)
	out.changed = receipt.Events > 0
	out.restated = out.changed && receipt.Version >= int64(receipt.Events)
	return out, err
}

func (r *run) importInvoice(ctx context.Context, p *paper, source *domain.Source) (commands.Receipt, error) {
	p.id = r.externalID("invoice", p.number)
	return r.c.ImportInvoice(ctx, r.by(p.at), p.id, invoice.Import{Content: invoice.Content{
		Number: p.number, Kind: p.kind, Party: p.party, Calculation: p.rules, IssuedOn: p.issued, DueOn: p.due,
		Description: p.description, Reference: p.reference, Lines: p.lines, Given: p.given, Source: source,
	}})
}

func (r *run) importCreditMemo(ctx context.Context, p *paper, source *domain.Source) (commands.Receipt, error) {
	if p.kind == "invoice" {
		p.kind = "credit_memo"
	}
	p.id = r.externalID("credit_memo", p.number)
	return r.c.ImportCreditMemo(ctx, r.by(p.at), p.id, creditmemo.Import{Content: creditmemo.Content{
		Number: p.number, Kind: p.kind, Party: p.party, Calculation: p.rules, IssuedOn: p.issued,
		Description: p.description, Lines: p.lines, Given: p.given, Source: source,
	}})
}

// hash tells this content from any other.
func (p *paper) hash(whose string) string {
	var f fingerprint
	f.add(p.number, p.kind, whose, string(p.issued), string(p.due), p.description, p.reference, p.rules.Currency)
	for _, id := range []*uuid.UUID{p.party.BranchID, p.party.ContractorID} {
		if id != nil {
			f.add(id.String())
		} else {
			f.add("")
		}
	}
	if p.rules.PricesIncludeTax {
		f.add("tax included")
	}
	if g := p.given; g != nil {
		f.add(domain.Money{Minor: g.Net, Currency: p.rules.Currency}.String(), domain.Money{Minor: g.Gross, Currency: p.rules.Currency}.String())
		for _, t := range g.Tax {
			f.add(t.Code, domain.Money{Minor: t.Minor, Currency: p.rules.Currency}.String())
		}
	}
	f.lines(p.lines)
	return f.sum()
}

// fingerprint is the hash by which a document's content is told apart from what it was
// at the last import (domain.Source). Changing what goes in restates every document.
type fingerprint struct{ parts []string }

func (f *fingerprint) add(parts ...string) { f.parts = append(f.parts, parts...) }

func (f *fingerprint) lines(lines []domain.LineInput) {
	for _, l := range lines {
		f.add("\x1e", l.SKU, l.Text, string(l.Quantity), string(l.UnitPrice), string(l.Discount), l.TaxCode, string(l.TaxRate))
	}
}

func (f *fingerprint) sum() string {
	h := sha256.New()
	for _, p := range f.parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// checkText bounds what is shown as one line.
func checkText(what, text string, most int) error {
	if len(text) > most {
		return domain.Invalid("field.too_long", "%s has at most %d bytes: %q", what, most, csvfile.Clip(text))
	}
	return nil
}

// negated is -d.
func negated(d domain.Decimal) domain.Decimal {
	if positive, was := strings.CutPrefix(string(d), "-"); was {
		return domain.Decimal(positive)
	}
	if strings.Trim(string(d), "0.") == "" {
		return d // zero
	}
	return "-" + d
}
