package api

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"portico/domain/access"
	"portico/projections"
	"portico/web/pages"
)

// todayPage is the first page of staff: what went wrong, what is owed, and what waits. What
// somebody may not see is not on it.
func (a *api) todayPage(ctx context.Context, name string) (templ.Component, error) {
	rq := requestOf(ctx)
	day, v := pages.Day{Name: name}, rq.viewer()
	can := func(c access.Capability) bool { return access.Can(rq.who.Roles, c) }
	for _, part := range []struct {
		needs access.Capability
		read  func(context.Context, projections.Viewer, *pages.Day) error
	}{
		{access.ReadBusiness, a.owedToday}, {access.ReadBusiness, a.waitingToday}, {access.ManageSystem, a.jobsGivenUp}, {access.ReadSystem, a.outsideWrong}, {access.ReadBusiness, a.importsFailed},
	} {
		if !can(part.needs) {
			continue
		}
		if err := part.read(ctx, v, &day); err != nil {
			return nil, err
		}
	}
	return pages.Today(day), nil
}

func (a *api) owedToday(ctx context.Context, v projections.Viewer, day *pages.Day) (err error) {
	if day.Owed.Report, err = a.Queries.GetAgeing(ctx, v, ""); err != nil {
		return err
	}
	day.Year, err = a.Queries.GetReceivablesByMonth(ctx, v)
	return err
}

func (a *api) waitingToday(ctx context.Context, v projections.Viewer, day *pages.Day) (err error) {
	few := projections.Paging{Limit: glances}
	if day.Unapplied, err = a.Queries.ListUnappliedMoney(ctx, v, projections.UnappliedFilter{Paging: few}); err != nil {
		return err
	}
	if day.Unassigned, err = a.Queries.ListUnassignedDocuments(ctx, v, projections.UnassignedFilter{Paging: few}); err != nil {
		return err
	}
	overdue, err := a.Queries.ListInvoices(ctx, v, projections.InvoiceFilter{Overdue: true, Paging: few})
	if err != nil {
		return err
	}
	day.Overdue, err = withNames(ctx, a, overdue, ofInvoice)
	return err
}

// lately is for how long the first page tells of what nobody has to put right.
const lately = 7 * 24 * time.Hour

// manyWrong is more than anybody counts on a first page.
const manyWrong = 100

func (a *api) jobsGivenUp(ctx context.Context, v projections.Viewer, day *pages.Day) error {
	dead, err := a.ListJobs(ctx, v, jobFilter{State: "dead", Paging: projections.Paging{Limit: manyWrong}})
	day.Wrongs("jobs", len(dead.Items), dead.Next != "", "/staff/jobs?state=dead")
	return err
}

// outsideWrong are mails, webhooks and read models.
func (a *api) outsideWrong(ctx context.Context, v projections.Viewer, day *pages.Day) error {
	since := a.Clock().Add(-lately)
	for _, state := range []string{"bounced", "failed"} {
		mails, err := a.ListMails(ctx, v, mailFilter{State: state, Paging: projections.Paging{Limit: manyWrong}})
		if err != nil {
			return err
		}
		n := 0
		for _, m := range mails.Items {
			if m.MadeAt.After(since) {
				n++
			}
		}
		day.Wrongs("mails_"+state, n, n == len(mails.Items) && mails.Next != "", "/staff/mails?state="+state)
	}
	hooks, err := a.Queries.ListWebhooks(ctx, v, projections.WebhookFilter{Paging: projections.Paging{Limit: manyWrong}})
	if err != nil {
		return err
	}
	failing := 0
	for _, h := range hooks.Items {
		if h.FailingSince != nil {
			failing++
		}
	}
	day.Wrongs("webhooks", failing, false, "/staff/webhooks")
	parked, err := a.ListParkedCustomers(ctx, v)
	day.Wrongs("parked", len(parked.Items), false, "/staff/system")
	return err
}

func (a *api) importsFailed(ctx context.Context, v projections.Viewer, day *pages.Day) error {
	latest, err := a.ListImports(ctx, v, projections.Paging{Limit: 20})
	n := 0
	for _, i := range latest.Items {
		if (i.State == "failed" || i.State == "stopped") && i.StartedAt.After(a.Clock().Add(-lately)) {
			n++
		}
	}
	day.Wrongs("imports", n, false, "/staff/imports")
	return err
}
