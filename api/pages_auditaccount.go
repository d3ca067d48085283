package api

import (
	"context"
	"errors"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/projections"
	"portico/web/pages"
)

// auditAccountPages show a customer's account as it was on any day, and what a contact could see
// of it then.
func (a *api) auditAccountPages() {
	look(a, "/audit/accounts", projections.Staff.Name, auditors, "ShowAuditAccounts", a.Queries.ListCustomers, pages.AuditAccounts)
	look(a, "/audit/accounts/{id}", projections.Portal.Name, auditors, "ShowAuditAccount", a.accountDay, func(_ dayAsked, d pages.AccountDay) templ.Component { return pages.AuditAccount(d) })
}

// dayAsked says which day of an account, and through whose eyes.
type dayAsked struct {
	AsOf      domain.Date `query:"as_of" format:"date"`
	At        int         `query:"at" minimum:"1" maximum:"1000"` // of the days on which something was posted; AsOf goes before
	ContactID uuid.UUID   `query:"contact_id"`
}

func (a *api) accountDay(ctx context.Context, v projections.Viewer, f dayAsked) (out pages.AccountDay, err error) {
	customer := pathID(ctx)
	if f.AsOf != "" {
		if err := f.AsOf.Check(); err != nil {
			return out, err
		}
	}
	if out.AccountDay, err = a.Queries.GetAccountDay(ctx, v, customer, f.AsOf); err != nil {
		return out, err
	}
	if n := len(out.Moves); f.AsOf == "" && f.At > 0 && n > 0 {
		if out.AccountDay, err = a.Queries.GetAccountDay(ctx, v, customer, out.Moves[min(f.At, n)-1]); err != nil {
			return out, err
		}
	}
	if out.Customer, err = a.Queries.GetCustomer(ctx, v, customer); err != nil {
		return out, err
	}
	contacts, err := a.Queries.ListContacts(ctx, v, projections.ContactFilter{CustomerID: customer, Removed: true, Paging: projections.Paging{Limit: 200}})
	if err != nil {
		return out, err
	}
	out.Contacts = contacts.Items
	d, err := a.desk(ctx, nil)
	if err != nil {
		return out, err
	}
	out.Moment = endOf(out.AsOf, d.Zone, a.Clock())
	if f.ContactID != uuid.Nil {
		out.ContactID = f.ContactID
		out.Sees, err = a.seenThen(ctx, v.Tenant, out)
	}
	return out, err
}

// endOf is the last instant of a day in a zone, and now if that is still to come.
func endOf(day domain.Date, zone *time.Location, now time.Time) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, string(day), zone)
	if err != nil {
		return now.UTC()
	}
	if t = t.AddDate(0, 0, 1).Add(-time.Nanosecond); t.After(now) {
		return now.UTC()
	}
	return t.UTC()
}

// seenThen asks of the account and of each invoice that is listed whether the contact could see
// it, of history itself. What was not there then has no ruling.
func (a *api) seenThen(ctx context.Context, tenant string, d pages.AccountDay) (map[uuid.UUID]commands.Visibility, error) {
	asked := []commands.VisibilityAsked{{Kind: "account", Item: d.CustomerID, At: d.Moment}}
	for _, i := range d.Open {
		asked = append(asked, commands.VisibilityAsked{Kind: "invoice", Item: i.ID, At: d.Moment})
	}
	out := map[uuid.UUID]commands.Visibility{}
	for _, ask := range asked {
		seen, err := a.Commands.ExplainVisibility(ctx, tenant, d.ContactID, ask)
		var refused *domain.Error
		if errors.As(err, &refused) && refused.Kind == domain.KindNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[ask.Item] = seen
	}
	return out, nil
}
