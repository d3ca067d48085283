// Package importer turns other systems' files into Portico's documents, customers and
// payments, through the same commands that people use. A file may be imported again at
// any time, also after a crash in the middle: what is unchanged appends nothing, what
// has changed is restated, what is missing stays as it is (DOMAIN part e, lesson 1).
//
// Every row ends in one of three ways, and is counted: taken, ignored for a stated
// cause, or rejected into a file with its line number and the reason. A document is
// taken whole or not at all. The package never deletes anything.
package importer

import (
	"context"
	"io"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/importrun"
	"portico/internal/csvfile"
	"portico/internal/envelope"
)

// Importer imports into the store behind Commands.
type Importer struct{ Commands *commands.Commands }

// Options say what to import, and how to read it.
type Options struct {
	Format  string                        // retail, invoices or receivables
	Profile string                        // of invoices: see Profiles
	Path    string                        // the file, unless Open is given
	Open    func() (io.ReadCloser, error) // opens the file; called again to copy out rejected rows
	Name    string                        // of the file as recorded; by default the last element of Path
	By      commands.Caller               // who imports, and for which tenant

	System    string      // names the source in ids; by default the format's or profile's own
	Currency  string      // if the file does not say; by default the tenant's, of receivables EUR
	Decimal   string      // point or comma; inferred if left out
	Dates     string      // dmy, mdy or iso; inferred if left out
	TermsDays *int        // from issue to due date, where the file has none; by default 30, of receivables 60
	PaidOn    domain.Date // of payments that the file does not date; today by default

	DryRun   bool                              // decide everything, append nothing
	Rejects  string                            // file for the rows that cannot be taken; left out: they are counted only
	Progress func(done, total, rejected int64) // rows; total is 0 while the file is being read
	// Reject is given the rows that cannot be taken instead of Rejects, in the order of the file,
	// after all others are taken.
	Reject  func(Rejected) error
	RunID   uuid.UUID // of the run's record; left out, the same for the same file
	Workers int       // documents in work at once; 64 by default
}

// Run imports a file. The error is nil if every row is accounted for, rejected ones
// included. After an error, or a crash, running it again goes on where it stopped.
func (im *Importer) Run(ctx context.Context, o Options) (Report, error) {
	began := time.Now()
	r, err := im.prepare(ctx, o)
	if err != nil {
		return Report{}, err
	}
	if err := r.read(ctx); err != nil {
		return Report{}, err
	}
	if err := r.format.ready(r); err != nil {
		return Report{}, err
	}
	err = r.work(ctx)
	if err == nil {
		err = r.finish(ctx)
	}
	report := r.tally.report(r)
	if err == nil {
		err = report.check()
	}
	if rejects := r.writeRejects(); err == nil {
		err = rejects
	}
	report.Seconds = time.Since(began).Seconds()
	return report, err
}

// Check tells whether a file begins as its format does: its options are sound and its columns
// are there. It reads the first row.
func Check(o Options) (columns []string, err error) {
	f, _, err := formatOf(o)
	if err != nil {
		return nil, err
	}
	if o.Currency != "" {
		err = domain.CheckCurrency(o.Currency)
	}
	if o.PaidOn != "" && err == nil {
		err = o.PaidOn.Check()
	}
	if err != nil {
		return nil, err
	}
	src, err := o.source()
	if err != nil {
		return nil, err
	}
	defer func() { _, _ = src.Close() }()
	_, columns, err = csvfile.NewTable(src)
	if err == nil {
		err = f.header(columns)
	}
	return columns, err
}

// prepare checks the options against the tenant.
func (im *Importer) prepare(ctx context.Context, o Options) (*run, error) {
	f, system, err := formatOf(o)
	if err != nil {
		return nil, err
	}
	if o.System == "" {
		o.System = system
	}
	if o.Workers < 1 {
		o.Workers = 64
	}
	if o.Name == "" && o.Path != "" {
		o.Name = filepath.Base(o.Path)
	}
	o.By.Origin.Channel = envelope.ChannelImport
	r := &run{o: o, format: f, direct: im.Commands, byNumber: map[string]*document{}, customers: map[string]*party{}}
	r.through(im.Commands)
	if r.place, err = readTenant(ctx, r.c, o.By.Tenant); err != nil {
		return nil, err
	}
	if r.o.PaidOn == "" {
		r.o.PaidOn = domain.DateOf(im.Commands.Clock().In(r.place.zone))
	}
	if r.o.Currency == "" && o.Format == "receivables" {
		r.o.Currency = "EUR" // the traffic fines of an Italian town name none
	}
	if r.o.Currency == "" {
		r.o.Currency = r.place.currency
	}
	for _, check := range []error{r.o.PaidOn.Check(), domain.CheckCurrency(r.o.Currency)} {
		if check != nil {
			return nil, check
		}
	}
	return r, nil
}

// formatOf finds how to read the file, and the name of the system it comes from.
func formatOf(o Options) (f format, system string, err error) {
	terms := func(days int) int {
		if o.TermsDays != nil {
			return *o.TermsDays
		}
		return days
	}
	switch {
	case o.TermsDays != nil && (*o.TermsDays < 0 || *o.TermsDays > 365):
		return nil, "", domain.Invalid("import.terms", "terms are 0 to 365 days, not %d", *o.TermsDays)
	case o.Decimal != "" && o.Decimal != "point" && o.Decimal != "comma":
		return nil, "", domain.Invalid("import.decimal", "the decimal mark is point or comma, not %q", o.Decimal)
	case o.Dates != "" && o.Dates != "dmy" && o.Dates != "mdy" && o.Dates != "iso":
		return nil, "", domain.Invalid("import.dates", "the order of dates is dmy, mdy or iso, not %q", o.Dates)
	}
	switch o.Format {
	case "retail":
		return &retail{terms: terms(30), numbers: csvfile.Decimals{Mark: "point"}}, "retail", nil
	case "receivables":
		return &receivables{terms: terms(60), numbers: csvfile.Decimals{Mark: "point"}, dates: csvfile.Dates{Order: "iso"}}, "receivables", nil
	case "invoices":
		p, err := profileOf(o.Profile)
		return &sheet{profile: p, terms: terms(30), numbers: csvfile.Decimals{Mark: o.Decimal}, dates: csvfile.Dates{Order: o.Dates}}, p.System, err
	}
	return nil, "", domain.Invalid("import.format", "formats are retail, invoices and receivables, not %q", o.Format)
}

// finish ends the run's record, if it has one: a run that changed nothing has none.
func (r *run) finish(ctx context.Context) error {
	if r.o.DryRun {
		return nil
	}
	t := r.tally.report(r)
	receipt, err := r.direct.FinishImport(ctx, r.by(time.Time{}), r.id, importrun.Finish{
		Rows: t.Rows, Documents: t.Documents, RejectedRows: t.RejectedRows, EventsAppended: t.EventsAppended + 1,
	})
	r.tap.appended.Add(int64(receipt.Events))
	return err
}
