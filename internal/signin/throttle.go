package signin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
)

// Throttled says that there were too many requests, and when the next is listened to.
type Throttled struct{ After time.Duration }

func (t *Throttled) Error() string { return fmt.Sprintf("signin: too many attempts: wait %s", t.After) }

// bucket lets so many through at once, and again one every so often.
type bucket struct {
	name  string
	burst int
	every time.Duration
}

// The buckets. An office shares an address; whoever sits in it does not guess passwords.
func ofAddress(ip string) bucket { return bucket{"address " + household(ip), 30, 10 * time.Second} }
func ofTenant() bucket           { return bucket{"tenant", 300, 50 * time.Millisecond} }
func ofCounter(c counter) bucket {
	return bucket{fmt.Sprintf("account %s %x", c.whose, c.device), 20, 30 * time.Second}
}
func ofMails(whose uuid.UUID) bucket { return bucket{"mails " + whose.String(), 3, 20 * time.Minute} }

// household is an IPv4 address, or the network of an IPv6 one: who has one has all of it.
func household(ip string) string {
	at, err := netip.ParseAddr(ip)
	if err != nil || at.Unmap().Is4() {
		return ip
	}
	p, err := at.Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}

// full_at is when the bucket would be full again if nobody came: what is over its size does
// not go through. All nodes share it.
const (
	sqlTake text = `
insert into portico.login_buckets as b (tenant, name, full_at) values ($1, $2, $3::timestamptz + $4::interval)
on conflict (tenant, name) do update set full_at = greatest(b.full_at, $3) + $4
where greatest(b.full_at, $3) + $4 <= $3 + $5::interval
returning full_at`
	sqlFull text = `select full_at from portico.login_buckets where tenant = $1 and name = $2`
)

// take takes from a bucket, or says how long to wait. Names are kept hashed: addresses are
// personal data.
func (s *Service) take(ctx context.Context, tenant string, b bucket) error {
	text, err := s.Commands.Hash(ctx, tenant, "buckets", b.name)
	if err != nil {
		return err
	}
	name, err := hex.DecodeString(text)
	if err != nil {
		return err
	}
	now, size := s.now(), time.Duration(b.burst)*b.every
	var full time.Time
	err = s.DB.QueryRow(ctx, string(sqlTake), tenant, name, now, b.every, size).Scan(&full)
	if !errors.Is(err, pgx.ErrNoRows) {
		if err != nil {
			err = fmt.Errorf("signin: %w", err)
		}
		return err
	}
	if err := s.DB.QueryRow(ctx, string(sqlFull), tenant, name).Scan(&full); err != nil {
		return fmt.Errorf("signin: %w", err)
	}
	return &Throttled{max(time.Second, full.Add(b.every).Sub(now)-size)}
}

// door is what everybody passes who is not signed in yet.
func (s *Service) door(ctx context.Context, by commands.Caller) error {
	if err := s.take(ctx, by.Tenant, ofAddress(by.Origin.IP)); err != nil {
		return err
	}
	return s.take(ctx, by.Tenant, ofTenant())
}
