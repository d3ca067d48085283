package importer

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

// Report says what came of a run. Customers, invoices, credit memos and totals count
// what has a customer; what has none is under Unassigned. Totals are invoices less
// credit memos, in major units; with several currencies they are in ByCurrency only.
type Report struct {
	Format   string `json:"format"`
	Profile  string `json:"profile,omitempty"`
	File     string `json:"file,omitempty"`
	FileHash string `json:"file_hash"` // SHA-256 of its bytes, hex
	DryRun   bool   `json:"dry_run"`

	Rows         int64  `json:"rows"` // without the header
	Documents    int64  `json:"documents"`
	Customers    int64  `json:"customers"`
	Invoices     int64  `json:"invoices"`
	CreditMemos  int64  `json:"credit_memos"`
	ExactTotal   string `json:"exact_total"`  // before rounding
	PostedTotal  string `json:"posted_total"` // each line rounded once
	RoundedLines int64  `json:"rounded_lines"`

	Unassigned Unassigned        `json:"unassigned"`
	ByCurrency map[string]Totals `json:"by_currency,omitempty"`

	Payments  int64            `json:"payments"`
	PaidTotal string           `json:"paid_total"`
	Restated  int64            `json:"restated"` // documents that the source has changed since
	Unchanged int64            `json:"unchanged"`
	Voided    int64            `json:"voided"`
	Notes     map[string]int64 `json:"notes,omitempty"` // peculiarities, by how many documents show them

	TakenRows         int64            `json:"taken_rows"`
	RejectedDocuments int64            `json:"rejected_documents"`
	RejectedRows      int64            `json:"rejected_rows"`
	RejectedBy        map[string]int64 `json:"rejected_by,omitempty"` // rows by code
	Ignored           map[string]int64 `json:"ignored,omitempty"`     // rows by cause

	EventsAppended int64   `json:"events_appended"` // by this run
	WouldAppend    int64   `json:"would_append,omitempty"`
	Seconds        float64 `json:"seconds"`
}

// Unassigned are documents without a customer: kept, on nobody's account.
type Unassigned struct {
	Documents  int64  `json:"documents"`
	ExactTotal string `json:"exact_total"`
}

// Totals are of one currency.
type Totals struct {
	Exact  string `json:"exact_total"`
	Posted string `json:"posted_total"`
}

// outcome is what one document led to.
type outcome struct {
	kind     string // invoice, credit_memo, void, or "" for nothing
	customer uuid.UUID
	exact    domain.Decimal // signed: a credit memo's is negative
	posted   domain.Money   // likewise
	rounded  int64

	payments  int64
	paid      domain.Money
	changed   bool // events were appended, or would be
	restated  bool
	ignored   map[string]int64 // its rows that lead to nothing by themselves, by cause
	notes     []string
	allIgnore string // why all its rows are ignored
}

// tally adds outcomes up.
type tally struct {
	mu         sync.Mutex
	told       time.Time
	done       int64
	sum        Report
	exact      map[string]domain.Decimal // by currency
	posted     map[string]domain.Money
	paid       map[string]domain.Money
	unassigned domain.Decimal
	customers  map[uuid.UUID]struct{}
}

func (t *tally) add(r *run, d *document, out outcome) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.customers == nil {
		t.exact, t.posted, t.paid = map[string]domain.Decimal{}, map[string]domain.Money{}, map[string]domain.Money{}
		t.customers, t.unassigned = map[uuid.UUID]struct{}{}, "0.00"
		t.sum.Notes, t.sum.RejectedBy, t.sum.Ignored = map[string]int64{}, map[string]int64{}, map[string]int64{}
	}
	rows := int64(len(d.lines))
	t.done += rows
	t.tell(r, false)
	if d.bad != nil {
		t.sum.RejectedDocuments++
		t.reject(rows, d.bad)
		return nil
	}
	for _, note := range out.notes {
		t.sum.Notes[note]++
	}
	t.sum.TakenRows += rows
	for why, n := range out.ignored {
		t.sum.Ignored[why] += n
		t.sum.TakenRows -= n
	}
	if out.allIgnore != "" {
		t.sum.Ignored[out.allIgnore] += rows
		t.sum.TakenRows -= rows
		return nil
	}
	switch {
	case out.restated:
		t.sum.Restated++
	case !out.changed:
		t.sum.Unchanged++
	}
	return t.count(out)
}

func (t *tally) reject(rows int64, why error) {
	t.sum.RejectedRows += rows
	t.sum.RejectedBy[domain.CodeOf(why)] += rows
}

// count adds a document's amounts.
func (t *tally) count(out outcome) (err error) {
	if out.kind == "void" {
		t.sum.Voided++
		return nil
	}
	if out.customer == uuid.Nil {
		t.sum.Unassigned.Documents++
		t.unassigned, err = domain.Sum(t.unassigned, out.exact)
		return err
	}
	t.customers[out.customer] = struct{}{}
	if out.kind == "invoice" {
		t.sum.Invoices++
	} else {
		t.sum.CreditMemos++
	}
	t.sum.RoundedLines += out.rounded
	code := out.posted.Currency
	t.posted[code] = domain.Money{Minor: t.posted[code].Minor + out.posted.Minor, Currency: code}
	if out.payments > 0 {
		t.sum.Payments += out.payments
		t.paid[code] = domain.Money{Minor: t.paid[code].Minor + out.paid.Minor, Currency: code}
	}
	so := t.exact[code]
	if so == "" {
		so = domain.Decimal(domain.Money{Currency: code}.String())
	}
	t.exact[code], err = domain.Sum(so, out.exact)
	return err
}

// report is the sum as it stands.
func (t *tally) report(r *run) Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sum
	s.Format, s.Profile, s.File, s.FileHash, s.DryRun = r.o.Format, r.o.Profile, r.o.Name, r.fileHash, r.o.DryRun
	s.Rows, s.Documents, s.Customers = r.rows, int64(len(r.documents)), int64(len(t.customers))
	none := domain.Money{Currency: r.o.Currency}.String()
	s.ExactTotal, s.PostedTotal, s.PaidTotal, s.Unassigned.ExactTotal = none, none, none, none
	if t.unassigned != "" {
		s.Unassigned.ExactTotal = tidy(t.unassigned, none)
	}
	for code, exact := range t.exact {
		s.ExactTotal, s.PostedTotal = tidy(exact, t.posted[code].String()), t.posted[code].String()
		if paid, any := t.paid[code]; any {
			s.PaidTotal = paid.String()
		}
	}
	if len(t.exact) > 1 {
		s.ExactTotal, s.PostedTotal, s.PaidTotal = "", "", ""
		s.ByCurrency = map[string]Totals{}
		for code, exact := range t.exact {
			s.ByCurrency[code] = Totals{tidy(exact, t.posted[code].String()), t.posted[code].String()}
		}
	}
	t.rest(r, &s)
	return s
}

// tidy drops zeros at the end of an exact sum that money of its currency does not have.
func tidy(exact domain.Decimal, like string) string {
	_, decimals, _ := strings.Cut(like, ".")
	whole, fraction, _ := strings.Cut(string(exact), ".")
	for len(fraction) > len(decimals) && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	return strings.TrimSuffix(whole+"."+fraction, ".")
}

// rest accounts for what belongs to no document.
func (t *tally) rest(r *run, s *Report) {
	s.RejectedBy = clone(s.RejectedBy)
	for _, stray := range r.strays {
		s.RejectedRows++
		s.RejectedBy[domain.CodeOf(stray.why)]++
	}
	s.Notes, s.Ignored = clone(s.Notes), clone(s.Ignored)
	if r.blank > 0 {
		s.Ignored["blank"] = r.blank
	}
	if r.recoded > 0 {
		s.Notes["windows_1252_lines"] = r.recoded
	}
	s.EventsAppended = r.tap.appended.Load()
	if r.o.DryRun {
		s.EventsAppended, s.WouldAppend = 0, s.EventsAppended
	}
}

// check proves that every row is accounted for.
func (s Report) check() error {
	sum := s.TakenRows + s.RejectedRows
	for _, n := range s.Ignored {
		sum += n
	}
	if sum != s.Rows {
		return fmt.Errorf("importer: of %d rows only %d are accounted for", s.Rows, sum)
	}
	return nil
}

func clone(m map[string]int64) map[string]int64 {
	c := map[string]int64{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

// progress tells, while the file is being read, that there is some.
func (t *tally) progress(r *run, reading bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell(r, reading)
}

// tell reports progress ten times a second, and at the end.
func (t *tally) tell(r *run, reading bool) {
	apart := int64(len(r.strays)) + r.blank // rows of no document
	done, total := t.done+apart, r.rows
	if r.o.Progress == nil || (done < total || reading) && time.Since(t.told) < 100*time.Millisecond {
		return
	}
	t.told = time.Now()
	if reading {
		done, total = r.rows, 0
	}
	r.o.Progress(done, total, t.sum.RejectedRows+int64(len(r.strays)))
}

// rejected are the rejected rows of a run, in the order of the file.
func (r *run) rejected() []rejection {
	var all []rejection
	for _, s := range r.strays {
		all = append(all, rejection{s.line, "", s.why})
	}
	for _, d := range r.documents {
		if d.bad == nil {
			continue
		}
		for _, line := range d.lines {
			all = append(all, rejection{line, d.number, d.bad})
		}
	}
	slices.SortFunc(all, func(a, b rejection) int { return int(a.line - b.line) })
	return all
}
