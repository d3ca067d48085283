package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"portico/internal/jobs"
)

func jobsCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "What is done in the world outside: list, show, retry, cancel",
		Long: `A job sends a mail, calls a webhook or renders a document. It is queued, running, done,
dead (its attempts are used up, or none would help) or cancelled. Dead ones wait for
somebody to mend the cause and retry them; docs/jobs.md says more.`,
		Example: `  portico jobs list --state dead
  portico jobs show 0198c9e4-…
  portico jobs retry --all --kind mail.send --reason "the mail server is back"
  portico jobs unplanned`,
	}
	cmd.AddCommand(listJobsCommand(s), showJobCommand(s), retryJobsCommand(s), cancelJobsCommand(s), unplannedCommand(s))
	return cmd
}

func listJobsCommand(s *settings) *cobra.Command {
	var f jobs.Filter
	var customer string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs, newest first",
		Example: `  portico jobs list --state dead
  portico jobs list --kind mail.send --limit 10 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if customer != "" {
				if f.Route, err = uuid.Parse(customer); err != nil {
					return fmt.Errorf("--customer %s: give the customer's id", customer)
				}
			}
			return within(cmd.Context(), s, func(a *app) error {
				f.Tenant = a.tenant
				found, next, err := a.jobs.List(cmd.Context(), f)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
						Items []jobs.Row `json:"items"`
						Next  string     `json:"next,omitempty"`
					}{found, next})
				}
				return printJobs(cmd.OutOrStdout(), found, next)
			})
		},
	}
	cmd.Flags().StringVar(&f.State, "state", "", "only queued, running, done, dead or cancelled ones")
	cmd.Flags().StringVar(&f.Kind, "kind", "", "only those of a kind, such as mail.send")
	cmd.Flags().StringVar(&customer, "customer", "", "only those that concern the customer of this id")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "how many")
	cmd.Flags().StringVar(&f.Cursor, "cursor", "", "where the last list ended")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func printJobs(w io.Writer, found []jobs.Row, next string) error {
	if len(found) == 0 {
		fmt.Fprintln(w, "no such jobs")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\tkind\tstate\tattempts\tmade\tdue\terror")
	for _, j := range found {
		due := ""
		if j.State == "queued" {
			due = j.Due.UTC().Format(time.DateTime)
		}
		text, _, _ := strings.Cut(j.Error, "\n")
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%.80s\n", j.ID, j.Kind, j.State, j.Attempts, j.MadeAt.UTC().Format(time.DateTime), due, text)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if next != "" {
		fmt.Fprintf(w, "\nmore: --cursor %s\n", next)
	}
	return nil
}

func showJobCommand(s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show JOB-ID",
		Short:   "Show a job: its payload, its last error in full, what people did about it",
		Long:    "Shows a job. Its payload may hold personal data.",
		Example: "  portico jobs show 0198c9e4-…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := uuid.Parse(args[0])
			if err != nil {
				return fmt.Errorf("%s is not a job's id: see portico jobs list", args[0])
			}
			return within(cmd.Context(), s, func(a *app) error {
				j, err := a.jobs.Show(cmd.Context(), a.tenant, id)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(j)
				}
				return printJob(cmd.OutOrStdout(), j)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func printJob(w io.Writer, j jobs.Shown) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	at := func(of *time.Time) string {
		if of == nil {
			return "-"
		}
		return of.UTC().Format(time.DateTime)
	}
	customer := "-"
	if j.CustomerID != nil {
		customer = j.CustomerID.String()
	}
	for _, line := range [][2]string{
		{"job", j.ID.String()}, {"kind", j.Kind}, {"state", j.State}, {"customer", customer}, {"attempts", fmt.Sprint(j.Attempts)},
		{"deaths", fmt.Sprint(j.Deaths)}, {"made", at(&j.MadeAt)}, {"due", at(&j.Due)}, {"began", at(j.BeganAt)}, {"ended", at(j.EndedAt)},
		{"process", j.Owner}, {"position", j.Position}, {"correlation", j.Correlation.String()}, {"causation", j.Causation.String()}, {"payload", string(j.Payload)},
	} {
		fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
	}
	for _, act := range j.Acts {
		fmt.Fprintf(t, "%s\t%s, by %s %s through %s, when %s: %s\n", act.Act, at(&act.At), act.ActorKind, act.ActorID, act.Channel, act.Was, act.Reason)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if j.Error != "" {
		fmt.Fprintf(w, "\n%s\n", j.Error)
	}
	return nil
}

// by is the operator, with a reason.
func (a *app) by(reason string) jobs.By {
	who := a.operator("staff")
	return jobs.By{Tenant: who.Tenant, Actor: who.Actor, Origin: who.Origin, Reason: reason}
}

func retryJobsCommand(s *settings) *cobra.Command {
	var all bool
	var kind, reason string
	cmd := &cobra.Command{
		Use:   "retry [JOB-ID...]",
		Short: "Try jobs again that are dead or cancelled, or wait for a later attempt",
		Long: `Has jobs tried again at once, with all their attempts before them, by whichever server
runs. What is done is not done again. Who asked, when and why is kept beside the job.`,
		Example: `  portico jobs retry 0198c9e4-… --reason "address mended"
  portico jobs retry --all --kind mail.send --reason "the mail server is back"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return within(cmd.Context(), s, func(a *app) error {
				ids, err := a.deadOr(cmd.Context(), args, all, kind)
				if err != nil {
					return err
				}
				return each(cmd.OutOrStdout(), ids, "queued", func(id uuid.UUID) error { return a.jobs.Retry(cmd.Context(), a.by(reason), id) })
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all dead ones, instead of ids")
	cmd.Flags().StringVar(&kind, "kind", "", "with --all: only those of a kind")
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func cancelJobsCommand(s *settings) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "cancel JOB-ID...",
		Short:   "Give jobs up that wait or are dead",
		Example: `  portico jobs cancel 0198c9e4-… --reason "told them by phone"`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return within(cmd.Context(), s, func(a *app) error {
				ids, err := a.deadOr(cmd.Context(), args, false, "")
				if err != nil {
					return err
				}
				return each(cmd.OutOrStdout(), ids, "cancelled", func(id uuid.UUID) error { return a.jobs.Cancel(cmd.Context(), a.by(reason), id) })
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

// deadOr are the jobs that are named, or all dead ones.
func (a *app) deadOr(ctx context.Context, named []string, all bool, kind string) (ids []uuid.UUID, err error) {
	if all == (len(named) > 0) {
		return nil, errors.New("name jobs, or say --all: see portico jobs list --state dead")
	}
	for _, name := range named {
		id, err := uuid.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("%s is not a job's id: see portico jobs list", name)
		}
		ids = append(ids, id)
	}
	f := jobs.Filter{Tenant: a.tenant, State: "dead", Kind: kind, Limit: 1000}
	for more := all; more; more = f.Cursor != "" {
		var page []jobs.Row
		if page, f.Cursor, err = a.jobs.List(ctx, f); err != nil {
			return nil, err
		}
		for _, j := range page {
			ids = append(ids, j.ID)
		}
	}
	return ids, nil
}

// each does something about each, and goes on if it cannot be done about one.
func each(w io.Writer, ids []uuid.UUID, done string, do func(uuid.UUID) error) error {
	failed := 0
	for _, id := range ids {
		if err := do(id); err != nil {
			failed++
			fmt.Fprintf(w, "%s: %v\n", id, err)
			continue
		}
		fmt.Fprintf(w, "%s: %s\n", id, done)
	}
	if len(ids) == 0 {
		fmt.Fprintln(w, "there are no dead jobs of this kind")
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d could not be %s: see above", failed, len(ids), done)
	}
	return nil
}

func unplannedCommand(s *settings) *cobra.Command {
	var retry, asJSON bool
	cmd := &cobra.Command{
		Use:   "unplanned",
		Short: "Events of which it is not known what jobs follow, and why; --retry plans them",
		Long: `An event that cannot be read, or over which this program stumbles, is set aside and
listed here; everything else goes on. After mending the cause, --retry plans what is set
aside. Jobs that were made of it before are not made again.`,
		Example: `  portico jobs unplanned
  portico jobs unplanned --retry`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				open, err := a.feeder.Unplanned(cmd.Context())
				if err != nil {
					return err
				}
				switch w := cmd.OutOrStdout(); {
				case asJSON:
					return json.NewEncoder(w).Encode(open)
				case len(open) == 0:
					fmt.Fprintln(w, "nothing is set aside")
				case !retry:
					return printUnplanned(w, open)
				}
				failed := 0
				for _, u := range open {
					if err := a.feeder.Plan(cmd.Context(), u); err != nil {
						failed++
						fmt.Fprintf(cmd.OutOrStdout(), "%s of %s: still not: %v\n", u.EventID, u.Stream, err)
						continue
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s of %s: planned\n", u.EventID, u.Stream)
				}
				if failed > 0 {
					return fmt.Errorf("%d of them cannot be planned", failed)
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&retry, "retry", false, "plan them")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.MarkFlagsMutuallyExclusive("retry", "json")
	return cmd
}

func printUnplanned(w io.Writer, open []jobs.Unplanned) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "event\tstream\tposition\tsince\tcode\tmessage")
	for _, u := range open {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.100q\n", u.EventID, u.Stream, u.Pos, u.At.UTC().Format(time.DateTime), u.Code, u.Message)
	}
	return t.Flush()
}
