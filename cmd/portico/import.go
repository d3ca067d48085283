package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/importer"
	"portico/internal/pg"
)

func importCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Import ledgers: files become events",
		Long: `Importing is safe to repeat, and to interrupt and go on with: unchanged rows append
nothing, changed rows the event that says so, missing rows nothing. Rows that cannot be
taken go to a rejects file with line number and reason. The status is 0 only if every row
is accounted for. Files may be compressed with gzip.`,
	}
	cmd.AddCommand(
		importFormat(s, "retail", "Online Retail sales ledger (CSV): customers, invoices, credit memos"),
		importFormat(s, "invoices", "Invoices of an accounting system (CSV): "+strings.Join(importer.Profiles(), ", ")),
		importFormat(s, "receivables", "Charges and payments as an event log (CSV), such as road traffic fines"),
	)
	return cmd
}

func importFormat(s *settings, format, short string) *cobra.Command {
	o := importer.Options{Format: format}
	var asJSON, noWait bool
	var paidOn string
	var terms int
	cmd := &cobra.Command{
		Use:     format + " FILE",
		Short:   short,
		Example: fmt.Sprintf("  portico import %s --dry-run FILE.csv.gz\n  portico import %s --json FILE.csv.gz", format, format),
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Path, o.PaidOn = args[0], domain.Date(paidOn)
			if cmd.Flags().Changed("terms-days") {
				o.TermsDays = &terms
			}
			if o.Rejects == "" {
				o.Rejects = args[0] + ".rejects.csv"
			}
			return within(cmd.Context(), s, func(a *app) error {
				report, err := a.importFile(cmd.Context(), o, noWait, cmd.ErrOrStderr())
				if report.FileHash != "" {
					printReport(cmd.OutOrStdout(), report, asJSON)
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.DryRun, "dry-run", false, "decide everything, append nothing")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON on standard output")
	f.StringVar(&o.Rejects, "rejects", "", "file for rows that cannot be taken (default FILE.rejects.csv)")
	f.IntVar(&terms, "terms-days", 30, "days from issue to due date, where the file has no due date")
	f.IntVar(&o.Workers, "workers", 0, "documents at work at once (default 64)")
	f.BoolVar(&noWait, "no-wait", false, "do not wait until read models show what was imported")
	if format == "invoices" {
		f.StringVar(&o.Profile, "profile", "", "how the columns are named: "+strings.Join(importer.Profiles(), ", "))
		f.StringVar(&o.Dates, "dates", "", "order of dates: dmy, mdy or iso (inferred where there is no doubt)")
		f.StringVar(&o.Decimal, "decimal", "", "decimal mark: point or comma (inferred where there is no doubt)")
		f.StringVar(&o.Currency, "in-currency", "", "currency of rows that do not say (default the business's)")
		f.StringVar(&o.System, "system", "", "name of the source, where several use one profile")
		f.StringVar(&paidOn, "paid-on", "", "date of payments that the file does not date (default today)")
		_ = cmd.MarkFlagRequired("profile")
	}
	return cmd
}

// importFile imports, and waits until policies and read models have followed.
func (a *app) importFile(ctx context.Context, o importer.Options, noWait bool, progress io.Writer) (importer.Report, error) {
	o.By = a.operator("staff")
	o.By.Origin.Channel = envelope.ChannelImport
	bar := newBar(progress, "importing")
	o.Progress = func(done, total, _ int64) { bar.set(done, total) }
	stop := a.run(allRoles)
	defer stop()
	began := time.Now()
	report, err := (&importer.Importer{Commands: a.commands}).Run(ctx, o)
	bar.finish()
	if err == nil && !noWait && !o.DryRun {
		err = a.settle(ctx)
	}
	report.Seconds = time.Since(began).Seconds()
	return report, err
}

func printReport(w io.Writer, r importer.Report, asJSON bool) {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		_ = e.Encode(r)
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name string, value any) { fmt.Fprintf(t, "%s\t%v\n", name, value) }
	line("rows", r.Rows)
	line("documents", r.Documents)
	line("customers", r.Customers)
	line("invoices", r.Invoices)
	line("credit memos", r.CreditMemos)
	line("total, exact", r.ExactTotal)
	line("total, posted", fmt.Sprintf("%s (%d lines rounded)", r.PostedTotal, r.RoundedLines))
	if r.Unassigned.Documents > 0 {
		line("without customer", fmt.Sprintf("%d documents, %s: kept, on nobody's account", r.Unassigned.Documents, r.Unassigned.ExactTotal))
	}
	if r.Payments > 0 {
		line("payments", fmt.Sprintf("%d, %s", r.Payments, r.PaidTotal))
	}
	if r.RejectedRows > 0 {
		line("rejected rows", r.RejectedRows)
	}
	line("events appended", r.EventsAppended)
	if r.DryRun {
		line("would append", r.WouldAppend)
	}
	line("seconds", fmt.Sprintf("%.1f", r.Seconds))
	_ = t.Flush()
}

// keepImports forgets what is left of imports after its time, each hour until ctx ends.
func (a *app) keepImports(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := a.imports.Forget(pg.Across(ctx)); err != nil && ctx.Err() == nil {
			a.log.Warn("forgetting what is left of imports", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
