package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/domain/tenant"
)

// HiddenFields are those that the business does not show to its customers.
func (c *Commands) HiddenFields(ctx context.Context, code string) ([]access.Field, error) {
	t, err := peek[tenant.Tenant](ctx, c, code, "tenant", TenantID(code))
	return t.Hidden(), err
}

// hiding leaves out of documents what customers are not shown (S1.41): of those that are
// drawn from now on. One that was published stays as it is.
type hiding struct {
	entity string
	fields []access.Field
}

func (h hiding) has(name string) bool {
	return slices.Contains(h.fields, access.Field{Entity: h.entity, Name: name})
}

func (h hiding) text(name string, s *string) {
	if h.has(name) {
		*s = ""
	}
}

func (h hiding) party(p *domain.Party) {
	for name, id := range map[string]**uuid.UUID{"branch": &p.BranchID, "contractor": &p.ContractorID, "site": &p.SiteID, "primary_contact": &p.PrimaryContactID} {
		if h.has(name) {
			*id = nil
		}
	}
}

func (h hiding) lines(lines []domain.Line) []domain.Line {
	lines = slices.Clone(lines)
	for n := range lines {
		h.text("line.sku", &lines[n].SKU)
		if h.has("line.discount") {
			lines[n].Discount = ""
		}
	}
	return lines
}

func (h hiding) invoice(d invoice.Document) invoice.Document {
	h.party(&d.Party)
	h.text("description", &d.Description)
	h.text("reference", &d.Reference)
	d.Lines = h.lines(d.Lines)
	return d
}

func (h hiding) memo(d creditmemo.Document) creditmemo.Document {
	h.party(&d.Party)
	h.text("description", &d.Description)
	d.Lines = h.lines(d.Lines)
	return d
}
