package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"portico/commands"
	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/journal"
	"portico/internal/tenants"
	"portico/migrations"
)

func journalCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "Who looked at what, and who was turned away: list, export, verify",
		Long: `What changes something is in the log (portico history). What does not is in the journal:
signing in, looking, downloads, refusals, starts and stops, and reading either of the two.
Nobody can change or remove a record. docs/journal.md says what is in it.`,
	}
	cmd.AddCommand(listJournalCommand(s), exportJournalCommand(s), verifyJournalCommand(s))
	return cmd
}

// journalFlags are what narrows the journal down.
type journalFlags struct{ actor, login, customer, target, from, to, kind, outcome string }

func (j *journalFlags) of(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&j.actor, "actor", "", "id of a contact, staff member or API key")
	f.StringVar(&j.login, "login", "", "id of a human")
	f.StringVar(&j.customer, "customer", "", "id of a customer: about it")
	f.StringVar(&j.target, "target", "", "id of a thing: about it")
	f.StringVar(&j.kind, "kind", "", "such as viewed, downloaded, denied, log.started")
	f.StringVar(&j.outcome, "outcome", "", "success, failure or denied")
	f.StringVar(&j.from, "from", "", "recorded at this date (UTC) or instant, or later")
	f.StringVar(&j.to, "to", "", "recorded before this date or instant")
}

func (j *journalFlags) filter() (journal.Filter, error) {
	f := journal.Filter{Kind: j.kind, Outcome: j.outcome}
	err := errors.Join(identity(j.actor, &f.ActorID), identity(j.login, &f.LoginID), identity(j.customer, &f.CustomerID),
		identity(j.target, &f.TargetID), instant(j.from, &f.From), instant(j.to, &f.To))
	return f, err
}

func listJournalCommand(s *settings) *cobra.Command {
	var flags journalFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Print records in order, a line each",
		Example: `  portico journal list --kind denied --from 2026-11-01
  portico journal list --customer 0198c9e4-…`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := flags.filter()
			if err != nil {
				return err
			}
			return within(cmd.Context(), s, func(a *app) error {
				f.Tenant = a.tenant
				return a.journal.Each(cmd.Context(), f, func(e journal.Entry) error { return printEntry(cmd.OutOrStdout(), e) })
			})
		},
	}
	flags.of(cmd)
	return cmd
}

func printEntry(out io.Writer, e journal.Entry) error {
	what := e.Target.Kind
	if e.Target.ID != [16]byte{} {
		what += " " + e.Target.ID.String()
	}
	who := e.Actor.Kind + " " + e.Actor.ID.String()
	if e.Actor.Impersonator != nil {
		who += " by staff " + e.Actor.Impersonator.String()
	}
	_, err := fmt.Fprintf(out, "%d  %s  %s %s  %s  %s  from %s %s %s  %v\n",
		e.No, e.At.Format(time.RFC3339), e.Kind, e.Outcome, who, what, e.Origin.Channel, e.Origin.IP, e.Origin.Node, e.Detail)
	return err
}

func exportJournalCommand(s *settings) *cobra.Command {
	var flags journalFlags
	var format string
	cmd := &cobra.Command{
		Use:     "export > FILE",
		Short:   "Write records in order, as NDJSON or CSV",
		Example: "  portico journal export --from 2026-11-01 --to 2026-12-01 --format csv > november.csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := flags.filter()
			if err != nil {
				return err
			}
			if format != "ndjson" && format != "csv" {
				return fmt.Errorf("--format %s: there is ndjson and csv", format)
			}
			return within(cmd.Context(), s, func(a *app) error {
				f.Tenant = a.tenant
				if format == "csv" {
					return a.journal.WriteCSV(cmd.Context(), f, cmd.OutOrStdout())
				}
				return a.journal.WriteNDJSON(cmd.Context(), f, cmd.OutOrStdout())
			})
		},
	}
	flags.of(cmd)
	cmd.Flags().StringVar(&format, "format", "ndjson", "ndjson or csv")
	return cmd
}

func verifyJournalCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check that nothing is missing from the journal and that nobody may change it",
		Long: `Numbers without a gap, times that never run backwards, the head, the partitions, the
triggers and the rights that protect the records. Ends with status 1 if something is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				wrong, err := a.journal.Verify(cmd.Context())
				if err != nil {
					return err
				}
				for _, w := range wrong {
					fmt.Fprintln(cmd.OutOrStdout(), w)
				}
				head, err := a.journal.Head(cmd.Context())
				if err != nil {
					return err
				}
				if err := a.noteVerified(cmd.Context(), journal.JournalVerified, len(wrong), uint64(head)); err != nil {
					return err
				}
				if len(wrong) > 0 {
					return fmt.Errorf("the journal is not as it was written: %d findings", len(wrong))
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "the journal is whole, and protected")
				return err
			})
		},
	}
}

// interactive are the commands that are recorded before they run: whoever has a shell on
// this machine reads the log, personal data, or makes and ends system objects (10.2.1.2,
// 10.2.1.3, 10.2.1.7). What changes the business is an event besides.
var interactive = map[string]struct{ kind, target string }{
	"history":              {"audit_log_read", "event_log"},
	"import":               {"acted", "import"},
	"integration replay":   {"acted", "integration"},
	"invite":               {"acted", "invitation"},
	"setup":                {"acted", "staff"},
	"staff approve":        {"acted", "staff"},
	"staff invite":         {"acted", "staff"},
	"staff list":           {"listed", "staff"},
	"staff remove":         {"acted", "staff"},
	"staff roles":          {"acted", "staff"},
	"jobs cancel":          {"acted", "job"},
	"jobs list":            {"listed", "job"},
	"jobs retry":           {"acted", "job"},
	"jobs show":            {"viewed", "job"},
	"journal export":       {"exported", "audit_log"},
	"journal list":         {"audit_log_read", "audit_log"},
	"journal verify":       {"audit_log_read", "audit_log"},
	"keys create":          {"acted", "api_key"},
	"keys destroy-kek":     {"acted", "key_encryption_key"},
	"keys list":            {"listed", "api_key"},
	"keys revoke":          {"acted", "api_key"},
	"keys rotate-kek":      {"acted", "key_encryption_key"},
	"log archive":          {"exported", "event_log"},
	"log export":           {"exported", "event_log"},
	"log restore":          {"log.restored", "event_log"},
	"log verify":           {"audit_log_read", "event_log"},
	"mail bounce":          {"acted", "mail"},
	"mail list":            {"listed", "mail"},
	"mail show":            {"viewed", "mail"},
	"mail unblock":         {"acted", "mail"},
	"policies retry":       {"acted", "policy"},
	"projections rebuild":  {"read_models.rebuilt", "read_models"},
	"projections retry":    {"read_models.repaired", "read_models"},
	"projections rollback": {"read_models.rolled_back", "read_models"},
}

// note records something that an operator did and that concerns all of Portico.
func (a *app) note(ctx context.Context, kind, target string, detail map[string]string) error {
	return a.noteAs(ctx, func(tenant string) commands.Caller { return operatorOf(tenant) },
		journal.Record{Kind: kind, Outcome: journal.Success, Target: journal.Target{Kind: target}, Detail: detail})
}

// noteVerified records what came of a check, for auditors to see: how much was checked, how
// much of it is wrong.
func (a *app) noteVerified(ctx context.Context, kind string, findings int, checked uint64) error {
	r := journal.Record{Kind: kind, Outcome: journal.Success, Target: journal.Target{Kind: "event_log"},
		Detail: map[string]string{"findings": strconv.Itoa(findings), "checked": strconv.FormatUint(checked, 10)}}
	if kind == journal.JournalVerified {
		r.Target.Kind = "audit_log"
	}
	if findings > 0 {
		r.Outcome = journal.Failure
	}
	return a.noteAs(ctx, func(tenant string) commands.Caller { return operatorOf(tenant) }, r)
}

// noteKEK records how something came off that was done to a key-encryption key (10.2.1.7),
// and answers how.
func (a *app) noteKEK(ctx context.Context, kind string, done error, detail map[string]string) error {
	r := journal.Record{Kind: kind, Outcome: journal.Success, Target: journal.Target{Kind: "key_encryption_key"}, Detail: detail}
	if done != nil {
		r.Outcome, detail["code"] = journal.Failure, domain.CodeOf(done)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain) // also if it was cut off
	defer cancel()
	return errors.Join(done, a.noteAs(ctx, func(tenant string) commands.Caller { return operatorOf(tenant) }, r))
}

// noteTables records that Portico makes read models of its own accord: of a version of a
// program that has had none (10.2.1.7).
func (a *app) noteTables(ctx context.Context, group string, version int) error {
	return a.noteAs(ctx, itselfOf, journal.Record{Kind: "read_models.made", Outcome: journal.Success, Target: journal.Target{Kind: "read_models"},
		Detail: map[string]string{"group": group, "version": strconv.Itoa(version)}})
}

func (a *app) noteAs(ctx context.Context, who func(tenant string) commands.Caller, r journal.Record) error {
	concerned, err := a.concerned(ctx)
	if err != nil {
		return err
	}
	records := make([]journal.Record, len(concerned))
	for i, tenant := range concerned {
		by := who(tenant)
		if a.sealless {
			by.Origin.UserAgent = "" // there are no keys yet that it could be sealed under
		}
		records[i] = r
		records[i].Tenant, records[i].Actor, records[i].Origin = tenant, by.Actor, by.Origin
	}
	return a.journal.Write(ctx, records...)
}

// concerned are the tenants whose journals say what a command does: the one that it is
// about, or all.
func (a *app) concerned(ctx context.Context) ([]string, error) {
	if a.tenant != "" {
		return []string{a.tenant}, nil
	}
	codes, err := (&tenants.Directory{DB: a.pool}).Claimed(ctx)
	if err != nil || len(codes) > 0 {
		return codes, err
	}
	return []string{firstTenant}, nil
}

// noteCommand records the command that runs, and what had to be made for it.
func (a *app) noteCommand(ctx context.Context, s *settings) error {
	if len(a.migrated) > 0 {
		first, last := a.migrated[0].File, a.migrated[len(a.migrated)-1].File
		if err := a.note(ctx, "schema.migrated", "database", map[string]string{"first": path.Base(first), "last": path.Base(last), "count": strconv.Itoa(len(a.migrated))}); err != nil {
			return err
		}
	}
	if a.madeKey {
		if err := a.note(ctx, "key.made", "key_encryption_key", nil); err != nil {
			return err
		}
	}
	if of, ok := interactive[s.command]; ok {
		return a.note(ctx, of.kind, of.target, map[string]string{"command": "portico " + s.command})
	}
	return nil
}

// openJournal opens the journal with the keys there are; none: nothing can be sealed.
func (a *app) openJournal(keys envelope.Keys) {
	a.sealless = keys == nil
	a.journal = journal.Open(a.pool, keys, node())
}

// startJournal records that the server keeps the journal from now on; the function that it
// answers, that it does so no more (10.2.1.6).
func (a *app) startJournal(ctx context.Context) (stop func(), err error) {
	concerned, err := a.concerned(ctx)
	if err != nil {
		return nil, err
	}
	var runs []journal.Run
	for _, tenant := range concerned {
		by := itselfOf(tenant)
		run, err := a.journal.Start(ctx, journal.Record{Tenant: tenant, Actor: by.Actor, Origin: by.Origin, Detail: map[string]string{"version": version}}, dead)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		err := a.journal.Settle(ctx)
		for _, run := range runs {
			err = errors.Join(err, run.Stop(ctx))
		}
		if err != nil {
			a.log.Error("it is not recorded that the journal stops: the next start will find it interrupted", "error", err)
		}
	}, nil
}

// withoutKEK tells whether there is no key file, so that one is about to be made.
func withoutKEK(s *settings) bool {
	_, err := os.Stat(s.kekFile())
	return errors.Is(err, fs.ErrNotExist)
}

// noteMigrations records what portico migrate has done, which opens nothing else.
func noteMigrations(ctx context.Context, s *settings, url string, done []migrations.Applied) error {
	a := &app{url: url, log: logger(s.logLevel)}
	err := a.database(ctx, s)
	if err == nil {
		a.migrated = done
		a.openJournal(nil)
		err = a.noteCommand(ctx, s)
	}
	return errors.Join(err, a.close())
}
