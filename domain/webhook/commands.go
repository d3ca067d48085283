package webhook

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

// Overlap is how long the old secret is signed with beside a new one, unless the request
// says otherwise; maxOverlap is the longest.
const (
	Overlap    = 24 * time.Hour
	maxOverlap = 7 * 24 * time.Hour
)

// typePattern is a public event type, or the beginning of some followed by a star.
var typePattern = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?$`)

// checked is the endpoint with its parts tidied. Whether an address may be reached is not
// the domain's to know.
func (e Endpoint) checked() (Endpoint, error) {
	e.URL, e.Description = strings.TrimSpace(e.URL), strings.TrimSpace(e.Description)
	u, err := url.Parse(e.URL)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Opaque != "", u.Hostname() == "":
		return e, domain.Invalid("webhook.url", "url is an address such as https://erp.example.com/portico")
	case u.User != nil:
		return e, domain.Invalid("webhook.url_user", "url must not hold a user name or password: check the signature instead")
	case u.Fragment != "":
		return e, domain.Invalid("webhook.url_fragment", "url must not have a #fragment: it is never sent")
	case len(e.URL) > 1000:
		return e, domain.Invalid("webhook.url", "url is at most 1,000 characters")
	}
	e.Types = slices.Compact(slices.Sorted(slices.Values(e.Types)))
	for _, t := range e.Types {
		if !typePattern.MatchString(t) {
			return e, domain.Invalid("webhook.type", "%q is no event type: such as portico.invoice.published.v1, or portico.invoice.*", t)
		}
	}
	if len(e.Types) == 0 {
		e.Types = nil
	}
	return e, nil
}

// Wants tells whether the endpoint is to be told of events of a public type.
func (e Endpoint) Wants(publicType string) bool {
	return len(e.Types) == 0 || slices.ContainsFunc(e.Types, func(t string) bool {
		begin, some := strings.CutSuffix(t, "*")
		return t == publicType || some && strings.HasPrefix(publicType, begin)
	})
}

func (s Webhook) known() error {
	if !s.Known() {
		return domain.NotFound("webhook.unknown", "there is no such webhook")
	}
	return nil
}

// Register makes a webhook.
type Register struct {
	Endpoint
	CustomerID *uuid.UUID `json:"customer_id,omitempty" doc:"The customer whose system it is: told what that customer's contacts may see, and nothing else. The business's own if left out"`
}

// Decide registers once.
func (c Register) Decide(s Webhook) ([]Event, error) {
	if s.status != "" {
		return nil, domain.Refused("webhook.exists", "there is a webhook of this id already")
	}
	e, err := c.checked()
	if err != nil {
		return nil, err
	}
	return []Event{Registered{e, c.CustomerID}}, nil
}

// Change replaces address, description and types.
type Change struct{ Endpoint }

// Decide changes if anything is different.
func (c Change) Decide(s Webhook) ([]Event, error) {
	e, err := c.checked()
	if err == nil {
		err = s.known()
	}
	if err != nil || e.URL == s.endpoint.URL && e.Description == s.endpoint.Description && slices.Equal(e.Types, s.endpoint.Types) {
		return nil, err
	}
	return []Event{Changed{e}}, nil
}

// Rotate gives a new secret out.
type Rotate struct {
	// OverlapHours is a pointer because 0 is a wish: the old secret is not to be used again.
	OverlapHours *int      `json:"overlap_hours,omitempty" minimum:"0" maximum:"168" doc:"For how long everything is signed with the old secret too: 24 if left out, 0 if it has leaked"`
	Now          time.Time `json:"-"` // set by the command
}

// Decide counts the secrets.
func (c Rotate) Decide(s Webhook) ([]Event, error) {
	overlap := Overlap
	if c.OverlapHours != nil {
		overlap = time.Duration(*c.OverlapHours) * time.Hour
	}
	if overlap < 0 || overlap > maxOverlap {
		return nil, domain.Invalid("webhook.overlap", "overlap_hours is 0 to 168, not %d", *c.OverlapHours)
	}
	if err := s.known(); err != nil {
		return nil, err
	}
	return []Event{SecretRotated{s.secret + 1, c.Now.Add(overlap)}}, nil
}

// Disable stops sending.
type Disable struct {
	domain.Because
	Cause string    `json:"-"` // failing or gone; staff if empty: set by whoever sends
	Since time.Time `json:"-"`
}

// Decide disables once.
func (c Disable) Decide(s Webhook) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.known(); err != nil || s.status == "disabled" {
		return nil, err
	}
	if c.Cause == "" {
		c.Cause = "staff"
	}
	return []Event{Disabled{c.Cause, c.Since}}, nil
}

// Enable goes on sending.
type Enable struct{}

// Decide enables once.
func (c Enable) Decide(s Webhook) ([]Event, error) {
	if err := s.known(); err != nil || s.status == "enabled" {
		return nil, err
	}
	return []Event{Enabled{}}, nil
}

// Remove ends a webhook for good.
type Remove struct{ domain.Because }

// Decide removes once.
func (c Remove) Decide(s Webhook) ([]Event, error) {
	if err := c.Check(); err != nil || s.status == "removed" {
		return nil, err
	}
	if err := s.known(); err != nil {
		return nil, err
	}
	return []Event{Removed{}}, nil
}
