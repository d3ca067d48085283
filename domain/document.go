package domain

import (
	"cmp"

	"github.com/google/uuid"
)

// LineInput is one line as a person or a file gives it.
type LineInput struct {
	SKU       string  `json:"sku,omitempty" maxLength:"60"`
	Text      string  `json:"text" maxLength:"500"`
	Quantity  Decimal `json:"quantity" maxLength:"40" example:"2"`
	UnitPrice Decimal `json:"unit_price" maxLength:"40" example:"19.995" doc:"In major units, exact"`
	Discount  Decimal `json:"discount_percent,omitempty" maxLength:"40" example:"10"`
	TaxCode   string  `json:"tax_code,omitempty" maxLength:"20" example:"VAT20"`
	TaxRate   Decimal `json:"tax_rate_percent,omitempty" maxLength:"40" example:"20"`
}

// Line is one line as issued. Minor is its amount in the document's currency, rounded
// once; exclusive of tax unless the document's prices include it.
type Line struct {
	SKU       string  `json:"sku,omitempty"`
	Text      string  `json:"text"`
	Quantity  Decimal `json:"quantity"`
	UnitPrice Decimal `json:"unit_price"`
	Discount  Decimal `json:"discount_percent,omitempty"`
	TaxCode   string  `json:"tax_code,omitempty"`
	TaxRate   Decimal `json:"tax_rate_percent,omitempty"`
	Minor     int64   `json:"minor"`
}

// TaxLine is the tax of one rate.
type TaxLine struct {
	Code  string  `json:"code,omitempty"`
	Rate  Decimal `json:"rate_percent"`
	Net   int64   `json:"net"`   // minor units taxed
	Minor int64   `json:"minor"` // minor units of tax
}

// Totals are a document's sums in minor units. Gross = Net + tax. LinesTotal is what the
// lines add up to; where an imported document's own totals differ from it, both are kept
// and shown (E13). Exact is the sum before rounding, in major units.
type Totals struct {
	Net          int64     `json:"net"`
	Tax          []TaxLine `json:"tax,omitempty"`
	Gross        int64     `json:"gross"`
	LinesTotal   int64     `json:"lines_total"`
	Exact        Decimal   `json:"exact_total"`
	RoundedLines int       `json:"rounded_lines"`
}

// Differs tells whether the document's own totals are not what its lines add up to.
func (t Totals) Differs(taxIncluded bool) bool {
	if taxIncluded {
		return t.LinesTotal != t.Gross
	}
	return t.LinesTotal != t.Net
}

// Source says which record of which system a document came from (DOMAIN part e).
// Hash is of the source's rows: the same hash is the same content.
type Source struct {
	System     string `json:"system"`
	ExternalID string `json:"external_id"`
	Hash       string `json:"hash"`
}

// Calculation is how lines become totals; it is recorded with the document.
type Calculation struct {
	Currency         string   `json:"currency" required:"false" pattern:"^[A-Z]{3}$" example:"GBP" doc:"The customer's if left out, else the tenant's"`
	Rounding         Rounding `json:"rounding,omitempty" enum:"half_up,half_even" doc:"half_up if left out"`
	TaxRounding      string   `json:"tax_rounding,omitempty" enum:"per_line,per_document" doc:"per_document if left out"`
	PricesIncludeTax bool     `json:"prices_include_tax,omitempty"`
}

// Defaulted fills in what was left out.
func (c Calculation) Defaulted() Calculation {
	if c.Rounding == "" {
		c.Rounding = HalfUp
	}
	if c.TaxRounding == "" {
		c.TaxRounding = "per_document"
	}
	return c
}

// MaxLines bounds one document, so that its event stays below the event store's limit.
const MaxLines = 2_000

// Given are totals that a source system states: they are authoritative (E13).
type Given struct {
	Net   int64     `json:"net"`
	Tax   []TaxLine `json:"tax,omitempty"`
	Gross int64     `json:"gross"`
}

// Party is whose document it is, and where it belongs: what scopes of grants are about.
// What a site is, besides an id, is for those who keep sites to know.
type Party struct {
	CustomerID       *uuid.UUID `json:"customer_id,omitempty" doc:"Left out: on nobody's account until it is assigned"`
	BranchID         *uuid.UUID `json:"branch_id,omitempty"`
	ContractorID     *uuid.UUID `json:"contractor_id,omitempty"`
	SiteID           *uuid.UUID `json:"site_id,omitempty" doc:"Where the work was done"`
	PrimaryContactID *uuid.UUID `json:"primary_contact_id,omitempty" doc:"The customer's main contact for it (S4.4)"`
}

// Over is what a source system says now, of which it was something else: what it says
// nothing about stays as it was said here. Were a site to go, so would a denial of it.
func (p Party) Over(was Party) Party {
	p.SiteID, p.PrimaryContactID = cmp.Or(p.SiteID, was.SiteID), cmp.Or(p.PrimaryContactID, was.PrimaryContactID)
	return p
}
