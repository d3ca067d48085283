package commands

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/statement"
	"portico/domain/tenant"
	"portico/internal/envelope"
)

// desk draws by writing down for whom.
type desk struct {
	letters []Letter
	against []string
	err     error
}

func (d *desk) Invoice(_ context.Context, l Letter, doc invoice.Document) (domain.Rendition, error) {
	d.letters = append(d.letters, l)
	return domain.Rendition{SHA256: doc.Number}, d.err
}

func (d *desk) CreditMemo(_ context.Context, l Letter, doc creditmemo.Document, against string) (domain.Rendition, error) {
	d.letters, d.against = append(d.letters, l), append(d.against, against)
	return domain.Rendition{SHA256: doc.Number}, d.err
}

func (d *desk) Image(context.Context, string) error { return d.err }

func papered(t *testing.T) (*world, *desk) {
	w, d := open(t), &desk{}
	w.Papers = d
	return w, d
}

// What is drawn is drawn once, for what publishes and nothing else, from what is known then.
func TestPublishingDrawsOnceAndNothingElseDoes(t *testing.T) {
	w, d := papered(t)
	acme := w.customer("7")
	drawn := func(want int, after string) {
		t.Helper()
		if len(d.letters) != want {
			t.Errorf("after %s %d papers were drawn, want %d", after, len(d.letters), want)
		}
	}
	id := w.issue(acme, "INV-1", 500)
	drawn(0, "an issue")
	by := staffMember()
	for range 2 {
		w.ok(w.PublishInvoice(w.ctx(), by, id, invoice.Publish{}))
	}
	w.ok(w.PublishInvoice(w.ctx(), staffMember(), id, invoice.Publish{}))
	drawn(1, "its publication, three times")
	w.refuses("invoice.number_taken")(w.IssueInvoice(w.ctx(), staffMember(), uuid.Nil, invoice.Issue{Content: content(acme, "INV-1", 1), Publish: true}))
	drawn(2, "a refusal that comes late") // a file that nobody has
	w.refuses("invoice.already_issued")(w.IssueInvoice(w.ctx(), staffMember(), id, invoice.Issue{Content: content(acme, "INV-1", 1), Publish: true}))
	w.refuses("field.missing")(w.IssueInvoice(w.ctx(), staffMember(), uuid.Nil, invoice.Issue{Content: content(acme, "", 1), Publish: true}))
	drawn(2, "refusals that come early")
	nobody := content(acme, "INV-2", 1)
	nobody.CustomerID = nil
	w.ok(w.IssueInvoice(w.ctx(), staffMember(), uuid.Nil, invoice.Issue{Content: nobody, Publish: true}))
	drawn(2, "what is nobody's")
	importing := staffMember()
	importing.Origin.Channel = envelope.ChannelImport
	w.ok(w.IssueInvoice(w.ctx(), importing, uuid.Nil, invoice.Issue{Content: content(acme, "INV-3", 1), Publish: true}))
	drawn(2, "an import")
	w.credit(acme, "CM-1", 100, &id)
	drawn(3, "a credit memo")
	if l := d.letters[2]; d.against[0] != "INV-1" || l.Number != "7" || l.Customer.LegalName != "Customer 7" || l.Issuer.Name != "Test" {
		t.Errorf("%+v against %q", l, d.against)
	}
}

// I3: a credit memo is seen at once, and its paper does not name an invoice that is not.
func TestI3ACreditMemosPaperNamesNoInvoiceThatItsCustomerDoesNotSee(t *testing.T) {
	w, d := papered(t)
	acme := w.customer("7")
	id := w.issue(acme, "INV-1", 500)
	w.credit(acme, "CM-1", 100, &id)
	w.ok(w.PublishInvoice(w.ctx(), staffMember(), id, invoice.Publish{}))
	w.credit(acme, "CM-2", 100, &id)
	if d.against[0] != "" || d.against[1] != "INV-1" {
		t.Errorf("the papers name %q", d.against)
	}
}

// Nothing is published that was not kept.
func TestWhatCannotBeDrawnIsNotPublished(t *testing.T) {
	w, d := papered(t)
	acme := w.customer("7")
	id := w.issue(acme, "INV-1", 500)
	d.err = errors.New("away")
	before, _ := w.Store.Head(w.ctx())
	if _, err := w.PublishInvoice(w.ctx(), staffMember(), id, invoice.Publish{}); !errors.Is(err, d.err) {
		t.Error(err)
	}
	if _, err := w.IssueCreditMemo(w.ctx(), staffMember(), uuid.Nil, creditmemo.Issue{Content: creditmemo.Content{Number: "CM-1",
		Party: domain.Party{CustomerID: &acme}, Lines: content(acme, "", 1).Lines}}); !errors.Is(err, d.err) {
		t.Error(err)
	}
	if after, _ := w.Store.Head(w.ctx()); after != before {
		t.Error("something was appended")
	}
}

// A contact may have a statement of its own customer while its portal is open, and of no
// other; others it knows nothing of.
func TestWhoMayHaveAStatement(t *testing.T) {
	w, _ := papered(t)
	acme, other := w.customer("7"), w.customer("8")
	person := w.ok(w.AddContact(w.ctx(), staffMember(), uuid.Nil, contact.Add{CustomerID: acme, Details: contact.Details{Name: "Pat"}, Grants: access.BeforeGrants()})).ID
	as := func(id uuid.UUID) Caller {
		by := staffMember()
		by.Actor, by.Roles = envelope.Actor{Kind: envelope.Contact, ID: id}, []access.Role{access.Contact}
		return by
	}
	n := 0
	ask := func(by Caller, of uuid.UUID, code string) {
		t.Helper()
		n++
		gbp := gbp(0)
		_, err := w.IssueStatement(w.ctx(), by, statement.Issue{Content: statement.Content{CustomerID: of, Number: "S-" + uuid.NewString(), Currency: "GBP", To: "2026-03-31",
			KnownAt: string(rune('0' + n)), Opening: gbp, Closing: gbp}})
		if domain.CodeOf(err) != code {
			t.Errorf("%v, want %q", err, code)
		}
		if _, err := w.Letter(w.ctx(), by, of); domain.CodeOf(err) != code {
			t.Errorf("a letter: %v, want %q", err, code)
		}
	}
	ask(staffMember(), acme, "")
	ask(as(person), acme, "")
	ask(as(person), other, "customer.unknown")
	ask(as(person), uuid.New(), "customer.unknown")
	ask(as(uuid.New()), acme, "customer.unknown")
	ask(as(uuid.New()), uuid.Nil, "customer.unknown")
	posing := as(person)
	posing.Actor.Kind = envelope.Staff
	ask(posing, acme, "customer.unknown")
	w.ok(w.SwitchCustomerPortal(w.ctx(), staffMember(), acme, customer.SwitchPortal{On: false, Because: because}))
	ask(as(person), acme, "customer.unknown")
	ask(staffMember(), acme, "")
	w.ok(w.SwitchCustomerPortal(w.ctx(), staffMember(), acme, customer.SwitchPortal{On: true, Because: because}))
	w.ok(w.RemoveContact(w.ctx(), staffMember(), person, contact.Remove{Because: because}))
	ask(as(person), acme, "customer.unknown")
}

// Branches and contractors are on the letter by name.
func TestALetterNamesBranchAndContractor(t *testing.T) {
	w, d := papered(t)
	branch := w.ok(w.AddBranch(w.ctx(), staffMember(), tenant.AddBranch{Code: "LS", Name: "Leeds"})).ID
	sub := w.ok(w.AddContractor(w.ctx(), staffMember(), tenant.AddContractor{Name: "Sub Ltd"})).ID
	c := content(w.customer("7"), "INV-1", 500)
	c.BranchID, c.ContractorID = &branch, &sub
	w.ok(w.IssueInvoice(w.ctx(), staffMember(), uuid.Nil, invoice.Issue{Content: c, Publish: true}))
	if l := d.letters[0]; l.Branch != "Leeds" || l.Contractor != "Sub Ltd" {
		t.Errorf("%+v", l)
	}
}
