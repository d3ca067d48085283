package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"portico/internal/envelope"
	"portico/projections"
)

func historyCommand(s *settings) *cobra.Command {
	var f projections.HistoryFilter
	var customer, actor, from, to string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Who did what, when, from where and why",
		Long: `Replays the log in order, narrowed down by what is given. Stop and go on where you
were with --after. With --json, each line is one event as the API shows it (NDJSON).`,
		Example: `  portico history --customer 17850
  portico history --stream main.invoice-5b1c…
  portico history --from 2026-11-01 --to 2026-12-01 --json > november.ndjson`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(instant(from, &f.From), instant(to, &f.To), identity(actor, &f.ActorID)); err != nil {
				return err
			}
			return within(cmd.Context(), s, func(a *app) error {
				if err := a.engine.Ensure(cmd.Context()); err != nil {
					return err
				}
				defer a.run(allRoles)()
				if err := a.settle(cmd.Context()); err != nil {
					return err
				}
				if err := a.findCustomer(cmd.Context(), customer, &f.CustomerID); err != nil {
					return err
				}
				return a.history(cmd.Context(), f, asJSON, cmd.OutOrStdout())
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.Stream, "stream", "", "one aggregate's stream")
	fl.StringVar(&customer, "customer", "", "number or id of a customer: all that concerns it")
	fl.StringVar(&actor, "actor", "", "id of who did it")
	fl.StringVar(&f.Type, "type", "", "event type, such as invoice.issued")
	fl.StringVar(&from, "from", "", "recorded at this date (UTC) or instant, or later")
	fl.StringVar(&to, "to", "", "recorded before this date or instant")
	fl.StringVar(&f.After, "after", "", "go on after this position")
	fl.IntVar(&f.Limit, "limit", 0, "at most this many events (default all)")
	fl.BoolVar(&asJSON, "json", false, "print NDJSON")
	return cmd
}

func instant(text string, into *time.Time) (err error) {
	if text == "" {
		return nil
	}
	if *into, err = time.Parse(time.RFC3339, text); err == nil {
		return nil
	}
	if *into, err = time.Parse(time.DateOnly, text); err != nil {
		return fmt.Errorf("%q is neither a date such as 2026-11-01 nor an instant such as 2026-11-01T08:00:00Z", text)
	}
	return nil
}

func identity(text string, into *uuid.UUID) (err error) {
	if text == "" {
		return nil
	}
	if *into, err = uuid.Parse(text); err != nil {
		return fmt.Errorf("%q is not an id", text)
	}
	return nil
}

// findCustomer takes an id as it is and looks a number up.
func (a *app) findCustomer(ctx context.Context, text string, into *uuid.UUID) error {
	if text == "" || identity(text, into) == nil {
		return nil
	}
	staff := projections.Viewer{Tenant: a.tenant, Kind: envelope.Staff}
	found, err := a.queries.ListCustomers(ctx, staff, projections.CustomerFilter{Number: text})
	if err != nil {
		return err
	}
	if len(found.Items) == 0 {
		return fmt.Errorf("no customer has the number %q", text)
	}
	*into = found.Items[0].ID
	return nil
}

// history prints page after page.
func (a *app) history(ctx context.Context, f projections.HistoryFilter, asJSON bool, out io.Writer) error {
	auditor := projections.Viewer{Tenant: a.tenant, Kind: envelope.Auditor, ID: a.operator().Actor.ID}
	const pageSize = 200
	left := f.Limit
	for {
		if f.Limit = pageSize; left > 0 {
			f.Limit = min(left, pageSize)
		}
		page, err := a.queries.GetHistory(ctx, auditor, f)
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			if err := printEvent(out, e, asJSON); err != nil {
				return err
			}
		}
		if left > 0 {
			if left -= len(page.Events); left <= 0 {
				return nil
			}
		}
		if !page.More {
			return nil
		}
		f.After = page.Next
	}
}

func printEvent(out io.Writer, e projections.HistoryEvent, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(e)
	}
	from := e.Origin.Channel
	for _, more := range []string{e.Origin.IP, e.Origin.UserAgent, e.Origin.Node} {
		if more != "" {
			from += ", " + more
		}
	}
	why := e.Command
	if e.Reason != nil {
		why += ": " + e.Reason.Code + " " + e.Reason.Text
	}
	who := fmt.Sprintf("%s %s", e.Actor.Kind, e.Actor.ID)
	if e.ActorName != "" {
		who = fmt.Sprintf("%s %s (%s)", e.Actor.Kind, e.ActorName, e.Actor.ID)
	}
	_, err := fmt.Fprintf(out, "%s  %s  %s\n    who   %s\n    from  %s\n    why   %s\n    what  %s\n    of    %s, version %d, happened %s\n",
		e.Position, e.RecordedAt.Format(time.RFC3339), e.Type, who, from, why, e.Data, e.Stream, e.Version, e.OccurredAt.Format(time.RFC3339))
	return err
}
