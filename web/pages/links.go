package pages

import (
	"portico/domain/access"
	"portico/web/text"
	"portico/web/ui"
)

// place is a page that links lead to, if somebody may see it: its key is the text "nav." + key.
type place struct {
	key, icon, href string
	module          access.Module     // of contacts; "": all of them
	action          access.Action     // access.View if empty
	needs           access.Capability // of staff
	tab             bool              // at the foot of a phone, too
}

// What customers' contacts find, in the order of the rail.
var customerPlaces = []place{
	{key: "home", icon: "house", href: "/", tab: true},
	{key: "invoices", icon: "receipt-text", href: "/invoices", module: access.Invoices, tab: true},
	{key: "payments", icon: "credit-card", href: "/payments", module: access.Account, tab: true},
	{key: "credit_memos", icon: "file-minus", href: "/credit-memos", module: access.Account},
	{key: "statement", icon: "wallet", href: "/statement", module: access.Account, tab: true},
	{key: "documents", icon: "files", href: "/documents"},
	{key: "activity", icon: "history", href: "/activity"},
	{key: "users", icon: "users", href: "/users", module: access.Users},
	{key: "company", icon: "building", href: "/company", module: access.Profile},
	{key: "notifications", icon: "bell", href: "/notifications"},
}

// What staff find, by group.
var staffPlaces = []struct {
	title  string // text "nav." + title; "": none
	places []place
}{
	{"", []place{
		{key: "today", icon: "house", href: "/"},
		{key: "customers", icon: "building-2", href: "/staff/customers", needs: access.ReadBusiness},
	}},
	{"money", []place{
		{key: "receivables", icon: "gauge", href: "/staff/receivables", needs: access.ReadBusiness},
		{key: "staff_invoices", icon: "receipt-text", href: "/staff/invoices", needs: access.ReadBusiness},
		{key: "staff_credits", icon: "file-minus", href: "/staff/credits", needs: access.ReadBusiness},
		{key: "staff_payments", icon: "credit-card", href: "/staff/payments", needs: access.ReadBusiness},
		{key: "unapplied", icon: "wallet", href: "/staff/unapplied", needs: access.ReadBusiness},
		{key: "unassigned", icon: "inbox", href: "/staff/unassigned", needs: access.ReadBusiness},
	}},
	{"running", []place{
		{key: "imports", icon: "upload", href: "/staff/imports", needs: access.ReadBusiness},
		{key: "jobs", icon: "clipboard-list", href: "/staff/jobs", needs: access.ManageSystem},
		{key: "mails", icon: "mail", href: "/staff/mails", needs: access.ReadSystem},
		{key: "system", icon: "gauge", href: "/staff/system", needs: access.ReadSystem},
		{key: "keys", icon: "key-round", href: "/staff/keys", needs: access.ReadSystem},
		{key: "webhooks", icon: "send", href: "/staff/webhooks", needs: access.ReadSystem},
		{key: "team", icon: "users", href: "/staff/team", needs: access.ReadBusiness},
	}},
	{"business", []place{
		{key: "settings", icon: "sliders-horizontal", href: "/staff/settings/brand", needs: access.ReadBusiness},
	}},
	{"audit", []place{
		{key: "history", icon: "history", href: "/audit/history", needs: access.ReadHistory},
		{key: "journal", icon: "scan-eye", href: "/audit/journal", needs: access.ReadHistory},
		{key: "accounts", icon: "calendar-clock", href: "/audit/accounts", needs: access.ReadHistory},
		{key: "access", icon: "clipboard-check", href: "/audit/access", needs: access.ReadHistory},
		{key: "integrity", icon: "badge-check", href: "/audit/integrity", needs: access.ReadHistory},
	}},
}

// What an auditor finds: staff who may read history and run nothing.
var auditPlaces = []place{
	{key: "today", icon: "house", href: "/"},
	{key: "history", icon: "history", href: "/audit/history", needs: access.ReadHistory},
	{key: "journal", icon: "scan-eye", href: "/audit/journal", needs: access.ReadHistory},
	{key: "accounts", icon: "calendar-clock", href: "/audit/accounts", needs: access.ReadHistory},
	{key: "access", icon: "clipboard-check", href: "/audit/access", needs: access.ReadHistory},
	{key: "integrity", icon: "badge-check", href: "/audit/integrity", needs: access.ReadHistory},
}

// accountPlaces are in everybody's own menu.
var accountPlaces = []place{
	{key: "profile", icon: "user", href: "/profile"},
	{key: "security", icon: "shield-check", href: "/security"},
}

// CustomerLinks are where a contact can go: the rail, the tabs of a phone, and their own menu.
func CustomerLinks(p *text.Printer, open func(access.Module, access.Action) bool, several bool) (nav []ui.Group, tabs, menu []ui.Link) {
	var links []ui.Link
	for _, at := range customerPlaces {
		action := at.action
		if action == "" {
			action = access.View
		}
		if at.module != "" && !open(at.module, action) {
			continue
		}
		links = append(links, at.link(p))
		if at.tab && len(tabs) < 5 {
			tabs = append(tabs, at.link(p))
		}
	}
	return []ui.Group{{Links: links}}, tabs, accountLinks(p, several)
}

// StaffLinks are where a member of staff can go, and in which shell.
func StaffLinks(p *text.Printer, can func(access.Capability) bool, several bool) (shell ui.Shell, nav []ui.Group, menu []ui.Link) {
	if can(access.ReadHistory) && !can(access.ManageCustomers) && !can(access.ManageBilling) && !can(access.ManageMoney) && !can(access.ManageSystem) {
		return ui.Audit, []ui.Group{{Links: links(p, auditPlaces, can)}}, accountLinks(p, several)
	}
	for _, g := range staffPlaces {
		group := ui.Group{Links: links(p, g.places, can)}
		if g.title != "" {
			group.Title = p.T(navKey(g.title))
		}
		if len(group.Links) > 0 {
			nav = append(nav, group)
		}
	}
	return ui.Staff, nav, accountLinks(p, several)
}

func links(p *text.Printer, places []place, can func(access.Capability) bool) (all []ui.Link) {
	for _, at := range places {
		if at.needs == "" || can(at.needs) {
			all = append(all, at.link(p))
		}
	}
	return all
}

func accountLinks(p *text.Printer, several bool) (all []ui.Link) {
	for _, at := range accountPlaces {
		all = append(all, at.link(p))
	}
	if several {
		all = append(all, place{key: "switch", icon: "arrow-left-right", href: "/switch"}.link(p))
	}
	return all
}

// navKey is the key of a link's text: of one that only staff find, in English alone.
func navKey(key string) string {
	if of := "staff.nav_" + key; text.Has(of) {
		return of
	}
	return "nav." + key
}

func (at place) link(p *text.Printer) ui.Link {
	return ui.Link{Key: at.key, Label: p.T(navKey(at.key)), Icon: at.icon, Href: at.href}
}
