package pages

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/projections"
	"portico/web/ui"
)

// AccountDay is a customer's account as it was on a day, and what a contact could see of it.
type AccountDay struct {
	projections.AccountDay
	Customer  projections.Customer
	Contacts  []projections.Contact
	ContactID uuid.UUID                         // through whose eyes; the zero id: nobody's
	Sees      map[uuid.UUID]commands.Visibility // by invoice, and by customer for the account
	Moment    time.Time                         // the day's last instant, or now
}

func (d AccountDay) path() string { return "/audit/accounts/" + d.CustomerID.String() }

// at is which of the days with postings is the last up to the day, from 1; 0: it is before all.
func (d AccountDay) at() int {
	n := 0
	for _, day := range d.Moves {
		if day <= d.AsOf {
			n++
		}
	}
	return n
}

// before and after are the neighbouring days on which something was posted; "" for none.
func (d AccountDay) before() (day domain.Date) {
	for _, m := range d.Moves {
		if m < d.AsOf {
			day = m
		}
	}
	return day
}

func (d AccountDay) after() domain.Date {
	for _, m := range d.Moves {
		if m > d.AsOf {
			return m
		}
	}
	return ""
}

// chosen are the contacts to look through the eyes of.
func (d AccountDay) chosen(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: t(ctx, "staff.audit_eyes_nobody")}}
	for _, c := range d.Contacts {
		label := c.Name
		if !c.Active {
			label = t(ctx, "staff.audit_removed", "name", c.Name)
		}
		all = append(all, ui.Option{Value: c.ID.String(), Label: label, Chosen: c.ID == d.ContactID})
	}
	return all
}

func (d AccountDay) eyes() string {
	if d.ContactID == uuid.Nil {
		return ""
	}
	return d.ContactID.String()
}

// hidden are the rules that kept a thing from the contact, in words.
func hidden(ctx context.Context, v commands.Visibility) string {
	var why []string
	for _, r := range v.Rules {
		if !r.Pass {
			why = append(why, t(ctx, "staff.rule_"+string(r.Rule)))
		}
	}
	return strings.Join(why, "; ")
}

func number(n int) string { return strconv.Itoa(n) }

// columns are those of what was open; the last is there if somebody's eyes are looked through.
func (d AccountDay) columns(ctx context.Context) []ui.Column {
	all := []ui.Column{{Label: t(ctx, "staff.audit_invoice")}, {Label: t(ctx, "staff.audit_issued")}, {Label: t(ctx, "staff.audit_due")}, {Label: t(ctx, "staff.audit_left"), End: true}}
	if d.eyes() != "" {
		all = append(all, ui.Column{Label: t(ctx, "staff.audit_seen_then")})
	}
	return all
}
