package tenant

import (
	"maps"
	"slices"
	"strings"

	"portico/domain"
)

// ContactTopics are what contacts are told of: a policy for each says whom (S4.10).
var ContactTopics = []string{"invoice_published", "credit_memo_issued", "payment_received", ViewedAs}

// ViewedAs tells a customer that staff have seen the portal as one of its contacts (E32).
const ViewedAs = "viewed_as"

// StaffTopics are what staff are told of, each by a route of its own (S4.5); what has none
// goes by the route of DefaultTopic, the overall list (S4.6).
var StaffTopics = []string{DefaultTopic, "invoice_disputed", "mail_bounced", "webhook_disabled", "job_dead", "invitation_sent"}

// DefaultTopic is the overall list.
const DefaultTopic = "default"

// Whom a contact topic tells.
const (
	TellNobody   = "off"
	TellPrimary  = "primary"
	TellManagers = "managers" // who manage the customer's people; where nobody does, as primary
	TellAll      = "all"
)

// ToldOf is whom a contact topic tells unless a policy says otherwise.
func ToldOf(topic string) string {
	if topic == ViewedAs {
		return TellManagers
	}
	return TellPrimary
}

// maxRecipients bounds a route.
const maxRecipients = 20

// NotificationRouteChanged says whom staff notices of a topic go to. The addresses are of
// people who work for the tenant.
type NotificationRouteChanged struct {
	Topic      string `json:"topic"`
	Recipients string `json:"recipients" personal:"stream"` // addresses with commas between; empty: by the default route
}

// Evolve replaces the route.
func (e NotificationRouteChanged) Evolve(s Tenant) Tenant {
	s.routes = with(s.routes, e.Topic, e.Recipients)
	return s
}

// Addresses are the recipients one by one.
func (e NotificationRouteChanged) Addresses() []string {
	return strings.FieldsFunc(e.Recipients, func(r rune) bool { return r == ',' })
}

// ContactNoticesChanged says which contacts of a customer are told of a topic.
type ContactNoticesChanged struct {
	Topic string `json:"topic"`
	To    string `json:"to"` // off, primary, managers or all
}

// Evolve replaces the policy.
func (e ContactNoticesChanged) Evolve(s Tenant) Tenant {
	s.notices = with(s.notices, e.Topic, e.To)
	return s
}

func with(m map[string]string, key, value string) map[string]string {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// SetNotificationRoute says whom staff notices of a topic go to.
type SetNotificationRoute struct {
	Topic      string   `json:"topic" enum:"default,invoice_disputed,mail_bounced,webhook_disabled,job_dead,invitation_sent" doc:"default is the overall list: for topics without a route of their own"`
	Recipients []string `json:"recipients" maxItems:"20" nullable:"false" doc:"E-mail addresses; none: by the default route, and of the default route: nobody"`
}

// Decide changes; the same is nothing.
func (c SetNotificationRoute) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	if !slices.Contains(StaffTopics, c.Topic) {
		return nil, domain.Invalid("tenant.unknown_topic", "there is no topic %q: one of %s", c.Topic, strings.Join(StaffTopics, ", "))
	}
	if len(c.Recipients) > maxRecipients {
		return nil, domain.Invalid("tenant.too_many_recipients", "a route has at most %d recipients", maxRecipients)
	}
	var to []string
	for _, address := range c.Recipients {
		address = strings.TrimSpace(address)
		if err := checkAddress(address); err != nil {
			return nil, err
		}
		if !slices.Contains(to, address) {
			to = append(to, address)
		}
	}
	e := NotificationRouteChanged{c.Topic, strings.Join(to, ",")}
	if s.routes[c.Topic] == e.Recipients {
		return nil, nil
	}
	return []Event{e}, nil
}

// ChangeContactNotices says which contacts of a customer are told of a topic.
type ChangeContactNotices struct {
	Topic string `json:"topic" enum:"invoice_published,credit_memo_issued,payment_received,viewed_as"`
	To    string `json:"to" enum:"off,primary,managers,all" doc:"The customer's primary contacts, unless changed; managers are those who manage its people, and are told of viewed_as unless changed"`
}

// Decide changes; the same is nothing.
func (c ChangeContactNotices) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	if !slices.Contains(ContactTopics, c.Topic) {
		return nil, domain.Invalid("tenant.unknown_topic", "there is no topic %q: one of %s", c.Topic, strings.Join(ContactTopics, ", "))
	}
	if !slices.Contains([]string{TellNobody, TellPrimary, TellManagers, TellAll}, c.To) {
		return nil, domain.Invalid("tenant.contact_notices", "to is off, primary, managers or all, not %q", c.To)
	}
	was := s.notices[c.Topic]
	if was == "" {
		was = ToldOf(c.Topic)
	}
	if was == c.To {
		return nil, nil
	}
	return []Event{ContactNoticesChanged(c)}, nil
}
