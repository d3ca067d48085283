package documents

import (
	"context"
	"errors"
	"image/color"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/attachment"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/pdf"
)

// The hash in the event is the SHA-256 of the file that is kept, and the printed hash is on
// the paper that was drawn into it.
func TestTheEventNamesWhatIsKept(t *testing.T) {
	w := newWorld(t)
	w.Papers = w.papers
	var paper pdf.Paper
	w.papers.Draw = func(p pdf.Paper) (pdf.Drawn, error) { paper = p; return pdf.Draw(p) }
	w.ok(w.IssueInvoice(t.Context(), staff(), uuid.Nil, invoice.Issue{Content: w.content("INV-1"), Publish: true}))
	r := events[invoice.Published](w)[0].Rendition
	if r == nil {
		t.Fatal("it was published without a document")
	}
	kept, err := w.files.Read(t.Context(), r.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	data, err := io.ReadAll(kept)
	if err != nil || hexOf(data) != r.SHA256 || int64(len(data)) != r.Size || r.Pages != 1 {
		t.Errorf("kept %s, %d bytes, %v; the event names %+v", hexOf(data), len(data), err, r)
	}
	if paper.Hash != r.PaperHash || len(paper.Hash) != 64 || paper.VerifyURL != "https://portal.example.com/verify" {
		t.Errorf("printed are %s and %s, the event says %s", paper.Hash, paper.VerifyURL, r.PaperHash)
	}
}

// A death between the file and its event leaves a file that nobody has, and repeating the
// request publishes once.
func TestADeathAfterTheFileIsHarmless(t *testing.T) {
	w := newWorld(t)
	w.Papers = w.papers
	id := w.ok(w.IssueInvoice(t.Context(), staff(), uuid.Nil, invoice.Issue{Content: w.content("INV-1")})).ID
	by, died := staff(), errors.New("killed")
	var first string
	w.Papers = dying{w.papers, func(r domain.Rendition) error { first = r.SHA256; return died }}
	if _, err := w.PublishInvoice(t.Context(), by, id, invoice.Publish{}); !errors.Is(err, died) {
		t.Fatal(err)
	}
	file, err := w.files.Read(t.Context(), first)
	if err != nil || len(events[invoice.Published](w)) != 0 {
		t.Fatalf("the file: %v; published %d times", err, len(events[invoice.Published](w)))
	}
	_ = file.Close()
	w.Papers = w.papers
	for range 2 {
		w.ok(w.PublishInvoice(t.Context(), by, id, invoice.Publish{}))
	}
	if all := events[invoice.Published](w); len(all) != 1 || all[0].Rendition.SHA256 != first {
		t.Errorf("%+v, want the file that was kept before, %s", all, first)
	}
}

// dying papers are kept, and then nothing more happens.
type dying struct {
	*Papers
	after func(domain.Rendition) error
}

func (d dying) Invoice(ctx context.Context, l commands.Letter, doc invoice.Document) (domain.Rendition, error) {
	r, err := d.Papers.Invoice(ctx, l, doc)
	if err == nil {
		err = d.after(r)
	}
	return r, err
}

// The printed hash covers all that a paper says.
func TestThePrintedHashCoversEverything(t *testing.T) {
	letter := commands.Letter{Issuer: tenant.Settings{Name: "Portico Ltd", Locale: "en-GB"}, Branding: tenant.Branding{Payment: "IBAN 1"},
		Number: "C-7", Customer: customer.Details{LegalName: "Acme"}}
	content := invoice.Content{Number: "1", IssuedOn: "2026-03-01", DueOn: "2026-03-31", Calculation: domain.Calculation{Currency: "GBP"}, Lines: []domain.LineInput{{Text: "x", Quantity: "1", UnitPrice: "1"}}}
	document, err := content.Document()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	add := func(name string, l commands.Letter, d invoice.Document, change func(*pdf.Paper)) {
		p := invoicePaper(l, d)
		change(&p)
		hash, err := hashOf(p)
		if err != nil || seen[hash] != "" {
			t.Errorf("%s has the hash of %s (%v)", name, seen[hash], err)
		}
		seen[hash] = name
	}
	same := func(*pdf.Paper) {}
	add("as it is", letter, document, same)
	for name, change := range map[string]func(*commands.Letter, *invoice.Document){
		"the payment details": func(l *commands.Letter, _ *invoice.Document) { l.Branding.Payment = "IBAN 2" },
		"the issuer":          func(l *commands.Letter, _ *invoice.Document) { l.Issuer.Name = "Other Ltd" },
		"the customer":        func(l *commands.Letter, _ *invoice.Document) { l.Customer.LegalName = "Other" },
		"the address":         func(l *commands.Letter, _ *invoice.Document) { l.Customer.Address = "Elsewhere" },
		"the language":        func(l *commands.Letter, _ *invoice.Document) { l.Customer.Language = "de" },
		"the amount":          func(_ *commands.Letter, d *invoice.Document) { d.Gross++ },
		"the due date":        func(_ *commands.Letter, d *invoice.Document) { d.DueOn = "2026-04-01" },
		"the reference":       func(_ *commands.Letter, d *invoice.Document) { d.Reference = "PO 1" },
		"a line":              func(_ *commands.Letter, d *invoice.Document) { d.Lines = append(d.Lines, domain.Line{Text: "y"}) },
	} {
		l, d := letter, document
		change(&l, &d)
		add(name, l, d, same)
	}
	add("the logo", letter, document, func(p *pdf.Paper) { p.Issuer.Logo = []byte("a") })
	add("another logo", letter, document, func(p *pdf.Paper) { p.Issuer.Logo = []byte("b") })
	p, with := invoicePaper(letter, document), invoicePaper(letter, document)
	with.Hash, with.VerifyURL = "h", "u"
	a, _ := hashOf(p)
	if b, _ := hashOf(with); a != b {
		t.Error("the hash and where to ask are part of the hash")
	}
}

func TestS139ALogoIsAPictureThatWasUploaded(t *testing.T) {
	w := newWorld(t)
	good, _ := w.picture(40, 20, color.Black)
	change := func(logo string) error {
		_, err := w.ChangeBranding(t.Context(), staff(), tenant.ChangeBranding{Branding: tenant.Branding{Logo: logo}})
		return err
	}
	if err := change(good); domain.CodeOf(err) != "documents.unavailable" {
		t.Errorf("where nothing is drawn: %v", err)
	}
	w.Papers = w.papers
	_, data := w.picture(30, 20, color.White)
	for name, c := range map[string]struct{ logo, code string }{
		"a picture":          {good, ""},
		"not there":          {strings.Repeat("0", 64), "file.unknown"},
		"text":               {w.kept([]byte("hello")), "tenant.logo"},
		"cut off":            {w.kept(data[:len(data)-30]), "tenant.logo"},
		"too large a square": {w.kept(huge(data)), "tenant.logo"},
		"no name":            {"../x", "file.unknown"},
	} {
		if err := change(c.logo); domain.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
	w.Uploaded = func(context.Context, string, string) (attachment.File, bool, error) {
		return attachment.File{}, false, nil
	}
	other, _ := w.picture(50, 20, color.Black)
	if err := change(other); domain.CodeOf(err) != "file.unknown" {
		t.Errorf("another tenant's: %v", err)
	}
	// It is on what is published from then on.
	var logos [][]byte
	w.papers.Draw = func(p pdf.Paper) (pdf.Drawn, error) { logos = append(logos, p.Issuer.Logo); return pdf.Draw(p) }
	w.ok(w.IssueInvoice(t.Context(), staff(), uuid.Nil, invoice.Issue{Content: w.content("INV-1"), Publish: true}))
	if len(logos) != 1 || hexOf(logos[0]) != good {
		t.Errorf("drawn with %d logos", len(logos))
	}
}

// huge says of a PNG that it is 100,000 pixels wide and high.
func huge(png []byte) []byte {
	out := append([]byte{}, png...)
	copy(out[16:24], []byte{0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0})
	return out
}

// However many are asked for at once, no more are drawn at once than there are processors:
// each takes memory. Who waits in vain is told to try again.
func TestPapersAreDrawnAFewAtATime(t *testing.T) {
	w := newWorld(t)
	var now, most atomic.Int64
	w.papers.Draw = func(pdf.Paper) (pdf.Drawn, error) {
		at := now.Add(1)
		for was := most.Load(); at > was && !most.CompareAndSwap(was, at); was = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
		return pdf.Drawn{Bytes: []byte("x"), Pages: 1}, nil
	}
	var drawing sync.WaitGroup
	for range 8 * cap(easels) {
		drawing.Go(func() {
			if _, err := w.papers.Invoice(t.Context(), letter, invoice.Document{}); err != nil {
				t.Error(err)
			}
		})
	}
	drawing.Wait()
	if most.Load() > int64(runtime.GOMAXPROCS(0)) {
		t.Errorf("%d were drawn at once", most.Load())
	}
	for range cap(easels) {
		easels <- struct{}{}
		defer func() { <-easels }()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := w.papers.Invoice(ctx, letter, invoice.Document{}); domain.CodeOf(err) != "documents.unavailable" {
		t.Error(err)
	}
}
