package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"portico/projections"
	"portico/projections/engine"
)

func projectionsCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "projections",
		Short: "Read models: list, rebuild, roll back, verify, retry",
		Long: `Read models are made from the log and can be made again from it at any time. They
come in groups: portal (what customers see), staff, access and audit. A group's tables are
a build; a rebuild makes new ones beside them, and the ones before are kept for a way back.`,
	}
	cmd.AddCommand(listProjectionsCommand(s), rebuildCommand(s), rollbackCommand(s), verifyCommand(s), retryCommand(s))
	return cmd
}

func groupNames() (names []string) {
	for _, g := range projections.Groups() {
		names = append(names, g.Name)
	}
	return names
}

// named is the groups that were asked for: all if none was.
func named(groups []string) []string {
	if len(groups) == 0 {
		return groupNames()
	}
	return groups
}

func listProjectionsCommand(s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Each group's builds: state, position, lag, who works on them",
		Long: `Lists the builds of every group. State is
  building   being made, for the first time or by a rebuild
  ready      has caught up and is about to become active, or is held back
  active     what queries read
  retired    what queries read before; portico projections rollback returns to it
Behind counts the events of the log that are not applied, lag is the age of the oldest of
them. Parked counts the customers of whom an event cannot be applied.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				builds, err := a.engine.Builds(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(builds)
				}
				return printBuilds(cmd.OutOrStdout(), builds)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func printBuilds(w io.Writer, builds []engine.Built) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "group\tversion\tbuild\tstate\tsince\tlanes\tleased\tposition\thead\tbehind\tlag s\tparked\tMB\tnodes")
	for _, b := range builds {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%d\t%d\t%s\t%s\t%d\t%.1f\t%d\t%d\t%s\n", b.Group, b.Version, b.Build, b.State,
			b.Since.Format(time.DateTime), b.Lanes, b.Leased, b.Position, b.Head, b.Behind, b.Lag, b.Parked, b.Bytes>>20, listed(b.Nodes))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, b := range builds {
		if b.HeldFor != nil {
			printHeld(w, &engine.HeldBack{Group: b.Group, Build: b.Build, Finding: *b.HeldFor})
		}
		if b.Error != "" {
			fmt.Fprintf(w, "%s build %d: %s\n", b.Group, b.Build, b.Error)
		}
	}
	return nil
}

func listed(nodes []string) string {
	if len(nodes) == 0 {
		return "-"
	}
	return fmt.Sprint(nodes)
}
