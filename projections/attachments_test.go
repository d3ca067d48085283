package projections

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/attachment"
	"portico/domain/customer"
	"portico/domain/invoice"
)

// hanging is a world where every file was handed in.
func hanging(t *testing.T) *world {
	w := newWorld(t)
	w.Uploaded = func(_ context.Context, _, sha256 string) (attachment.File, bool, error) {
		return attachment.File{SHA256: sha256, Size: 3, MediaType: "image/png"}, true, nil
	}
	return w
}

func sha(digit string) string { return strings.Repeat(digit, 64) }

// hang adds a file, and shares it if the tick is set.
func (w *world) hang(kind string, owner uuid.UUID, name, sha256 string, tick bool) uuid.UUID {
	w.t.Helper()
	id := w.ok(w.AddAttachment(w.ctx(), w.by, uuid.Nil, attachment.Add{Owner: attachment.Owner{Kind: kind, ID: owner},
		Named: attachment.Named{SHA256: sha256, Name: name}}))
	if tick {
		w.tick(id, sha256)
	}
	return id
}

func (w *world) tick(id uuid.UUID, sha256 string) {
	w.t.Helper()
	w.ok(w.ShareAttachment(w.ctx(), w.by, id, attachment.Share{SHA256: sha256}))
}

// reached is what a viewer gets of attachments by list, search, owner, id, and activity.
func (w *world) reached(v Viewer, ids ...uuid.UUID) string {
	w.t.Helper()
	var all []any
	for _, f := range []AttachmentFilter{{}, {Text: "secret"}, {Viewable: "N"}, {Viewable: "Y"}, {OwnerKind: "invoice"}, {Paging: Paging{Limit: 1}}} {
		list, err := w.q.ListAttachments(w.ctx(), v, f)
		all = append(all, list, domain.CodeOf(err))
	}
	for _, id := range ids {
		one, err := w.q.GetAttachment(w.ctx(), v, id)
		list, errs := w.q.ListAttachments(w.ctx(), v, AttachmentFilter{OwnerID: id})
		all = append(all, one, domain.CodeOf(err), list, domain.CodeOf(errs))
	}
	activity, err := w.q.ListActivity(w.ctx(), v, ActivityFilter{})
	all = append(all, activity, domain.CodeOf(err))
	text, err := json.Marshal(all)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// S4.26-S4.29, E41: a contact sees a file while the tick is set, on these bytes, and on what
// the contact sees; staff see all, who shared it and when.
func TestAttachmentsAreSeenWhileShared(t *testing.T) {
	w := hanging(t)
	a := w.customer("A")
	inv := w.invoice(a, "2026-05-01", "2026-06-01", 100, true)
	id := w.hang("invoice", inv, "photo.png", sha("1"), false)
	v := w.contactOf(a)
	sees := func(want string) {
		t.Helper()
		w.settle()
		got, err := w.q.GetAttachment(t.Context(), v, id)
		list := get[Page[Attachment]](t)(w.q.ListAttachments(t.Context(), v, AttachmentFilter{Text: "PHOTO"}))
		if want == "" {
			code(t, "attachment.unknown", err)
			if len(list.Items) != 0 {
				t.Errorf("listed: %+v", list.Items)
			}
			return
		}
		if err != nil || got.SHA256 != want || len(list.Items) != 1 || list.Items[0].SHA256 != want || got.SharedBy != nil || got.AddedBy != nil {
			t.Errorf("%+v, %v, %+v", got, err, list)
		}
	}
	sees("")
	w.tick(id, sha("1"))
	sees(sha("1"))
	staff := get[Attachment](t)(w.q.GetAttachment(t.Context(), w.staff(), id))
	if staff.Viewable != "Y" || staff.SharedBy == nil || *staff.SharedBy != w.by.Actor.ID || staff.SharedAt == nil || staff.SaveAs() != "photo.png" {
		t.Errorf("%+v", staff)
	}
	w.ok(w.HideAttachment(w.ctx(), w.by, id, attachment.Hide{Because: why}))
	sees("")
	if staff := get[Attachment](t)(w.q.GetAttachment(t.Context(), w.staff(), id)); staff.Viewable != "N" || staff.SharedBy != nil || staff.SharedAt != nil {
		t.Errorf("%+v", staff)
	}
	w.tick(id, sha("1"))
	sees(sha("1"))
	replace := func(sha256, name string) {
		w.ok(w.ReplaceAttachment(w.ctx(), w.by, id, attachment.Replace{Named: attachment.Named{SHA256: sha256, Name: name}}))
	}
	replace(sha("1"), "photo of boiler.png")
	sees(sha("1")) // the same bytes
	replace(sha("2"), "photo.png")
	sees("")
	w.tick(id, sha("2"))
	sees(sha("2"))
	w.ok(w.RemoveAttachment(w.ctx(), w.by, id, attachment.Remove{Because: why}))
	sees("")
	_, err := w.q.GetAttachment(t.Context(), w.staff(), id)
	code(t, "attachment.unknown", err)
}

// A shared file is seen with what it hangs on: not with what is not published, not with a
// draft, and with a void invoice just if that is seen.
func TestAttachmentsAreSeenWithTheirOwner(t *testing.T) {
	w := hanging(t)
	a, b := w.customer("A"), w.customer("B")
	hidden := w.invoice(a, "2026-05-01", "2026-06-01", 100, false)
	shown, dead := w.invoice(a, "2026-05-02", "2026-06-01", 100, true), w.invoice(a, "2026-05-03", "2026-06-01", 100, false)
	draft := w.ok(w.DraftInvoice(w.ctx(), w.by, uuid.Nil, invoice.Draft{Content: w.content(a, "2026-05-07", "2026-06-01", 888)}))
	moved := w.ok(w.DraftInvoice(w.ctx(), w.by, uuid.Nil, invoice.Draft{Content: w.content(a, "2026-05-07", "2026-06-01", 888)}))
	of := map[string]uuid.UUID{}
	for name, on := range map[string]uuid.UUID{"hidden": hidden, "shown": shown, "dead": dead, "draft": draft, "moved": moved} {
		of[name] = w.hang("invoice", on, name+".png", sha("1"), true)
	}
	of["memo"] = w.hang("credit_memo", w.memo(a, "2026-05-06", 500, nil), "memo.png", sha("1"), true)
	of["customer"] = w.hang("customer", a, "customer.png", sha("1"), true)
	w.ok(w.IssueInvoice(w.ctx(), w.by, moved, invoice.Issue{Content: w.content(b, "2026-05-01", "2026-06-01", 100), Publish: true}))
	w.posted()
	for _, id := range []uuid.UUID{shown, dead} {
		w.ok(w.VoidInvoice(w.ctx(), w.by, id, invoice.Void{Because: why}))
	}
	check := func(v Viewer, want ...string) {
		t.Helper()
		w.settle()
		var listed, found []string
		for _, at := range get[Page[Attachment]](t)(w.q.ListAttachments(t.Context(), v, AttachmentFilter{})).Items {
			listed = append(listed, strings.TrimSuffix(at.Name, ".png"))
		}
		for name, id := range of {
			if _, err := w.q.GetAttachment(t.Context(), v, id); err == nil {
				found = append(found, name)
			} else {
				code(t, "attachment.unknown", err)
			}
		}
		slices.Sort(listed)
		slices.Sort(found)
		slices.Sort(want)
		if !slices.Equal(listed, want) || !slices.Equal(found, want) {
			t.Errorf("lists %v, finds %v, want %v", listed, found, want)
		}
	}
	check(w.contactOf(a), "shown", "memo", "customer")
	check(w.contactOf(b))
	check(w.staff(), "hidden", "shown", "dead", "draft", "moved", "memo", "customer")
	w.ok(w.PublishInvoice(w.ctx(), w.by, hidden, invoice.Publish{}))
	check(w.contactOf(a), "shown", "memo", "customer", "hidden")
	w.ok(w.SwitchCustomerPortal(w.ctx(), w.by, a, customer.SwitchPortal{On: false, Because: why}))
	check(w.contactOf(a))
}

// I3: by no query does a contact get what it would not get were the hidden, replaced,
// removed and foreign files not there.
func TestHiddenAttachmentsAreNowhere(t *testing.T) {
	w := hanging(t)
	a, b := w.customer("A"), w.customer("B")
	inv, unseen := w.invoice(a, "2026-05-01", "2026-06-01", 100, true), w.invoice(a, "2026-05-01", "2026-06-01", 100, false)
	theirs := w.invoice(b, "2026-05-01", "2026-06-01", 100, true)
	w.hang("invoice", inv, "shown.png", sha("1"), true)
	w.settle()
	v := w.contactOf(a)
	before, unknown := w.reached(v), uuid.New()

	secrets := []uuid.UUID{
		w.hang("invoice", inv, "secret one.png", sha("2"), false),
		w.hang("invoice", inv, "secret two.png", sha("3"), true),
		w.hang("invoice", inv, "secret three.png", sha("4"), true),
		w.hang("invoice", inv, "secret four.png", sha("5"), true),
		w.hang("invoice", unseen, "secret five.png", sha("6"), true),
		w.hang("invoice", theirs, "secret six.png", sha("7"), true),
		w.hang("customer", b, "secret seven.png", sha("1"), true), // the same bytes as ours
	}
	w.ok(w.HideAttachment(w.ctx(), w.by, secrets[1], attachment.Hide{Because: why}))
	w.ok(w.ReplaceAttachment(w.ctx(), w.by, secrets[2], attachment.Replace{Named: attachment.Named{SHA256: sha("8"), Name: "secret eight.png"}}))
	w.ok(w.RemoveAttachment(w.ctx(), w.by, secrets[3], attachment.Remove{Because: why}))
	w.settle()
	if got := w.reached(v); got != before {
		t.Errorf("got %s\nwant %s", got, before)
	}
	for _, id := range secrets {
		if got, want := w.reached(v, id), w.reached(v, unknown); got != want {
			t.Errorf("got %s\nof what does not exist %s", got, want)
		}
	}
	w.enter("rival", "Europe/Paris")
	w.settle()
	for _, id := range secrets {
		if got := w.reached(w.staff(), id); strings.Contains(got, "secret") || strings.Contains(got, "shown") {
			t.Errorf("a rival gets %s", got)
		}
	}
	whole := access.Whole(a)
	for _, nobody := range []Viewer{{}, {Tenant: "acme"}, {Tenant: "acme", Kind: "visitor", Standing: &whole}} {
		_, err := w.q.ListAttachments(t.Context(), nobody, AttachmentFilter{})
		code(t, "viewer.forbidden", err)
		_, err = w.q.GetAttachment(t.Context(), nobody, secrets[0])
		code(t, "viewer.forbidden", err)
	}
}

// Pages follow each other, whatever is asked for.
func TestPagesOfAttachments(t *testing.T) {
	w := hanging(t)
	a := w.customer("A")
	var want []uuid.UUID
	for i := range 7 {
		want = append(want, w.hang("customer", a, "n.png", sha(string(rune('0'+i))), i%3 != 0))
	}
	slices.Reverse(want)
	w.settle()
	pages := func(v Viewer, f AttachmentFilter) (got []uuid.UUID) {
		for f.Limit = 2; ; {
			p := get[Page[Attachment]](t)(w.q.ListAttachments(t.Context(), v, f))
			for _, at := range p.Items {
				got = append(got, at.ID)
			}
			if f.Cursor = p.Next; f.Cursor == "" {
				return got
			}
		}
	}
	same(t, want, pages(w.staff(), AttachmentFilter{}))
	same(t, want, pages(w.staff(), AttachmentFilter{CustomerID: a, OwnerKind: "customer", OwnerID: a}))
	same(t, []uuid.UUID{want[0], want[3], want[6]}, pages(w.staff(), AttachmentFilter{Viewable: "N"}))
	same(t, []uuid.UUID{want[1], want[2], want[4], want[5]}, pages(w.contactOf(a), AttachmentFilter{}))
	_, err := w.q.ListAttachments(t.Context(), w.staff(), AttachmentFilter{Paging: Paging{Cursor: "x"}})
	code(t, "cursor.malformed", err)
}
