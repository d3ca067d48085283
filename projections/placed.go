package projections

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
)

// Placed is where a document belongs: in its row, and in answers.
type Placed struct {
	BranchID         *uuid.UUID `db:"branch_id" json:"branch_id,omitempty"`
	ContractorID     *uuid.UUID `db:"contractor_id" json:"contractor_id,omitempty"`
	SiteID           *uuid.UUID `db:"site_id" json:"site_id,omitempty" doc:"Where the work was done"`
	PrimaryContactID *uuid.UUID `db:"primary_contact_id" json:"primary_contact_id,omitempty" doc:"The customer's main contact for it"`
}

func placed(p domain.Party) Placed {
	return Placed{p.BranchID, p.ContractorID, p.SiteID, p.PrimaryContactID}
}

// PlaceFilter narrows a list of documents to where they belong. All that is given must hold.
type PlaceFilter struct {
	ContractorID     uuid.UUID `query:"contractor_id"`
	BranchID         uuid.UUID `query:"branch_id"`
	SiteID           uuid.UUID `query:"site_id"`
	PrimaryContactID uuid.UUID `query:"primary_contact_id"`
}

// Of a table of documents that is the only one in its from clause.
const placeFilters = `
  and (@contractor::uuid is null or contractor_id = @contractor) and (@branch::uuid is null or branch_id = @branch)
  and (@site::uuid is null or site_id = @site) and (@primary_contact::uuid is null or primary_contact_id = @primary_contact)`

// into adds the filter to the arguments of a statement, each under the name of its field.
func (f PlaceFilter) into(args pgx.NamedArgs) pgx.NamedArgs {
	for name, id := range f.fields() {
		args[name] = optional(id)
	}
	return args
}

func (f PlaceFilter) fields() map[string]uuid.UUID {
	return map[string]uuid.UUID{"branch": f.BranchID, "contractor": f.ContractorID, "site": f.SiteID, "primary_contact": f.PrimaryContactID}
}

// placed empties what is hidden of where a document belongs.
func (s scope) placed(entity string, p *Placed) {
	for name, id := range map[string]**uuid.UUID{"branch": &p.BranchID, "contractor": &p.ContractorID, "site": &p.SiteID, "primary_contact": &p.PrimaryContactID} {
		blank(s, entity, name, id)
	}
}

// mustFilter refuses to narrow a list by a field that is hidden: the rows left would tell it.
func (s scope) mustFilter(entity string, f PlaceFilter) error {
	for name, given := range f.fields() {
		if given != uuid.Nil && s.hides(entity, name) {
			return domain.Invalid("field.hidden", "the field %s cannot be asked for", name)
		}
	}
	return nil
}
