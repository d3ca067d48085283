package projections

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var tenants = engine.NewTable[string, tenantRow]("tenants")

type tenantRow struct {
	Tenant       string          `db:"tenant,key"`
	Name         string          `db:"name"`
	TimeZone     string          `db:"time_zone"`
	Currency     string          `db:"currency"`
	Locale       string          `db:"locale"`
	PartPayments string          `db:"part_payments"`
	PartMinimum  int64           `db:"part_minimum"`
	Overpayments string          `db:"overpayments"`
	Branches     json.RawMessage `db:"branches"`
	Contractors  json.RawMessage `db:"contractors"`
	Branding     json.RawMessage `db:"branding"`
	Portal       json.RawMessage `db:"portal"`
}

// Tenant is the business whose portal this is.
type Tenant struct {
	Name          string               `json:"name"`
	TimeZone      string               `json:"time_zone" doc:"IANA name; due dates are dates of this zone"`
	Currency      string               `json:"currency"`
	Locale        string               `json:"locale,omitempty"`
	PaymentPolicy domain.PaymentPolicy `json:"payment_policy" doc:"What contacts may pay"`
	Branches      []Place              `json:"branches" nullable:"false"`
	Contractors   []Place              `json:"contractors" nullable:"false"`
	Branding      tenant.Branding      `json:"branding" doc:"How the business looks"`
	Portal        PortalSwitches       `json:"portal" doc:"What the business shows to its customers"`
}

// Place is a branch or a contractor of the tenant.
type Place struct {
	ID     uuid.UUID `json:"id"`
	Code   string    `json:"code,omitempty"`
	Name   string    `json:"name"`
	Closed bool      `json:"closed,omitempty"`
}

func applyTenant(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case tenant.Registered:
		tenants.Put(b, tenantRow{e.Meta.Tenant, d.Name, d.TimeZone, d.Currency, d.Locale, "off", 0, "refuse",
			json.RawMessage("[]"), json.RawMessage("[]"), json.RawMessage("{}"), json.RawMessage("{}")})
	case tenant.SettingsChanged:
		if t := tenants.Get(b, e.Meta.Tenant); t != nil {
			t.Name, t.TimeZone, t.Currency, t.Locale = d.Name, d.TimeZone, d.Currency, d.Locale
		}
	case tenant.PaymentPolicyChanged:
		if t := tenants.Get(b, e.Meta.Tenant); t != nil {
			t.PartPayments, t.PartMinimum, t.Overpayments = d.Part, d.Minimum, d.Over
		}
	case tenant.BrandingChanged:
		if t := tenants.Get(b, e.Meta.Tenant); t != nil {
			var err error
			t.Branding, err = json.Marshal(d.Branding)
			return err
		}
	case tenant.BranchAdded:
		return changeTenant(b, e, func(branches, _ *[]Place) {
			*branches = append(*branches, Place{ID: d.BranchID, Code: d.Code, Name: d.Name})
		})
	case tenant.BranchClosed:
		return changeTenant(b, e, func(branches, _ *[]Place) {
			at := slices.IndexFunc(*branches, func(p Place) bool { return p.ID == d.BranchID })
			if at >= 0 {
				(*branches)[at].Closed = true
			}
		})
	case tenant.ContractorAdded:
		return changeTenant(b, e, func(_, contractors *[]Place) {
			*contractors = append(*contractors, Place{ID: d.ContractorID, Name: d.Name})
		})
	}
	return applySwitches(b, e)
}

// changeTenant edits a tenant's branches and contractors.
func changeTenant(b *engine.Batch, e envelope.Event, change func(branches, contractors *[]Place)) error {
	t := tenants.Get(b, e.Meta.Tenant)
	if t == nil {
		return nil
	}
	shown, err := t.view()
	if err != nil {
		return err
	}
	change(&shown.Branches, &shown.Contractors)
	if t.Branches, err = json.Marshal(shown.Branches); err != nil {
		return err
	}
	t.Contractors, err = json.Marshal(shown.Contractors)
	return err
}

func (t tenantRow) view() (Tenant, error) {
	v := Tenant{Name: t.Name, TimeZone: t.TimeZone, Currency: t.Currency, Locale: t.Locale,
		PaymentPolicy: domain.PaymentPolicy{Part: t.PartPayments, Minimum: t.PartMinimum, Over: t.Overpayments}}
	if err := json.Unmarshal(t.Branches, &v.Branches); err != nil {
		return v, err
	}
	if err := json.Unmarshal(t.Branding, &v.Branding); err != nil {
		return v, err
	}
	if err := json.Unmarshal(t.Portal, &v.Portal); err != nil {
		return v, err
	}
	v.Portal.complete()
	return v, json.Unmarshal(t.Contractors, &v.Contractors)
}

const sqlTenant engine.SQL = `select * from {s}.tenants where tenant = @tenant`

// GetTenant is the viewer's tenant.
func (q *Queries) GetTenant(ctx context.Context, v Viewer) (Tenant, error) {
	var row *tenantRow
	_, err := q.read(ctx, v, uuid.Nil, func(r *reading) error {
		wantOne(r, sqlTenant, pgx.NamedArgs{}, &row)
		return nil
	})
	if err == nil && row == nil {
		err = domain.NotFound("tenant.unknown", "the tenant is not registered")
	}
	if err != nil {
		return Tenant{}, err
	}
	return row.view()
}

// zone is the tenant's time zone as Go knows it; UTC if it does not.
func zone(name string) *time.Location {
	at, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return at
}
