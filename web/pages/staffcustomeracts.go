package pages

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/tenant"
	"portico/projections"
	"portico/web/ui"
)

// Placing is a customer, and the other one that it is to stand under or go on as.
type Placing struct {
	CustomerFile
	To     *projections.CustomerName // nil while it is not said
	Top    bool                      // it is to stand under none
	Search string
	Found  projections.Page[projections.CustomerSummary]
}

// mergeSays is what is asked next.
func (p Placing) mergeSays(ctx context.Context) string {
	if p.To == nil {
		return t(ctx, "staff.custacts.merge_says")
	}
	return t(ctx, "staff.custacts.merge_confirm")
}

// relativesShown is how many of a customer's children its page names.
const relativesShown = 12

// Relatives are the customers that a customer's page names.
func (c CustomerFile) Relatives() (ids []uuid.UUID) {
	ids = slices.Clone(c.below())
	for _, id := range []*uuid.UUID{c.ParentID, c.MergedInto} {
		if id != nil {
			ids = append(ids, *id)
		}
	}
	return ids
}

func (c CustomerFile) below() []uuid.UUID { return c.Children[:min(len(c.Children), relativesShown)] }

func (c CustomerFile) path(act string) string { return deskCustomerPath(c.ID) + act }

func (c CustomerFile) crumbs(ctx context.Context) []ui.Link {
	return []ui.Link{{Label: t(ctx, "staff.nav_customers"), Href: "/staff/customers"}, {Label: c.Name, Href: c.path("")}}
}

// changes tells whether the reader may change the customer, and it can still be changed.
func (c CustomerFile) changes() bool { return c.Manages && c.Status == "active" }

// acts are what can be done about a customer, what ends it last.
func (c CustomerFile) acts(ctx context.Context) (all []ui.Link) {
	for _, act := range []struct{ key, icon string }{{"details", "pencil"}, {"portal", "lock"}, {"modules", "clipboard-list"}, {"move", "building-2"}, {"merge", "users"}, {"close", "circle-x"}} {
		all = append(all, ui.Link{Label: t(ctx, "staff.custacts.do_"+act.key), Icon: act.icon, Href: c.path("/" + act.key)})
	}
	return all
}

func (c CustomerFile) branch() string {
	for _, b := range c.Branches {
		if c.BranchID != nil && b.ID == *c.BranchID {
			return b.Name
		}
	}
	return ""
}

// allowed are the contacts who can come in while the portal is open.
func (c CustomerFile) allowed() (all []projections.Contact) {
	for _, p := range c.Contacts.Items {
		if p.LoginID != nil {
			all = append(all, p)
		}
	}
	return all
}

// modulesOff are those that are switched off for the customer, in words.
func (c CustomerFile) modulesOff(ctx context.Context) string {
	var said []string
	for _, m := range c.ModulesOff {
		said = append(said, t(ctx, "staff.person.module_"+string(m)))
	}
	return strings.Join(said, ", ")
}

// on tells whether a module's tick is set: as it was sent, or as it is.
func (c CustomerFile) on(ctx context.Context, m access.Module) bool {
	if typed := sent(ctx).Typed; typed != nil {
		return slices.Contains(strings.Split(typed["on"], ","), string(m))
	}
	return !slices.Contains(c.ModulesOff, m)
}

// terms are the days from issue to due date.
func (c CustomerFile) terms() int {
	if c.TermsDays == nil {
		return 0
	}
	return *c.TermsDays
}

// customerForm is what the forms about a new customer and a known one have in common.
type customerForm struct {
	projections.Customer
	Branches []tenant.Place
}

func (f customerForm) days() string {
	if f.TermsDays == nil {
		return ""
	}
	return strconv.Itoa(*f.TermsDays)
}

func (f customerForm) kinds(ctx context.Context) (all []ui.Option) {
	chosen := chosenOf(ctx, "kind", f.Kind)
	for _, kind := range []string{"account", "consumer", "parent"} {
		all = append(all, ui.Option{Value: kind, Label: t(ctx, "staff.custacts.kind_"+kind), Chosen: kind == chosen})
	}
	return all
}

// branches are those that are open, and the customer's own.
func (f customerForm) branches(ctx context.Context) []ui.Option {
	now := ""
	if f.BranchID != nil {
		now = f.BranchID.String()
	}
	chosen, known := chosenOf(ctx, "branch_id", now), false
	all := []ui.Option{{Label: t(ctx, "staff.m.no_branch")}}
	for _, b := range f.Branches {
		all = append(all, ui.Option{Value: b.ID.String(), Label: b.Name, Chosen: b.ID.String() == chosen})
		known = known || b.ID.String() == now
	}
	if now != "" && !known { // closed since: leaving the form as it is keeps it
		all = append(all, ui.Option{Value: now, Label: t(ctx, "staff.custacts.branch_closed"), Chosen: now == chosen})
	}
	return all
}

// chosenOf is what was chosen, or what is so now.
func chosenOf(ctx context.Context, name, now string) string {
	if typed := sent(ctx).Typed; typed != nil {
		return typed[name]
	}
	return now
}

// customerReasons are why a customer itself is changed.
var customerReasons = []string{"asked", "reorganised", "duplicate", "gone", "unpaid", "security", "mistake", "other"}

func customerReasonOptions(ctx context.Context) (all []ui.Option) {
	chosen := sent(ctx).Typed["reason.code"]
	for _, code := range customerReasons {
		all = append(all, ui.Option{Value: code, Label: t(ctx, "staff.custacts.reason_"+code), Chosen: code == chosen})
	}
	return all
}

// called is a relative's name, or its number.
func (c CustomerFile) called(id uuid.UUID) string {
	r := c.Family[id]
	if r.Name == "" {
		return r.Number
	}
	return r.Name
}
