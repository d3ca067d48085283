package api

import (
	"context"
	"io"

	"portico/internal/journal"
	"portico/projections"
)

// journalRoutes are about what was looked at, by whom, and who was turned away. Reading them
// is recorded as well.
func (a *api) journalRoutes() {
	get(a, "/v1/journal", projections.Audit.Name, auditors, a.ListJournal)
	a.journalExport()
	for path, name := range map[string]string{
		"/v1/invoices/{id}/views": "ListInvoiceViews", "/v1/credit-memos/{id}/views": "ListCreditMemoViews",
		"/v1/statements/{id}/views": "ListStatementViews", "/v1/attachments/{id}/views": "ListAttachmentViews",
	} {
		query(a, path, projections.Portal.Name, readers, name, func(ctx context.Context, v projections.Viewer, _ struct{}) (views, error) {
			found, err := a.Journal.Looked(ctx, v.Tenant, journal.Target{Kind: requestOf(ctx).target.Kind, ID: pathID(ctx)})
			return views{found}, err
		})
	}
}

type views struct {
	Items []journal.Looks `json:"items" nullable:"false" doc:"Contacts who have looked at it, the last first. Staff who saw the portal as a contact do not count"`
}

type journalFilter struct {
	journal.Filter
	projections.Paging
}

// ListJournal is what was looked at and refused, the latest first; for auditors.
func (a *api) ListJournal(ctx context.Context, v projections.Viewer, f journalFilter) (journal.Page, error) {
	f.Tenant = v.Tenant
	return a.Journal.ListFrom(ctx, f.Filter, f.Cursor, f.Limit)
}

type exportFilter struct {
	journal.Filter
	ExportFormat
}

// JournalDownload is what the page of the journal shows, as a file.
type JournalDownload struct {
	JournalAsked
	ExportFormat
}

// journalExport is the journal as a file.
func (a *api) journalExport() {
	handOut(a, a.exportOperation("/v1/journal/export", auditors, "ExportJournal", "The records in order, as of now."), func(_ context.Context, f *exportFilter) (streamed, error) {
		return a.journalTaken(f.Filter).in(f.Format)
	})
	handOut(a, a.exportPage("/audit/journal/export", auditors, "DownloadJournal"), func(_ context.Context, f *JournalDownload) (streamed, error) {
		return a.journalTaken(f.filter()).in(f.Format)
	})
}

func (a *api) journalTaken(f journal.Filter) takeaway {
	of := func(write func(context.Context, journal.Filter, io.Writer) error) func(context.Context, io.Writer) error {
		return func(ctx context.Context, to io.Writer) error {
			f := f
			f.Tenant = requestOf(ctx).who.Tenant
			return write(ctx, f, to)
		}
	}
	return takeaway{"journal", of(a.Journal.WriteNDJSON), of(a.Journal.WriteCSV)}
}
