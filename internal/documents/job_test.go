package documents

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/importer"
	"portico/internal/jobs"
	"portico/internal/pdf"
	"portico/internal/sample"
)

// An import publishes without waiting for documents; jobs draw every one of them, once.
func TestImportedDocumentsAreDrawnByJobs(t *testing.T) {
	w := newWorld(t)
	by := staff()
	by.Origin.Channel = envelope.ChannelImport
	w.Papers = w.papers
	worker := w.worker()
	run := func() {
		t.Helper()
		o := importer.Options{Format: "retail", Name: sample.Name, Open: func() (io.ReadCloser, error) { return io.NopCloser(morning(t)), nil }, By: by}
		if _, err := (&importer.Importer{Commands: w.Commands}).Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	run()
	drawn := map[string]bool{}
	visible := 0
	for _, p := range events[invoice.Published](w) {
		if p.Rendition != nil {
			t.Fatal("the import waited for a document")
		}
		if p.CustomerID != nil {
			visible++
		}
	}
	for _, m := range events[creditmemo.Issued](w) {
		if m.CustomerID != nil {
			visible++
		}
	}
	ended := w.done(worker)
	for _, r := range append(renditions[invoice.Rendered](w), renditions[creditmemo.Rendered](w)...) {
		drawn[r.SHA256] = true
		file, err := w.files.Read(t.Context(), r.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(file)
		_ = file.Close()
		if err != nil || hexOf(data) != r.SHA256 {
			t.Fatalf("%+v: %v", r, err)
		}
	}
	if visible < 10 || len(drawn) != visible || ended["dead"] != 0 || ended["done"] != visible {
		t.Errorf("%d documents are visible, %d files drawn, jobs ended %v", visible, len(drawn), ended)
	}
	run()
	if again := w.done(worker); again["done"] != ended["done"] {
		t.Errorf("a second run led to %d more jobs", again["done"]-ended["done"])
	}
}

// morning is the beginning of the sample, as a plain file.
func morning(t *testing.T) io.Reader {
	packed := sample.Open()
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	var head bytes.Buffer
	for lines := bufio.NewScanner(plain); head.Len() < 20<<10 && lines.Scan(); {
		head.WriteString(lines.Text() + "\n")
	}
	return &head
}

// renditions are what events of a type name.
func renditions[T invoice.Rendered | creditmemo.Rendered](w *world) (all []domain.Rendition) {
	for _, e := range events[T](w) {
		switch e := any(e).(type) {
		case invoice.Rendered:
			all = append(all, e.Rendition)
		case creditmemo.Rendered:
			all = append(all, e.Rendition)
		}
	}
	return all
}

// What was published before events named files, in their first version, is drawn when this
// program first starts: jobs of this kind follow from the past too.
func TestWhatAnOlderProgramPublishedIsDrawn(t *testing.T) {
	w := newWorld(t)
	id := w.ok(w.IssueInvoice(t.Context(), staff(), uuid.Nil, invoice.Issue{Content: w.content("INV-1")})).ID
	stream := eventstore.Stream("main", "invoice", id.String())
	meta := envelope.Meta{Tenant: "main", Actor: staff().Actor, Origin: envelope.Origin{Channel: envelope.ChannelAPI, Node: "old"}, OccurredAt: time.Now(), CommandID: uuid.New(), Command: "PublishInvoice",
		CorrelationID: uuid.New(), CausationID: uuid.New(), Route: w.acme}
	sealed, err := w.Codec.Seal(t.Context(), stream, uuid.New(), meta, invoice.Published{CustomerID: &w.acme, Version: 1, ContentHash: "as it was"})
	if err != nil {
		t.Fatal(err)
	}
	sealed.Meta = bytes.Replace(sealed.Meta, []byte(`"schema":2`), []byte(`"schema":1`), 1)
	if !bytes.Contains(sealed.Meta, []byte(`"schema":1`)) {
		t.Fatalf("%s", sealed.Meta)
	}
	if _, err := w.store.Append(t.Context(), stream, 0, sealed); err != nil {
		t.Fatal(err)
	}
	if ended := w.done(w.worker()); ended["done"] != 1 {
		t.Errorf("jobs ended %v", ended)
	}
	if all := events[invoice.Rendered](w); len(all) != 1 || all[0].Version != 1 || *all[0].CustomerID != w.acme {
		t.Errorf("%+v", all)
	}
}

// A store of files that is away for a while delays documents, and loses none.
func TestAJobTriesAgainWhileFilesCannotBeKept(t *testing.T) {
	w := newWorld(t)
	id := w.ok(w.IssueInvoice(t.Context(), staff(), uuid.Nil, invoice.Issue{Content: w.content("INV-1"), Publish: true})).ID // nothing draws yet
	var away atomic.Int64
	away.Store(1)
	w.papers.Draw = func(p pdf.Paper) (pdf.Drawn, error) {
		if away.Add(-1) >= 0 {
			return pdf.Drawn{}, errors.New("away")
		}
		return pdf.Draw(p)
	}
	if ended := w.done(w.worker()); ended["done"] != 1 || len(events[invoice.Rendered](w)) != 1 {
		t.Errorf("jobs ended %v, drawn %d times", ended, len(events[invoice.Rendered](w)))
	}
	for range 2 { // and asked again nothing happens
		by := staff()
		by.Roles = []access.Role{"system"}
		w.ok(w.RenderInvoice(t.Context(), by, id))
	}
	if n := len(events[invoice.Rendered](w)); n != 1 {
		t.Errorf("drawn %d times", n)
	}
}

// Only what a customer sees and has no file for is planned.
func TestThePlanAsksForWhatHasNoFile(t *testing.T) {
	customer, rendition := uuid.New(), &domain.Rendition{SHA256: "a"}
	party := domain.Party{CustomerID: &customer}
	for _, c := range []struct {
		name string
		data any
		want string
	}{
		{"published without a file", invoice.Published{CustomerID: &customer}, "invoice"},
		{"published with one", invoice.Published{CustomerID: &customer, Rendition: rendition}, ""},
		{"published, and nobody's", invoice.Published{}, ""},
		{"found its customer, published", invoice.Assigned{Published: true, Document: invoice.Document{Party: party}}, "invoice"},
		{"found its customer, not published", invoice.Assigned{Document: invoice.Document{Party: party}}, ""},
		{"issued", invoice.Issued{Document: invoice.Document{Party: party}}, ""},
		{"restated: its publication follows", invoice.Restated{Document: invoice.Document{Party: party}}, ""},
		{"a credit memo", creditmemo.Issued{Document: creditmemo.Document{Party: party}}, "credit_memo"},
		{"nobody's credit memo", creditmemo.Issued{}, ""},
		{"a restated credit memo", creditmemo.Restated{Document: creditmemo.Document{Party: party}}, "credit_memo"},
		{"a credit memo that found its customer", creditmemo.Assigned{Document: creditmemo.Document{Party: party}}, "credit_memo"},
		{"drawn", invoice.Rendered{CustomerID: &customer}, ""},
	} {
		id := uuid.New()
		e := envelope.Event{ID: uuid.New(), Stream: eventstore.Stream("main", "invoice", id.String()), Meta: envelope.Meta{Tenant: "main"}, Data: c.data}
		made := Plan.Jobs(e)
		var o order
		if len(made) > 0 {
			if err := made[0].Into(&o); err != nil {
				t.Fatal(err)
			}
		}
		if o.Kind != c.want || c.want != "" && (o.ID != id || made[0].ID != Plan.Jobs(e)[0].ID) || len(made) > 1 {
			t.Errorf("%s: %+v", c.name, made)
		}
	}
}

// Who was erased is sent nothing more: the job ends, and is not tried for a day.
func TestNothingIsDrawnForWhoWasErased(t *testing.T) {
	w := newWorld(t)
	erased := domain.Refused("subject.erased", "gone")
	w.Papers = dying{w.papers, func(domain.Rendition) error { return erased }}
	by := staff()
	by.Origin.Channel = envelope.ChannelImport
	id := w.ok(w.IssueInvoice(t.Context(), by, uuid.Nil, invoice.Issue{Content: w.content("INV-1"), Publish: true})).ID
	if err := render(t.Context(), w.Commands, jobs.Job{ID: uuid.New(), Tenant: "main"}, order{"invoice", id}); err != nil {
		t.Error(err)
	}
}

var _ commands.Papers = dying{}
