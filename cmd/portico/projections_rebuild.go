package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"portico/projections/engine"
)

func rebuildCommand(s *settings) *cobra.Command {
	var force, asJSON bool
	cmd := &cobra.Command{
		Use:   "rebuild [GROUP...]",
		Short: "Make read models anew beside the live ones, compare, then switch",
		Long: `Folds the log into fresh tables, compares them with the live ones (the number of rows,
and about 1,000 rows of each table), and switches to them in one step when they have
caught up. Queries are answered all the while. The old tables are kept until the next
rebuild: portico projections rollback returns to them.

If the two differ, nothing is switched, the command ends with status 1 and says what
differs. The new tables stay and are kept up to date until you decide. Then
  portico projections verify GROUP           says whether the live tables are right
  portico projections rebuild GROUP --force  switches to the new ones anyway
  portico projections rebuild GROUP          gives the new ones up and makes others

A rebuild that is interrupted with Ctrl-C is given up. One that is killed is finished by
the server, if one is running or when one starts; a rebuild that is begun meanwhile joins
in that, and without a server begins anew.`,
		Example:   "  portico projections rebuild portal",
		ValidArgs: groupNames(),
		Args:      cobra.OnlyValidArgs,
		RunE: func(cmd *cobra.Command, groups []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				if err := a.engine.Inherit(cmd.Context(), dead); err != nil {
					return err
				}
				r := rebuilding{engine: a.engine, force: force}
				err := r.all(cmd.Context(), cmd.ErrOrStderr(), named(groups))
				return errors.Join(r.print(cmd.OutOrStdout(), asJSON), err)
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "switch without a comparison, to the build that is held back if there is one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// rebuilding is what became of each group.
type rebuilding struct {
	engine *engine.Engine
	force  bool
	done   []rebuilt
}

type rebuilt struct {
	Group    string           `json:"group"`
	Switched bool             `json:"switched"`
	HeldBack *engine.HeldBack `json:"held_back,omitempty"`
}

// all rebuilds group after group. That one is held back does not keep the others from it.
func (r *rebuilding) all(ctx context.Context, progress io.Writer, groups []string) error {
	rebuild := r.engine.Rebuild
	if r.force {
		rebuild = r.engine.RebuildAnyway
	}
	held := 0
	for _, g := range groups {
		bar := newBar(progress, "rebuilding "+g)
		err := rebuild(ctx, g, func(done, total uint64) { bar.set(int64(done), int64(total)) })
		bar.finish()
		one := rebuilt{Group: g, Switched: err == nil}
		switch {
		case errors.As(err, &one.HeldBack):
			held++
		case ctx.Err() != nil && errors.Is(err, context.Canceled):
			return errors.New("interrupted: " + g + " is as it was before. If others began this rebuild, they go on with it")
		case err != nil:
			return fmt.Errorf("rebuilding %s: %w", g, err)
		}
		r.done = append(r.done, one)
	}
	if held > 0 {
		return status{1, fmt.Errorf("projections.differs: %d of %d groups were not switched, because the new read models differ from the live ones", held, len(groups))}
	}
	return nil
}

func (r *rebuilding) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r.done)
	}
	for _, one := range r.done {
		if one.Switched {
			fmt.Fprintf(w, "%s rebuilt\n", one.Group)
		} else {
			printHeld(w, one.HeldBack)
		}
	}
	return nil
}

// shownDifferences is how many of them a person is told.
const shownDifferences = 10

func printHeld(w io.Writer, h *engine.HeldBack) {
	fmt.Fprintf(w, "%s build %d is held back since %s, queries stay with build %d: %d differences\n",
		h.Group, h.Build, h.At.Format("2006-01-02 15:04:05"), h.Against, h.Differences)
	printDifferences(w, h.First[:min(shownDifferences, len(h.First))])
	fmt.Fprintf(w, `  Next:  portico projections verify %[1]s            are the live tables right?
         portico projections rebuild %[1]s --force   if not: switch to build %[2]d
         portico projections rebuild %[1]s           if so, and the program is mended: build anew
`, h.Group, h.Build)
}

func printDifferences(w io.Writer, all []engine.Difference) {
	for _, d := range all {
		switch {
		case d.Kind == engine.Count:
			fmt.Fprintf(w, "  %s: %s rows live, %s in a fresh fold\n", d.Table, d.Live, d.Fresh)
		case d.Kind == engine.Differs && d.Live+d.Fresh != "":
			fmt.Fprintf(w, "  %s %s: %s is %q live, %q in a fresh fold\n", d.Table, d.Key, d.Column, d.Live, d.Fresh)
		case d.Kind == engine.Differs:
			fmt.Fprintf(w, "  %s %s: %s differs\n", d.Table, d.Key, d.Column)
		default:
			fmt.Fprintf(w, "  %s %s: is %s in the live table\n", d.Table, d.Key, d.Kind)
		}
	}
}

func rollbackCommand(s *settings) *cobra.Command {
	var asJSON bool
	var build int
	cmd := &cobra.Command{
		Use:   "rollback GROUP",
		Short: "Return to the read models that were live before the last switch",
		Long: `Lets the tables from before the last rebuild catch up with what was appended since,
and switches back to them. Nobody sees an older state than before. The tables that were
live stay, so that the same command rolls forward again.

Only builds of this version of the program can be returned to. To return to an older
version, start that: its own read models are kept for a day, and made anew after that.`,
		Example:   "  portico projections rollback portal",
		ValidArgs: groupNames(),
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				if err := a.engine.Inherit(cmd.Context(), dead); err != nil {
					return err
				}
				bar := newBar(cmd.ErrOrStderr(), "catching up")
				done, err := a.engine.Rollback(cmd.Context(), args[0], build, func(done, total uint64) { bar.set(int64(done), int64(total)) })
				bar.finish()
				switch {
				case cmd.Context().Err() != nil && errors.Is(err, context.Canceled):
					return errors.New("interrupted: " + args[0] + " is as it was before. If others began this roll-back, they go on with it")
				case err != nil:
					return fmt.Errorf("rolling %s back: %w", args[0], err)
				case asJSON:
					return json.NewEncoder(cmd.OutOrStdout()).Encode(done)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s rolled back from build %d to build %d\n", done.Group, done.From, done.To)
				return err
			})
		},
	}
	cmd.Flags().IntVar(&build, "build", 0, "the build to return to, by its number in the list (default: the last one)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}
