package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"portico/projections/engine"
)

func retryCommand(s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "retry [GROUP [CUSTOMER-ID]]",
		Short: "Apply what is held back of parked customers, once its cause is mended",
		Long: `A customer of whom an event cannot be applied is parked: its rows stay as they are and
its later events are held back, while everybody else goes on. This tries again, for one
customer, for all of a group, or for all there are, and says what came of each. It ends
with status 1 if some stay parked.`,
		Example: `  portico projections retry
  portico projections retry portal 5f3d0c9e-7a53-4c41-9f0e-0a4d6b3c2f11`,
		ValidArgs: groupNames(),
		Args:      cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			wanted, err := parkedFilter(args)
			if err != nil {
				return err
			}
			return with(cmd.Context(), s, func(a *app) error {
				tried, err := retryParked(cmd.Context(), a.engine, wanted, cmd.ErrOrStderr())
				if err != nil {
					return err
				}
				return printTried(cmd.OutOrStdout(), tried, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// parkedFilter reads the arguments of retry.
func parkedFilter(args []string) (wanted func(engine.Parked) bool, err error) {
	var customer uuid.UUID
	if len(args) > 1 {
		if customer, err = uuid.Parse(args[1]); err != nil {
			return nil, fmt.Errorf("%q is not a customer's id: portico projections list counts who is parked, and retry alone tries all", args[1])
		}
	}
	if len(args) > 0 && !isGroup(args[0]) {
		return nil, fmt.Errorf("invalid argument %q: the groups are %v", args[0], groupNames())
	}
	return func(p engine.Parked) bool {
		return (len(args) < 1 || p.Group == args[0]) && (len(args) < 2 || p.Route == customer)
	}, nil
}

func isGroup(name string) bool { return slices.Contains(groupNames(), name) }

// retried is what came of one parked customer.
type retried struct {
	engine.Parked
	Applied int64  `json:"applied"` // events
	Still   string `json:"still_parked,omitempty"`
}

func retryParked(ctx context.Context, e *engine.Engine, wanted func(engine.Parked) bool, progress io.Writer) ([]retried, error) {
	all, err := e.Parked(ctx)
	if err != nil {
		return nil, err
	}
	builds, err := e.Builds(ctx)
	if err != nil {
		return nil, err
	}
	active := map[string]int{}
	for _, b := range builds {
		if b.State == "active" && isGroup(b.Group) {
			active[b.Group] = max(active[b.Group], b.Build)
		}
	}
	tried := []retried{}
	for _, p := range all {
		if !wanted(p) || p.Build != active[p.Group] {
			continue
		}
		bar := newBar(progress, "applying "+p.Group+" "+p.Route.String())
		one := retried{Parked: p}
		one.Applied, err = e.Retry(ctx, p.Group, p.Route, func(done, total uint64) { bar.set(int64(done), int64(total)) })
		bar.finish()
		if ctx.Err() != nil {
			return tried, ctx.Err()
		}
		if err != nil {
			one.Still = err.Error()
		}
		tried = append(tried, one)
	}
	return tried, nil
}

func printTried(w io.Writer, tried []retried, asJSON bool) error {
	still := 0
	for _, one := range tried {
		if one.Still != "" {
			still++
		}
	}
	if asJSON {
		if err := json.NewEncoder(w).Encode(tried); err != nil {
			return err
		}
	} else {
		if len(tried) == 0 {
			fmt.Fprintln(w, "nobody is parked")
		}
		for _, one := range tried {
			if one.Still == "" {
				fmt.Fprintf(w, "%s %s: %d events applied\n", one.Group, one.Route, one.Applied)
			} else {
				fmt.Fprintf(w, "%s %s stays parked at %s (%s): %s\n", one.Group, one.Route, one.Position, one.Type, one.Still)
			}
		}
	}
	if still > 0 {
		return status{1, fmt.Errorf("%d of %d customers stay parked", still, len(tried))}
	}
	return nil
}
