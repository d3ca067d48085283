package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

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
	Format string `query:"format" enum:"ndjson,csv" default:"ndjson" doc:"csv is for spreadsheets: cells that they would run begin with an apostrophe"`
}

// journalExport is the journal as a file, streamed.
func (a *api) journalExport() {
	op := a.operation(http.MethodGet, "/v1/journal/export", auditors, "ExportJournal")
	op.Description += " The records in order, as of now. It is cut off, without its end, if it cannot be completed."
	sensitive(&op)
	text := &huma.Schema{Type: huma.TypeString}
	op.Responses = map[string]*huma.Response{"200": {Description: "The records", Content: map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: text}, "text/csv": {Schema: text},
	}}}
	huma.Register(a.huma, op, func(_ context.Context, f *exportFilter) (*huma.StreamResponse, error) {
		write, mediaType := a.Journal.WriteNDJSON, "application/x-ndjson"
		if f.Format == "csv" {
			write, mediaType = a.Journal.WriteCSV, "text/csv; charset=utf-8"
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humachi.Unwrap(hc)
			f.Tenant = requestOf(r.Context()).who.Tenant
			hc.SetHeader("Content-Type", mediaType)
			hc.SetHeader("Content-Disposition", attachmentNamed("journal."+f.Format))
			to := &urging{hc.BodyWriter(), http.NewResponseController(w), time.Now().Add(uploadTime)}
			if r.Method != http.MethodHead {
				a.stream(w, r, func() error { return write(r.Context(), f.Filter, to) })
			}
		}}, nil
	})
}

// stream answers with a problem if a text cannot be begun, and cuts the connection where it
// cannot be completed: its reader is not to take a part for the whole.
func (a *api) stream(w http.ResponseWriter, r *http.Request, write func() error) {
	err := write()
	if err == nil {
		return
	}
	if out, ok := w.(*witness); ok && !out.begun {
		w.Header().Del("Content-Disposition")
		a.refuse(w, r, err)
		return
	}
	rq := requestOf(r.Context())
	a.Log.Warn("an export was cut off", "request_id", rq.id, "operation", rq.operation, "error", err)
	rq.code = "export.cut_off" // for the access log: the client was told 200
	panic(http.ErrAbortHandler)
}
