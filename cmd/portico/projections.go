package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"portico/projections"
	"portico/projections/engine"
)

func projectionsCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "projections",
		Short: "Read models: list, rebuild, verify",
		Long: `Read models are made from the log and can be made again from it at any time. They
come in groups: portal (what customers see), staff, access and audit.`,
	}
	cmd.AddCommand(listProjectionsCommand(s), rebuildCommand(s), verifyCommand(s))
	return cmd
}

func listProjectionsCommand(s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Each group's build, position and lag",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				listed, err := a.engine.List(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(listed)
				}
				t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "group\tversion\tbuild\tstate\tlanes\tleased\tposition\thead\tlag s\terror")
				for _, l := range listed {
					fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%d\t%d\t%s\t%s\t%.1f\t%s\n", l.Group, l.Version, l.Build, l.State, l.Lanes, l.Leased, l.Position, l.Head, l.Lag, l.Error)
				}
				return t.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func rebuildCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild [GROUP...]",
		Short: "Make read models anew beside the live ones, then switch",
		Long: `Folds the log into fresh tables, switches to them in one step when they have caught
up, and keeps the old ones until the next rebuild. Queries are answered all the while.`,
		Example:   "  portico projections rebuild portal",
		ValidArgs: groupNames(),
		Args:      cobra.OnlyValidArgs,
		RunE: func(cmd *cobra.Command, groups []string) error {
			if len(groups) == 0 {
				groups = groupNames()
			}
			return with(cmd.Context(), s, func(a *app) error {
				for _, g := range groups {
					bar := newBar(cmd.ErrOrStderr(), "rebuilding "+g)
					err := a.engine.Rebuild(cmd.Context(), g, func(done, total uint64) { bar.set(int64(done), int64(total)) })
					bar.finish()
					if err != nil {
						return err
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s rebuilt\n", g)
				}
				return nil
			})
		},
	}
}

func groupNames() (names []string) {
	for _, g := range projections.Groups() {
		names = append(names, g.Name)
	}
	return names
}

func verifyCommand(s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [GROUP...]",
		Short: "Compare every live read model with a fresh fold of the log, row for row",
		Long: `Ends with status 1 if a row differs, is missing or is too many, and says which. The
server may be running meanwhile.`,
		ValidArgs: groupNames(),
		Args:      cobra.OnlyValidArgs,
		RunE: func(cmd *cobra.Command, groups []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				if err := a.engine.Ensure(cmd.Context()); err != nil {
					return err
				}
				bar := newBar(cmd.ErrOrStderr(), "verifying")
				found, err := a.engine.Verify(cmd.Context(), groups, func(group string, done, total uint64) {
					bar.describe("verifying " + group)
					bar.set(int64(done), int64(total))
				})
				bar.finish()
				if err != nil {
					return err
				}
				return printVerified(cmd.OutOrStdout(), found, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func printVerified(w io.Writer, found []engine.Verified, asJSON bool) error {
	differences := int64(0)
	for _, v := range found {
		differences += v.Differences
	}
	if asJSON {
		if err := json.NewEncoder(w).Encode(found); err != nil {
			return err
		}
	} else {
		for _, v := range found {
			fmt.Fprintf(w, "%s: %d rows compared, %d differences\n", v.Group, v.Rows, v.Differences)
			for _, d := range v.First {
				fmt.Fprintf(w, "  %s %s is %s %s: live %q, fresh %q\n", d.Table, d.Key, d.Kind, d.Column, d.Live, d.Fresh)
			}
		}
	}
	if differences > 0 {
		return status{1, fmt.Errorf("%d differences: portico projections rebuild makes the read models anew", differences)}
	}
	return nil
}
