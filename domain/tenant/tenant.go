// Package tenant decides what may happen to the business that runs Portico: its name,
// zone and currency, branches, contractors and policies.
package tenant

import (
	"slices"
	"time"
	_ "time/tzdata" // zones must be the same on every machine: dates hang on them

	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Registered]("tenant.registered"),
	domain.TypeOf[SettingsChanged]("tenant.settings_changed"),
	domain.TypeOf[BranchAdded]("tenant.branch_added"),
	domain.TypeOf[BranchClosed]("tenant.branch_closed"),
	domain.TypeOf[ContractorAdded]("tenant.contractor_added"),
	domain.TypeOf[PaymentPolicyChanged]("tenant.payment_policy_changed"),
	domain.TypeOf[MailSettingsChanged]("tenant.mail_settings_changed"),
	domain.TypeOf[NotificationRouteChanged]("tenant.notification_route_changed"),
	domain.TypeOf[ContactNoticesChanged]("tenant.contact_notices_changed"),
	domain.TypeOf[BrandingChanged]("tenant.branding_changed"),
	domain.TypeOf[SecurityPolicyChanged]("tenant.security_policy_changed"),
	domain.TypeOf[ModuleEnabled]("tenant.module_enabled"),
	domain.TypeOf[ModuleDisabled]("tenant.module_disabled"),
	domain.TypeOf[FieldVisibilityChanged]("tenant.field_visibility_changed"),
	domain.TypeOf[FieldRenamed]("tenant.field_renamed"),
	domain.TypeOf[JobAgeLimitChanged]("tenant.job_age_limit_changed"),
	domain.TypeOf[HostAdded]("tenant.host_added"),
	domain.TypeOf[HostRemoved]("tenant.host_removed"),
}

// Event is one of the types above.
type Event = domain.Event[Tenant]

// Tenant holds what decisions need.
type Tenant struct {
	registered  bool
	settings    Settings
	branches    []place
	contractors []place
	policy      domain.PaymentPolicy
	mail        MailSettings
	routes      map[string]string // staff topic to addresses, as stored
	notices     map[string]string // contact topic to whom; none: primary
	branding    Branding
	security    SecurityPolicy // as stored: see Security
	portal      portal
	hosts       []string
}

type place struct {
	id     uuid.UUID
	code   string
	name   string
	closed bool
}

// Settings are the tenant's basics.
type Settings struct {
	Name     string `json:"name" minLength:"1" maxLength:"200"`
	TimeZone string `json:"time_zone" maxLength:"60" example:"Europe/London" doc:"IANA name; dates are of this zone (E43)"`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$" example:"GBP"`
	Locale   string `json:"locale,omitempty" maxLength:"20" example:"en-GB"`
}

// Known tells whether the tenant is registered.
func (s Tenant) Known() bool { return s.registered }

// Settings are as last changed.
func (s Tenant) Settings() Settings { return s.settings }

// Zone is the tenant's time zone, UTC before registration.
func (s Tenant) Zone() *time.Location {
	zone, err := time.LoadLocation(s.settings.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// PaymentPolicy is what contacts may pay.
func (s Tenant) PaymentPolicy() domain.PaymentPolicy { return s.policy }

// CheckParty refuses a branch or contractor that the tenant does not have, and what is no
// site.
func (s Tenant) CheckParty(p domain.Party) error {
	if p.SiteID != nil && *p.SiteID == uuid.Nil {
		return domain.Invalid("document.site", "a site is named by its id")
	}
	if p.BranchID != nil && !open(s.branches, *p.BranchID) {
		return domain.NotFound("tenant.unknown_branch", "there is no open branch %s", p.BranchID)
	}
	if p.ContractorID != nil && !open(s.contractors, *p.ContractorID) {
		return domain.NotFound("tenant.unknown_contractor", "there is no contractor %s", p.ContractorID)
	}
	return nil
}

// Names are what the branch and the contractor of a document are called, "" for none.
func (s Tenant) Names(p domain.Party) (branch, contractor string) {
	named := func(places []place, id *uuid.UUID) string {
		for _, at := range places {
			if id != nil && at.id == *id {
				return at.name
			}
		}
		return ""
	}
	return named(s.branches, p.BranchID), named(s.contractors, p.ContractorID)
}

func open(places []place, id uuid.UUID) bool {
	return slices.ContainsFunc(places, func(p place) bool { return p.id == id && !p.closed })
}

// Registered says that there is a tenant.
type Registered struct{ Settings }

// Evolve registers. Whole invoices only, and no more than is owed, until a policy says
// otherwise.
func (e Registered) Evolve(Tenant) Tenant {
	return Tenant{registered: true, settings: e.Settings, policy: domain.PaymentPolicy{Part: "off", Over: "refuse"}}
}

// SettingsChanged replaces the settings.
type SettingsChanged struct{ Settings }

// Evolve replaces them.
func (e SettingsChanged) Evolve(s Tenant) Tenant {
	s.settings = e.Settings
	return s
}

// BranchAdded says that the tenant trades from a branch.
type BranchAdded struct {
	BranchID uuid.UUID `json:"branch_id"`
	Code     string    `json:"code"`
	Name     string    `json:"name"`
}

// Evolve adds it.
func (e BranchAdded) Evolve(s Tenant) Tenant {
	s.branches = append(slices.Clip(s.branches), place{id: e.BranchID, code: e.Code, name: e.Name})
	return s
}

// BranchClosed says that no new documents are of this branch.
type BranchClosed struct {
	BranchID uuid.UUID `json:"branch_id"`
}

// Evolve closes it.
func (e BranchClosed) Evolve(s Tenant) Tenant {
	s.branches = slices.Clone(s.branches)
	for i := range s.branches {
		s.branches[i].closed = s.branches[i].closed || s.branches[i].id == e.BranchID
	}
	return s
}

// ContractorAdded says that a trading company, or subcontractor, invoices here.
type ContractorAdded struct {
	ContractorID uuid.UUID `json:"contractor_id"`
	Name         string    `json:"name"`
}

// Evolve adds it.
func (e ContractorAdded) Evolve(s Tenant) Tenant {
	s.contractors = append(slices.Clip(s.contractors), place{id: e.ContractorID, code: e.Name, name: e.Name})
	return s
}

// PaymentPolicyChanged replaces the payment policy.
type PaymentPolicyChanged struct{ domain.PaymentPolicy }

// Evolve replaces it.
func (e PaymentPolicyChanged) Evolve(s Tenant) Tenant {
	s.policy = e.PaymentPolicy
	return s
}

// Register sets the tenant up.
type Register struct{ Settings }

// Decide registers once.
func (c Register) Decide(s Tenant) ([]Event, error) {
	if s.registered {
		return nil, domain.Refused("tenant.registered", "the tenant is registered already: change its settings")
	}
	settings, err := c.checked()
	if err != nil {
		return nil, err
	}
	return []Event{Registered{settings}}, nil
}

// ChangeSettings replaces the settings.
type ChangeSettings struct{ Settings }

// Decide changes; the same is nothing.
func (c ChangeSettings) Decide(s Tenant) ([]Event, error) {
	settings, err := c.checked()
	if err == nil {
		err = s.known()
	}
	if err != nil || settings == s.settings {
		return nil, err
	}
	return []Event{SettingsChanged{settings}}, nil
}

func (v Settings) checked() (Settings, error) {
	name, err := domain.Trimmed(v.Name, "name")
	if err != nil {
		return v, err
	}
	v.Name = name
	if _, err := time.LoadLocation(v.TimeZone); err != nil || v.TimeZone == "" || v.TimeZone == "Local" {
		return v, domain.Invalid("tenant.time_zone", "%q is not a time zone such as Europe/London", v.TimeZone)
	}
	return v, domain.CheckCurrency(v.Currency)
}

// AddBranch adds a branch.
type AddBranch struct {
	BranchID uuid.UUID `json:"branch_id,omitempty" doc:"Left out: derived from the request"`
	Code     string    `json:"code" minLength:"1" maxLength:"20"`
	Name     string    `json:"name" minLength:"1" maxLength:"200"`
}

// Decide adds once; codes are the branch's own.
func (c AddBranch) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	var err error
	if c.Code, err = domain.Trimmed(c.Code, "code"); err != nil {
		return nil, err
	}
	if c.Name, err = domain.Trimmed(c.Name, "name"); err != nil {
		return nil, err
	}
	for _, b := range s.branches {
		if b.id == c.BranchID {
			return nil, nil
		}
		if b.code == c.Code && !b.closed {
			return nil, domain.Refused("tenant.branch_code", "another branch has the code %q", c.Code)
		}
	}
	return []Event{BranchAdded(c)}, nil
}

// CloseBranch ends a branch.
type CloseBranch struct {
	BranchID uuid.UUID `json:"-"`
	domain.Because
}

// Decide closes once.
func (c CloseBranch) Decide(s Tenant) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(s.branches, func(p place) bool { return p.id == c.BranchID })
	switch {
	case at < 0:
		return nil, domain.NotFound("tenant.unknown_branch", "there is no branch %s", c.BranchID)
	case s.branches[at].closed:
		return nil, nil
	}
	return []Event{BranchClosed{c.BranchID}}, nil
}

// AddContractor adds a contractor.
type AddContractor struct {
	ContractorID uuid.UUID `json:"contractor_id,omitempty" doc:"Left out: derived from the request"`
	Name         string    `json:"name" minLength:"1" maxLength:"200"`
}

// Decide adds once.
func (c AddContractor) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil || open(s.contractors, c.ContractorID) {
		return nil, err
	}
	var err error
	if c.Name, err = domain.Trimmed(c.Name, "name"); err != nil {
		return nil, err
	}
	return []Event{ContractorAdded(c)}, nil
}

// ChangePaymentPolicy says what contacts may pay.
type ChangePaymentPolicy struct{ domain.PaymentPolicy }

// Decide changes; the same is nothing.
func (c ChangePaymentPolicy) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil || c.PaymentPolicy == s.policy {
		return nil, err
	}
	if !slices.Contains([]string{"off", "any"}, c.Part) || !slices.Contains([]string{"refuse", "credit"}, c.Over) || c.Minimum < 0 {
		return nil, domain.Invalid("tenant.payment_policy", "part is off or any, over is refuse or credit, minimum is not negative")
	}
	return []Event{PaymentPolicyChanged(c)}, nil
}

func (s Tenant) known() error {
	if !s.registered {
		return domain.NotFound("tenant.unknown", "register the tenant first")
	}
	return nil
}
