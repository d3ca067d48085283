// Package notify decides who is told what by mail: contacts of customers of what concerns
// them, as far as each may see it, and staff of what needs them. A topic is one entry in a
// table: the event, whom it tells, what it says. How a mail travels is package mail's
// business, and what cannot be seen in the portal is in no mail (I3).
package notify

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/jobs"
	"portico/internal/mail"
	"portico/projections"
)

// Notices tells people.
type Notices struct {
	Queries  *projections.Queries
	Commands *commands.Commands // who may see what is asked of history itself
	Mails    *mail.Store
	// Shown waits until a group of read models shows a position to a customer, or ctx ends.
	Shown     func(ctx context.Context, group string, route uuid.UUID, pos eventstore.Position) error
	Jobs      *jobs.Store // which were given up
	PublicURL string      // where people reach Portico, without a slash at its end; all links begin with it
	Doors     Doors       // of links and codes to whom is invited
	// Portal is where the portal of a tenant is, if that is not at PublicURL.
	Portal func(tenant string) string
	Sender string // who mails are from unless the tenant says otherwise
}

// about is what a notice is of: ids, which the job carries.
type about struct {
	ID       uuid.UUID `json:"id"`
	Customer uuid.UUID `json:"customer,omitzero"`
	Again    bool      `json:"again,omitempty"` // a new version
	Why      string    `json:"why,omitempty"`   // a code, of what has no read model here
	At       time.Time `json:"at,omitzero"`     // likewise
}

// SenderFor is who mails are from by default: the portal, at its own host.
func SenderFor(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil || !strings.Contains(u.Hostname(), ".") || strings.Trim(u.Hostname(), "0123456789.") == "" {
		return "no-reply@localhost"
	}
	return "no-reply@" + u.Hostname()
}

// Plans are what follows from events: a job for each topic that an event is of. What came
// by an import is no news to anybody.
func (n *Notices) Plans() (plans []jobs.Plan) {
	for _, t := range topics {
		if len(t.of) == 0 {
			continue // not from events
		}
		plans = append(plans, jobs.Plan{Of: t.of, Jobs: func(e envelope.Event) []jobs.Job {
			if e.Meta.Origin.Channel == envelope.ChannelImport || !slices.Contains(t.of, e.Type) {
				return nil
			}
			what, ok := t.about(e)
			if !ok {
				return nil
			}
			return []jobs.Job{jobs.For(e, t.kind(), what)}
		}})
	}
	return append(plans, loginPlan, invitationPlan)
}

// Kinds are the jobs that find out whom to tell. Each leads to a mail.send for each of
// them; package mail has that kind, and asks Compose what to say.
func (n *Notices) Kinds() (kinds []jobs.Kind) {
	for _, t := range topics {
		kinds = append(kinds, jobs.Kind{Name: t.kind(), Timeout: 30 * time.Second, Do: n.expand(t),
			Pauses: []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour}})
	}
	return kinds
}

// patience is how long a job waits for the read models before it makes room for others.
const patience = 3 * time.Second

// settled waits until the read models show what the job is about.
func (n *Notices) settled(ctx context.Context, j jobs.Job) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, group := range []string{projections.Portal.Name, projections.Access.Name, projections.Staff.Name} {
		route := j.Route
		if group != projections.Portal.Name {
			route = uuid.Nil
		}
		if err := n.Shown(waiting, group, route, j.Pos); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return jobs.Later(10*time.Second, fmt.Sprintf("%s does not show %s yet: %v", group, j.Pos, err))
		}
	}
	return nil
}

// itself is Portico, which sees all of a tenant.
func itself(tenant string) projections.Viewer {
	return projections.Viewer{Tenant: tenant, Kind: envelope.System}
}
