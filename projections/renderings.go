package projections

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var renderings = engine.NewTable[renderingKey, renderingRow]("renderings")

type renderingKey struct {
	Tenant  string
	ID      uuid.UUID
	Version int
}

// renderingRow is a version of an invoice or credit memo as it was drawn for its customer.
// Rows stay when later versions replace them: their hashes are asked for for years.
type renderingRow struct {
	Tenant    string    `db:"tenant,key"`
	ID        uuid.UUID `db:"id,key"`
	Version   int       `db:"version,key"`
	SHA256    string    `db:"sha256"`
	PaperHash string    `db:"paper_hash"`
	Size      int64     `db:"size"`
	Pages     int       `db:"pages"`
}

// applyRendering comes after the documents' writers. A document's row names the version
// whose file is given out: none between its publication and its drawing.
func applyRendering(b *engine.Batch, e envelope.Event) error {
	if ofNobody(e) {
		return nil
	}
	switch d := e.Data.(type) {
	case invoice.Published:
		drawInvoice(b, e, 0, nil)
		if d.Rendition != nil && d.CustomerID != nil {
			drawInvoice(b, e, d.Version, d.Rendition)
		}
	case invoice.Rendered:
		drawInvoice(b, e, d.Version, &d.Rendition)
	case creditmemo.Restated:
		drawMemo(b, e, 0, nil)
	case creditmemo.Rendered:
		drawMemo(b, e, d.Version, &d.Rendition)
	}
	return nil
}

func drawInvoice(b *engine.Batch, e envelope.Event, version int, r *domain.Rendition) {
	if i := invoices.Get(b, about(e)); i != nil {
		i.Drawn = version
		putRendering(b, about(e), version, r)
	}
}

func drawMemo(b *engine.Batch, e envelope.Event, version int, r *domain.Rendition) {
	if c := creditMemos.Get(b, about(e)); c != nil {
		c.Drawn = version
		putRendering(b, about(e), version, r)
	}
}

func putRendering(b *engine.Batch, k docKey, version int, r *domain.Rendition) {
	if r != nil {
		renderings.Put(b, renderingRow{k.Tenant, k.ID, version, r.SHA256, r.PaperHash, r.Size, r.Pages})
	}
}

// Document is a file that says what a record says, and is never changed.
type Document struct {
	SHA256    string `json:"sha256" doc:"Of the file's bytes, in hex"`
	PaperHash string `json:"paper_hash" doc:"The hash that is printed on it. VerifyDocument knows both"`
	Size      int64  `json:"size" doc:"Bytes"`
	Pages     int    `json:"pages"`
	Version   int    `json:"version" doc:"Of what it shows"`
}

func (r renderingRow) view() *Document {
	return &Document{r.SHA256, r.PaperHash, r.Size, r.Pages, r.Version}
}

// DocumentFile is a document to be given out, and the number it is known by.
type DocumentFile struct {
	Document
	Number string
}

// DocumentOptions say which of a record's documents.
type DocumentOptions struct {
	Version int `query:"version" minimum:"0" doc:"An earlier version, for staff; left out: what the customer sees"`
}

// fileRow is a record, with the rendering that was asked for if there is one.
type fileRow struct {
	Number    string  `db:"number"`
	Kind      string  `db:"kind"`
	Published bool    `db:"published"`
	Voided    bool    `db:"voided"`
	Drawn     int     `db:"drawn"`
	Version   *int    `db:"version"`
	SHA256    *string `db:"sha256"`
	PaperHash *string `db:"paper_hash"`
	Size      *int64  `db:"size"`
	Pages     *int    `db:"pages"`
}

// Contacts are given the file of the published version and no other.
const renderingAsked = `
left join {s}.renderings r on r.tenant = d.tenant and r.id = d.id
  and r.version = case when @all and @version > 0 then @version::bigint else d.drawn end
where d.tenant = @tenant and d.id = @id`

const (
	sqlInvoiceDocument engine.SQL = `
select d.number, d.kind, d.published, d.voided, d.drawn, r.version, r.sha256, r.paper_hash, r.size, r.pages
from {s}.invoices d ` + renderingAsked + ` and (@all or d.published and d.customer_id = any(@customers)/*see invoice_file d*/)`
	sqlCreditMemoDocument engine.SQL = `
select d.number, d.kind, true as published, d.voided, d.drawn, r.version, r.sha256, r.paper_hash, r.size, r.pages
from {s}.credit_memos d ` + renderingAsked + ` and (@all or d.customer_id = any(@customers)/*see memo_file d*/)`
	sqlRendering engine.SQL = `
select r.* from {s}.renderings r where r.tenant = @tenant and r.id = @id order by r.version desc`
)

// GetInvoiceDocument is the file of an invoice: for contacts that of the published version,
// until a new one is published (S0.9, I3).
func (q *Queries) GetInvoiceDocument(ctx context.Context, v Viewer, id uuid.UUID, o DocumentOptions) (DocumentFile, error) {
	out, known, err := q.fileOf(ctx, v, sqlInvoiceDocument, id, o)
	if err == nil && !known {
		err = domain.NotFound("invoice.unknown", "there is no such invoice")
	}
	return out, err
}

// GetCreditMemoDocument is the file of a credit memo.
func (q *Queries) GetCreditMemoDocument(ctx context.Context, v Viewer, id uuid.UUID, o DocumentOptions) (DocumentFile, error) {
	out, known, err := q.fileOf(ctx, v, sqlCreditMemoDocument, id, o)
	if err == nil && !known {
		err = domain.NotFound("credit_memo.unknown", "there is no such credit memo")
	}
	return out, err
}

// fileOf is the file of a record, if the viewer knows of the record.
func (q *Queries) fileOf(ctx context.Context, v Viewer, sql engine.SQL, id uuid.UUID, o DocumentOptions) (out DocumentFile, known bool, err error) {
	var row *fileRow
	s, err := q.read(ctx, v, uuid.Nil, func(r *reading) error {
		wantOne(r, sql, pgx.NamedArgs{"id": id, "version": o.Version}, &row)
		return nil
	})
	if err != nil || row == nil {
		return out, false, err
	}
	out, err = row.file(s, o.Version)
	return out, true, err
}

var errRendering = &domain.Error{Kind: domain.KindUnavailable, Code: "document.rendering",
	Message: "this document is being drawn just now: try again in a moment"}

func (d fileRow) file(s scope, asked int) (out DocumentFile, err error) {
	switch {
	case asked != 0 && asked != d.Drawn && (!s.all || d.SHA256 == nil):
		return out, domain.NotFound("document.unknown", "there is no such version")
	case d.SHA256 != nil:
		return DocumentFile{Document{*d.SHA256, *d.PaperHash, *d.Size, *d.Pages, *d.Version}, d.Number}, nil
	case d.Kind == "charge":
		return out, domain.NotFound("document.none", "a charge arises on the account: it has no document")
	case !d.Published:
		return out, domain.NotFound("document.none", "this is not published, and is drawn when it is")
	case d.Voided:
		return out, domain.NotFound("document.none", "this was void before it was drawn")
	}
	return out, errRendering
}

// givenOut is the rendering that a record's row names, of all that there are.
func givenOut(all []renderingRow, drawn int) *Document {
	for _, r := range all {
		if drawn > 0 && r.Version == drawn {
			return r.view()
		}
	}
	return nil
}
