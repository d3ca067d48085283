package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"portico/projections/engine"
)

func verifyCommand(s *settings) *cobra.Command {
	var asJSON, values bool
	cmd := &cobra.Command{
		Use:   "verify [GROUP...]",
		Short: "Compare every live read model with a fresh fold of the log, row for row",
		Long: `Reads the live tables in one snapshot, folds the log anew as far as they had come, and
compares every value of every row. Ends with status 1 if a row differs, is missing or is
too many, and says which. Servers may be running meanwhile, and go on.

Customers who are parked are compared too: their rows are those of before the event that
could not be applied. They differ only if that has been mended since; then
portico projections retry brings them up to date.`,
		Example:   "  portico projections verify portal --json",
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
				if !values {
					conceal(found)
				}
				return printVerified(cmd.OutOrStdout(), found, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().BoolVar(&values, "values", false, "show the values that differ, which may be personal data")
	return cmd
}

// conceal takes values away.
func conceal(found []engine.Verified) {
	for _, v := range found {
		for i := range v.First {
			v.First[i].Live, v.First[i].Fresh = "", ""
		}
	}
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
			fmt.Fprintf(w, "%s build %d at %s (%d behind, %d parked): %d rows compared, %d differences\n",
				v.Group, v.Build, v.Position, v.Behind, v.Parked, v.Rows, v.Differences)
			printDifferences(w, v.First)
			if more := v.Differences - int64(len(v.First)); more > 0 {
				fmt.Fprintf(w, "  and %d more\n", more)
			}
		}
	}
	if differences > 0 {
		return status{1, fmt.Errorf("%d differences: portico projections rebuild GROUP --force makes the read models anew", differences)}
	}
	return nil
}
