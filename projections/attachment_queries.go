package projections

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/attachment"
	"portico/projections/engine"
)

// Attachment is a file that hangs on an invoice, a credit memo or a customer.
type Attachment struct {
	ID         uuid.UUID        `json:"id"`
	CustomerID uuid.UUID        `json:"customer_id"`
	Owner      attachment.Owner `json:"owner" doc:"What it hangs on"`
	Name       string           `json:"name" doc:"Empty if the customer's personal data were erased"`
	SHA256     string           `json:"sha256"`
	Size       int64            `json:"size" doc:"Bytes"`
	MediaType  string           `json:"media_type"`
	AddedAt    time.Time        `json:"added_at"`
	ReplacedAt *time.Time       `json:"replaced_at,omitempty" doc:"When other bytes, or another name, took the place of what was there"`
	Viewable   string           `json:"viewable" enum:"Y,N" doc:"Customer View: whether it is shared with the customer, who sees it if they see what it hangs on"`
	SharedAt   *time.Time       `json:"shared_at,omitempty"`
	SharedBy   *uuid.UUID       `json:"shared_by,omitempty" doc:"Who shared it; for staff"`
	AddedBy    *uuid.UUID       `json:"added_by,omitempty" doc:"For staff"`
}

func (s scope) attachment(a attachmentRow) Attachment {
	out := Attachment{ID: a.ID, CustomerID: a.CustomerID, Owner: attachment.Owner{Kind: a.OwnerKind, ID: a.OwnerID}, Name: a.Name,
		SHA256: a.SHA256, Size: a.Size, MediaType: a.MediaType, AddedAt: a.AddedAt.UTC(), ReplacedAt: utc(a.ReplacedAt),
		Viewable: "N", SharedAt: utc(a.SharedAt)}
	if a.Shared {
		out.Viewable = "Y"
	}
	if s.all {
		out.SharedBy, out.AddedBy = a.SharedBy, &a.AddedBy
	}
	return out
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// SaveAs is the name to save it under.
func (a Attachment) SaveAs() string { return domain.FileName(a.Name, a.MediaType) }

// AttachmentFilter narrows a list of attachments. All that is given must hold.
type AttachmentFilter struct {
	CustomerID uuid.UUID `query:"customer_id" doc:"Of this customer only"`
	OwnerKind  string    `query:"owner_kind" enum:"invoice,credit_memo,customer"`
	OwnerID    uuid.UUID `query:"owner_id" doc:"That hang on this only"`
	Viewable   string    `query:"viewable" enum:"Y,N" doc:"Shared with the customer, or not; for staff, contacts see what is shared only"`
	Text       string    `query:"q" maxLength:"200" doc:"Part of the name"`
	Paging
}

// attachmentSeen is what a contact may see: what is shared, and hangs on something that it
// sees, and that is still the same customer's.
const (
	attachmentSeen  = onCustomer + `/*see file a*/` + onInvoice + `/*see file_of i*/` + onMemo + `/*see file_of m*/))`
	attachmentGiven = onCustomer + `/*see bytes a*/` + onInvoice + `/*see bytes_of i*/` + onMemo + `/*see bytes_of m*/))`

	onCustomer = `a.shared and (
    a.owner_kind = 'customer' and a.owner_id = a.customer_id`
	onInvoice = `
    or a.owner_kind = 'invoice' and exists (select from {s}.invoices i
      where i.tenant = a.tenant and i.id = a.owner_id and i.customer_id = a.customer_id and i.published/*see invoice i*/`
	onMemo = `)
    or a.owner_kind = 'credit_memo' and exists (select from {s}.credit_memos m
      where m.tenant = a.tenant and m.id = a.owner_id and m.customer_id = a.customer_id/*see memo m*/`
)

const attachmentFilters = `
  and (@owner_kind = '' or a.owner_kind = @owner_kind) and (@owner::uuid is null or a.owner_id = @owner)
  and (@viewable = '' or a.shared = (@viewable = 'Y')) and (@text = '' or strpos(a.search, @text) > 0)
  and (@first or (a.added_hi, a.added_lo) < (@hi::numeric, @lo::numeric))
  order by a.added_hi desc, a.added_lo desc limit @limit`

const (
	sqlAttachments engine.SQL = `
select a.* from unnest(@customers::uuid[]) c, lateral (
  select a.* from {s}.attachments a where a.tenant = @tenant and a.customer_id = c and (@all or ` + attachmentSeen + `)` + attachmentFilters + `
) a order by a.added_hi desc, a.added_lo desc limit @limit`
	sqlAllAttachments engine.SQL = `select a.* from {s}.attachments a where a.tenant = @tenant` + attachmentFilters
	sqlAttachment     engine.SQL = `
select a.* from {s}.attachments a where a.tenant = @tenant and a.id = @id
  and (@all or a.customer_id = any(@customers) and ` + attachmentSeen + `)`
	sqlAttachmentFile engine.SQL = `
select a.* from {s}.attachments a where a.tenant = @tenant and a.id = @id
  and (@all or a.customer_id = any(@customers) and ` + attachmentGiven + `)`
)

// ListAttachments lists files that hang on something, the latest first.
func (q *Queries) ListAttachments(ctx context.Context, v Viewer, f AttachmentFilter) (Page[Attachment], error) {
	var none Page[Attachment]
	after, some, err := f.position()
	if err != nil {
		return none, err
	}
	var rows []attachmentRow
	s, err := q.read(ctx, v, f.CustomerID, func(r *reading) error {
		sql := sqlAttachments
		if r.everyone() {
			sql = sqlAllAttachments
		}
		want(r, sql, pgx.NamedArgs{
			"owner_kind": f.OwnerKind, "owner": optional(f.OwnerID), "viewable": f.Viewable, "text": strings.ToLower(f.Text),
			"first": !some, "hi": after.Hi, "lo": after.Lo, "limit": f.limit() + 1,
		}, &rows)
		return nil
	})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, s.attachment, func(a attachmentRow) string { return cursorOf(position(a.AddedHi, a.AddedLo)) }), nil
}

// GetAttachment is one file that hangs on something.
func (q *Queries) GetAttachment(ctx context.Context, v Viewer, id uuid.UUID) (Attachment, error) {
	return q.attachment(ctx, v, sqlAttachment, id)
}

// GetAttachmentFile is one whose bytes are asked for.
func (q *Queries) GetAttachmentFile(ctx context.Context, v Viewer, id uuid.UUID) (Attachment, error) {
	return q.attachment(ctx, v, sqlAttachmentFile, id)
}

func (q *Queries) attachment(ctx context.Context, v Viewer, sql engine.SQL, id uuid.UUID) (Attachment, error) {
	var row *attachmentRow
	s, err := q.read(ctx, v, uuid.Nil, func(r *reading) error {
		wantOne(r, sql, pgx.NamedArgs{"id": id}, &row)
		return nil
	})
	if err == nil && row == nil {
		err = UnknownAttachment()
	}
	if err != nil {
		return Attachment{}, err
	}
	return s.attachment(*row), nil
}

// UnknownAttachment is the one answer about what is not there and what may not be seen.
func UnknownAttachment() error {
	return domain.NotFound("attachment.unknown", "there is no such attachment")
}
