package tenant

import (
	"slices"
	"time"

	"portico/domain"
)

// The contacts that must have a second factor. Staff always must.
const (
	FactorOff      = "off"
	FactorManagers = "managers" // who may manage users
	FactorPayers   = "payers"   // who may pay, and who may manage users
	FactorAll      = "all"
)

// SecurityPolicy is how people come in.
type SecurityPolicy struct {
	InviteHours   int    `json:"invite_ttl_hours,omitempty" minimum:"1" maximum:"720" doc:"How long a link to register is good for; 168 if left out"`
	LinkMinutes   int    `json:"link_ttl_minutes,omitempty" minimum:"5" maximum:"30" doc:"How long a link to set a new password is; 30 if left out"`
	InactiveDays  int    `json:"inactive_days,omitempty" minimum:"30" maximum:"90" doc:"After how many days without signing in a member of staff cannot any more (PCI DSS v4 8.2.6); 90 if left out"`
	IdleMinutes   int    `json:"contact_idle_minutes,omitempty" minimum:"5" maximum:"60" doc:"After how long a contact that may not pay has to sign in again; 30 if left out. All others: 15"`
	ContactFactor string `json:"contact_second_factor,omitempty" enum:"off,managers,payers,all" doc:"Which contacts must have a second factor: none (if left out), who manages users, who manages users or pays, all"`
	EmailLink     string `json:"email_link,omitempty" enum:"off,on" doc:"Whether contacts may sign in by a link that is mailed to them; off if left out"`
}

// complete is the policy with what was left out.
func (v SecurityPolicy) complete() SecurityPolicy {
	for _, n := range []struct {
		at       *int
		fallback int
	}{{&v.InviteHours, 168}, {&v.LinkMinutes, 30}, {&v.InactiveDays, 90}, {&v.IdleMinutes, 30}} {
		if *n.at == 0 {
			*n.at = n.fallback
		}
	}
	if v.ContactFactor == "" {
		v.ContactFactor = FactorOff
	}
	if v.EmailLink == "" {
		v.EmailLink = "off"
	}
	return v
}

// Security is the policy as it stands, complete.
func (s Tenant) Security() SecurityPolicy { return s.security.complete() }

// InviteTTL is how long a link to register is good for.
func (v SecurityPolicy) InviteTTL() time.Duration { return time.Duration(v.InviteHours) * time.Hour }

// LinkTTL is how long a link to set a new password is good for.
func (v SecurityPolicy) LinkTTL() time.Duration { return time.Duration(v.LinkMinutes) * time.Minute }

// SecurityPolicyChanged replaces the policy.
type SecurityPolicyChanged struct{ SecurityPolicy }

// Evolve replaces it.
func (e SecurityPolicyChanged) Evolve(s Tenant) Tenant {
	s.security = e.SecurityPolicy
	return s
}

// SetSecurityPolicy says how people come in.
type SetSecurityPolicy struct{ SecurityPolicy }

// Decide changes; the same is nothing.
func (c SetSecurityPolicy) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	v := c.complete()
	for _, n := range []struct {
		name         string
		is, min, max int
	}{{"invite_ttl_hours", v.InviteHours, 1, 720}, {"link_ttl_minutes", v.LinkMinutes, 5, 30},
		{"inactive_days", v.InactiveDays, 30, 90}, {"contact_idle_minutes", v.IdleMinutes, 5, 60}} {
		if n.is < n.min || n.is > n.max {
			return nil, domain.Invalid("tenant.security_policy", "%s is %d to %d, not %d", n.name, n.min, n.max, n.is)
		}
	}
	if !slices.Contains([]string{FactorOff, FactorManagers, FactorPayers, FactorAll}, v.ContactFactor) || !slices.Contains([]string{"off", "on"}, v.EmailLink) {
		return nil, domain.Invalid("tenant.security_policy", "contact_second_factor is off, managers, payers or all; email_link is off or on")
	}
	if v == s.Security() {
		return nil, nil
	}
	return []Event{SecurityPolicyChanged{v}}, nil
}
