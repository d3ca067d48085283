package api

import (
	"context"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/journal"
	"portico/projections"
	"portico/web/pages"
)

// auditPages are history and the journal, for who may read them.
func (a *api) auditPages() {
	look(a, "/audit/history", projections.Audit.Name, auditors, "ShowHistory", a.history, func(_ HistoryAsked, h pages.AuditHistory) templ.Component { return pages.History(h) })
	look(a, "/audit/integrity", projections.Audit.Name, auditors, "ShowIntegrity", a.integrity, func(_ struct{}, i pages.Integrity) templ.Component { return pages.AuditIntegrity(i) })
	look(a, "/audit/journal", projections.Audit.Name, auditors, "ShowJournal", a.journalPage, func(_ JournalAsked, j pages.AuditJournal) templ.Component { return pages.Journal(j) })
}

// HistoryAsked narrows history down, by days in UTC.
type HistoryAsked struct {
	Stream     string      `query:"stream" maxLength:"200"`
	CustomerID uuid.UUID   `query:"customer_id"`
	ActorID    uuid.UUID   `query:"actor_id"`
	Type       string      `query:"type" maxLength:"100"`
	From       domain.Date `query:"from" format:"date"`
	To         domain.Date `query:"to" format:"date"`
	Ever       bool        `query:"ever"` // from the first event on
	Cursor     string      `query:"cursor" maxLength:"50"`
}

// lastDays is what history shows of, unless its address says otherwise: it is long.
const lastDays = 7

// recent tells whether an address says nothing of what it wants to see.
func (f HistoryAsked) recent() bool {
	return f.Stream == "" && f.CustomerID == uuid.Nil && f.ActorID == uuid.Nil && f.Type == "" && f.From == "" && f.To == "" && !f.Ever
}

// filter is what the page shows of, from its beginning on.
func (f HistoryAsked) filter(now time.Time) projections.HistoryFilter {
	if f.recent() {
		f.From = domain.Date(now.UTC().AddDate(0, 0, -lastDays).Format(time.DateOnly))
	}
	from, to := days(f.From, f.To)
	return projections.HistoryFilter{Stream: f.Stream, CustomerID: f.CustomerID, ActorID: f.ActorID, Type: f.Type, From: from, To: to}
}

func (a *api) history(ctx context.Context, v projections.Viewer, f HistoryAsked) (out pages.AuditHistory, err error) {
	out.Stream, out.CustomerID, out.ActorID, out.Type, out.From, out.To = f.Stream, f.CustomerID, f.ActorID, f.Type, f.From, f.To
	if f.recent() {
		out.Recent = lastDays
	}
	of := f.filter(a.Clock())
	of.After, of.Limit = f.Cursor, 20
	out.HistoryPage, err = a.Queries.GetHistory(ctx, v, of)
	return out, err
}

// days are the instants between which two dates lie, in UTC; the zero time for none.
func days(from, to domain.Date) (begin, end time.Time) {
	begin, _ = time.Parse(time.DateOnly, string(from)) // checked by the schema
	if end, _ = time.Parse(time.DateOnly, string(to)); !end.IsZero() {
		end = end.AddDate(0, 0, 1)
	}
	return begin, end
}

// JournalAsked narrows the journal down, by days in UTC.
type JournalAsked struct {
	ActorID    uuid.UUID   `query:"actor_id"`
	CustomerID uuid.UUID   `query:"customer_id"`
	TargetID   uuid.UUID   `query:"target_id"`
	Kind       string      `query:"kind" maxLength:"60"`
	Outcome    string      `query:"outcome" enum:"success,failure,denied"`
	From       domain.Date `query:"from" format:"date"`
	To         domain.Date `query:"to" format:"date"`
	Cursor     string      `query:"cursor" maxLength:"400"`
}

// filter is what the page shows of, of whichever tenant.
func (f JournalAsked) filter() journal.Filter {
	from, to := days(f.From, f.To)
	return journal.Filter{ActorID: f.ActorID, CustomerID: f.CustomerID, TargetID: f.TargetID, Kind: f.Kind, Outcome: f.Outcome, From: from, To: to}
}

func (a *api) journalPage(ctx context.Context, v projections.Viewer, f JournalAsked) (out pages.AuditJournal, err error) {
	out = pages.AuditJournal{ActorID: f.ActorID, CustomerID: f.CustomerID, TargetID: f.TargetID, Kind: f.Kind, Outcome: f.Outcome, From: f.From, To: f.To}
	of := f.filter()
	of.Tenant = v.Tenant
	out.Page, err = a.Journal.ListFrom(ctx, of, f.Cursor, 40)
	return out, err
}

// integrity is what came of the last checks, which operators' commands make: they read all there is.
func (a *api) integrity(ctx context.Context, v projections.Viewer, _ struct{}) (out pages.Integrity, err error) {
	if out.Records, err = a.Journal.Head(ctx); err != nil {
		return out, err
	}
	head, err := a.Queries.Store.Head(ctx)
	if err != nil {
		return out, err
	}
	out.Events = head.String()
	out.Items, err = a.Journal.LastChecks(ctx, v.Tenant)
	return out, err
}
