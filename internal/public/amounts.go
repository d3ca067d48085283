package public

import (
	"github.com/google/uuid"

	"portico/domain"
)

// Amount is money, exactly.
type Amount struct {
	Minor    int64  `json:"minor" doc:"In the currency's minor unit: 1999 is £19.99, ¥1999 or 1.999 KWD; never beyond ±10^15"`
	Currency string `json:"currency" doc:"ISO 4217"`
}

// Tax is the tax of one rate.
type Tax struct {
	Code        string         `json:"code,omitempty"`
	RatePercent domain.Decimal `json:"rate_percent"`
	Net         Amount         `json:"net" doc:"What is taxed"`
	Tax         Amount         `json:"tax"`
}

// Source is the record of another system that a document was imported from.
type Source struct {
	System     string `json:"system"`
	ExternalID string `json:"external_id"`
}

// Totals are a document's sums.
type Totals struct {
	Lines int    `json:"lines" doc:"How many it has; they are for the API to say"`
	Net   Amount `json:"net"`
	Tax   []Tax  `json:"tax,omitempty" doc:"By rate"`
	Gross Amount `json:"gross" doc:"Net and tax"`
}

// Party is whose document it is, and where it belongs.
type Party struct {
	CustomerID       *uuid.UUID `json:"customer_id,omitempty" doc:"Absent: on nobody's account until it is assigned"`
	BranchID         *uuid.UUID `json:"branch_id,omitempty"`
	ContractorID     *uuid.UUID `json:"contractor_id,omitempty"`
	SiteID           *uuid.UUID `json:"site_id,omitempty" doc:"Where the work was done"`
	PrimaryContactID *uuid.UUID `json:"primary_contact_id,omitempty" doc:"The customer's main contact for it"`
}

func totals(currency string, lines int, t domain.Totals) Totals {
	p := Totals{Lines: lines, Net: Amount{t.Net, currency}, Gross: Amount{t.Gross, currency}}
	for _, l := range t.Tax {
		p.Tax = append(p.Tax, Tax{l.Code, l.Rate, Amount{l.Net, currency}, Amount{l.Minor, currency}})
	}
	return p
}

func sourceOf(s *domain.Source) *Source {
	if s == nil {
		return nil
	}
	return &Source{s.System, s.ExternalID}
}

// optional is m unless nothing is of it.
func optional(m domain.Money) *Amount {
	if m.Minor == 0 {
		return nil
	}
	return new(Amount(m))
}
