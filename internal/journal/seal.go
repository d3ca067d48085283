package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/envelope"
)

// Anonymous is the kind of an actor who is not known.
const Anonymous = "anonymous"

// row is a record as it is kept.
type row struct {
	Record
	id      uuid.UUID
	subject uuid.UUID // whose key opens address and agent
	detail  string
}

var plainKind = regexp.MustCompile(`^[a-z_]+([.][a-z_]+)*$`)

// check refuses a record that leaves one of the six things of 10.2.2 open.
func (r *Record) check() error {
	var wrong []error
	for what, bad := range map[string]bool{
		"tenant": r.Tenant == "", "kind": !plainKind.MatchString(r.Kind), "channel": r.Origin.Channel == "",
		"outcome": r.Outcome != Success && r.Outcome != Failure && r.Outcome != Denied,
		"actor":   r.Actor.Kind == "" || r.Actor.ID == uuid.Nil && r.Actor.Kind != Anonymous,
	} {
		if bad {
			wrong = append(wrong, errors.New("journal: a record without "+what))
		}
	}
	if r.Origin.IP != "" {
		if _, err := netip.ParseAddr(r.Origin.IP); err != nil {
			wrong = append(wrong, fmt.Errorf("journal: origin.ip: %w", err))
		}
	}
	return errors.Join(wrong...)
}

// seal completes a record and gives it its kept form.
func (s *Store) seal(ctx context.Context, r Record) (row, error) {
	r.Origin.Node = cmp.Or(r.Origin.Node, s.node)
	r.Target.Kind = clean(cmp.Or(r.Target.Kind, "portico")) // what is about nothing in it is about the service
	if err := r.check(); err != nil {
		return row{}, err
	}
	out := row{Record: r, id: uuid.Must(uuid.NewV7()), detail: "{}"}
	if len(r.Detail) > 0 {
		cleaned := make(map[string]string, len(r.Detail))
		for name, value := range r.Detail {
			cleaned[clean(name)] = clean(value)
		}
		detail, err := json.Marshal(cleaned)
		if err != nil {
			return row{}, fmt.Errorf("journal: %w", err)
		}
		out.detail = string(detail)
	}
	if r.Origin.IP == "" && r.Origin.UserAgent == "" {
		out.Origin.RequestID = clean(r.Origin.RequestID)
		return out, nil
	}
	out.subject = r.Actor.ID
	if r.Actor.Kind == Anonymous {
		out.subject = Strangers(r.Tenant, s.clock())
	}
	var err error
	out.Origin, err = envelope.SealOrigin(ctx, s.keys, r.Tenant, out.id, out.subject, r.Origin)
	if err != nil {
		return row{}, fmt.Errorf("journal: %w", err)
	}
	return out, nil
}

// Strangers is the subject under whose key the addresses of who is not known are sealed: one
// a tenant and month, so that those of a month can be erased together when they have served.
func Strangers(tenant string, at time.Time) uuid.UUID {
	return domain.DerivedID(uuid.NameSpaceOID, "portico journal strangers", tenant, at.UTC().Format("2006-01"))
}

const maxText = 500 // bytes of a detail

func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
