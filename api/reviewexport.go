package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"time"

	"portico/internal/journal"
	"portico/projections"
	"portico/web/pages"
)

// reviewExport is who has access as a file: what a reviewer signs.
func (a *api) reviewExport() {
	of := func(_ context.Context, f *ExportFormat) (streamed, error) {
		return takeaway{"access-review",
			func(ctx context.Context, to io.Writer) error { return reviewNDJSON(ctx, a, to) },
			func(ctx context.Context, to io.Writer) error { return reviewCSV(ctx, a, to) }}.in(f.Format)
	}
	handOut(a, a.exportOperation("/v1/access-review/export", auditors, "ExportAccessReview",
		"Staff, contacts, API keys and invitations that wait, each with what it opens and when it last did."), of)
	handOut(a, a.exportPage("/audit/access/export", auditors, "DownloadAccessReview"), of)
}

// eachAccess goes through all who have access.
func (a *api) eachAccess(ctx context.Context, f func(pages.Accessor) error) error {
	r, err := a.reviewer(ctx, requestOf(ctx).viewer())
	if err != nil {
		return err
	}
	for _, of := range []string{"staff", "contacts", "keys", "invitations"} {
		for p := (projections.Paging{Limit: 200}); ; {
			found, err := r.part(ctx, of, p)
			if err != nil {
				return err
			}
			for _, row := range found.Items {
				if err := f(row); err != nil {
					return err
				}
			}
			if p.Cursor = found.Next; p.Cursor == "" {
				break
			}
		}
	}
	return nil
}

func reviewNDJSON(ctx context.Context, a *api, to io.Writer) error {
	lines := json.NewEncoder(to)
	return a.eachAccess(ctx, func(row pages.Accessor) error { return lines.Encode(row) })
}

func reviewCSV(ctx context.Context, a *api, to io.Writer) error {
	out := csv.NewWriter(to)
	if err := out.Write([]string{"of", "id", "name", "email", "customer_number", "customer", "may", "since", "last_used", "state", "until"}); err != nil {
		return err
	}
	err := a.eachAccess(ctx, func(r pages.Accessor) error {
		row := []string{r.Of, r.ID.String(), r.Name, r.Email, r.Customer.Number, r.Customer.Name, r.May, r.Since.Format(time.RFC3339), instant(r.Used), r.State, instant(r.Until)}
		for i := range row {
			row[i] = journal.Inert(row[i])
		}
		return out.Write(row)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func instant(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}
