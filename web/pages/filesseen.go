package pages

import (
	"context"

	"portico/projections"
	"portico/web/ui"
)

// InvoiceSeen is an invoice, and the files on it that its reader sees.
type InvoiceSeen struct {
	projections.InvoiceDetail
	Files FilesSeen
}

// CreditSeen is a credit memo, and the files on it that its reader sees.
type CreditSeen struct {
	projections.CreditMemoDetail
	Files FilesSeen
}

// FilesSeen are files that hang on something.
type FilesSeen struct {
	Items     []projections.Attachment
	Downloads bool // they can be had
}

func (f FilesSeen) row(ctx context.Context, a projections.Attachment) ui.File {
	out := ui.File{Name: a.SaveAs(), Detail: size(ctx, a.Size)}
	if f.Downloads {
		out.Href = "/v1/attachments/" + a.ID.String() + "/file"
	}
	return out
}
