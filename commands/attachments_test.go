package commands

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/attachment"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/eventstore"
)

// handed makes the world know files that a tenant has handed in.
func (w *world) handed(tenant string, all ...attachment.File) {
	before := w.Uploaded
	w.Uploaded = func(ctx context.Context, of, sha256 string) (attachment.File, bool, error) {
		at := slices.IndexFunc(all, func(f attachment.File) bool { return f.SHA256 == sha256 })
		if at >= 0 && of == tenant {
			return all[at], true, nil
		}
		if before != nil {
			return before(ctx, of, sha256)
		}
		return attachment.File{}, false, nil
	}
}

var (
	photo  = attachment.File{SHA256: strings.Repeat("1", 64), Size: 10, MediaType: "image/png"}
	report = attachment.File{SHA256: strings.Repeat("2", 64), Size: 20, MediaType: "application/pdf"}
)

func hangs(kind string, id uuid.UUID, f attachment.File) attachment.Add {
	return attachment.Add{Owner: attachment.Owner{Kind: kind, ID: id}, Named: attachment.Named{SHA256: f.SHA256, Name: "x.png"}}
}

// A file hangs on what there is, and is its customer's.
func TestAnAttachmentIsItsOwnersCustomers(t *testing.T) {
	w := open(t)
	w.handed("main", photo)
	a := w.customer("A")
	inv, memo := w.issue(a, "I-1", 100), w.credit(a, "M-1", 50, nil)
	for kind, id := range map[string]uuid.UUID{"customer": a, "invoice": inv, "credit_memo": memo} {
		made := w.ok(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs(kind, id, photo)))
		log := w.log()
		e := log[len(log)-1]
		got := e.Data.(attachment.Added)
		if e.Meta.Route != a || got.CustomerID != a || got.File != photo || e.Stream != eventstore.Stream("main", "attachment", made.ID.String()) {
			t.Errorf("%s: %+v %+v", kind, e.Meta, got)
		}
		w.refuses(kind + ".unknown")(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs(kind, uuid.New(), photo)))
	}
	w.refuses("attachment.owner_kind")(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("account", a, photo)))
	contact := staffMember()
	contact.Roles = []access.Role{"contact"}
	w.refuses("caller.forbidden")(w.AddAttachment(w.ctx(), contact, uuid.Nil, hangs("invoice", inv, photo)))
	w.refuses("caller.forbidden")(w.ShareAttachment(w.ctx(), contact, uuid.New(), attachment.Share{}))
}

// A command names only files that its own tenant has handed in.
func TestFilesOfOtherTenantsAreUnknown(t *testing.T) {
	w := open(t)
	a := w.customer("A")
	w.refuses("file.unavailable")(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("customer", a, photo)))
	w.handed("main", photo)
	w.handed("rival", report)
	w.refuses("file.unknown")(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("customer", a, report)))
	id := w.ok(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("customer", a, photo))).ID
	w.refuses("file.unknown")(w.ReplaceAttachment(w.ctx(), staffMember(), id, attachment.Replace{Named: attachment.Named{SHA256: report.SHA256, Name: "x"}}))
}

// What is nobody's takes no files before it is assigned; then it does. What a draft was
// given, while it was one customer's, is not shared once it is another's.
func TestAnAttachmentOfWhatMoves(t *testing.T) {
	w := open(t)
	w.handed("main", photo)
	a, b := w.customer("A"), w.customer("B")
	loose := content(a, "I-1", 100)
	loose.CustomerID = nil
	inv := w.ok(w.IssueInvoice(w.ctx(), staffMember(), uuid.Nil, invoice.Issue{Content: loose})).ID
	memo := w.ok(w.IssueCreditMemo(w.ctx(), staffMember(), uuid.Nil, creditmemo.Issue{Content: creditmemo.Content{Number: "M-1", Lines: loose.Lines}})).ID
	w.refuses("attachment.owner_unassigned")(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("invoice", inv, photo)))
	w.refuses("attachment.owner_unassigned")(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("credit_memo", memo, photo)))
	w.ok(w.AssignInvoice(w.ctx(), staffMember(), inv, invoice.Assign{CustomerID: b, Because: because}))
	on := w.ok(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("invoice", inv, photo))).ID
	w.ok(w.ShareAttachment(w.ctx(), staffMember(), on, attachment.Share{SHA256: photo.SHA256}))

	draft := w.ok(w.DraftInvoice(w.ctx(), staffMember(), uuid.Nil, invoice.Draft{Content: content(a, "", 100)})).ID
	early := w.ok(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("invoice", draft, photo))).ID
	w.ok(w.IssueInvoice(w.ctx(), staffMember(), draft, invoice.Issue{Content: content(b, "I-2", 100)}))
	w.refuses("attachment.owner_moved")(w.ShareAttachment(w.ctx(), staffMember(), early, attachment.Share{SHA256: photo.SHA256}))
	late := w.ok(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("invoice", draft, photo))).ID
	w.ok(w.ShareAttachment(w.ctx(), staffMember(), late, attachment.Share{SHA256: photo.SHA256}))
}

// The tick, its end, another file and the end of it, as history has them.
func TestAnAttachmentsLife(t *testing.T) {
	w := open(t)
	w.handed("main", photo, report)
	a := w.customer("A")
	id := w.ok(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("customer", a, photo))).ID
	shows := func(want bool, f attachment.File) {
		t.Helper()
		if got, err := w.another().ShowsAttachment(w.ctx(), "main", id, f.SHA256); got != want || err != nil {
			t.Errorf("shows %v, %v", got, err)
		}
	}
	shows(false, photo)
	w.ok(w.ShareAttachment(w.ctx(), staffMember(), id, attachment.Share{SHA256: photo.SHA256}))
	shows(true, photo)
	shows(false, report)
	w.ok(w.HideAttachment(w.ctx(), staffMember(), id, attachment.Hide{Because: because}))
	shows(false, photo)
	w.ok(w.ShareAttachment(w.ctx(), staffMember(), id, attachment.Share{SHA256: photo.SHA256}))
	w.ok(w.ReplaceAttachment(w.ctx(), staffMember(), id, attachment.Replace{Named: attachment.Named{SHA256: report.SHA256, Name: "report.pdf"}}))
	shows(false, photo)
	shows(false, report)
	w.ok(w.RemoveAttachment(w.ctx(), staffMember(), id, attachment.Remove{Because: because}))
	got := w.types(eventstore.Stream("main", "attachment", id.String()))
	want := []string{"attachment.added", "attachment.shared", "attachment.hidden", "attachment.shared", "attachment.replaced", "attachment.removed"}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for _, e := range w.log() {
		if h, is := e.Data.(attachment.Hidden); is && (h.Reason != because.Reason.Code || e.Meta.Reason == nil || e.Meta.Route != a) {
			t.Errorf("%+v", e) // E40: why is recorded
		}
	}
	if _, err := w.ShowsAttachment(w.ctx(), "rival", id, report.SHA256); err != nil && domain.CodeOf(err) != "attachment.unknown" {
		t.Errorf("%v", err)
	}
}
