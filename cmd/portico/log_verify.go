package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"portico/domain/catalog"
	"portico/internal/archive"
	"portico/internal/envelope"
	"portico/internal/invariant"
	"portico/internal/journal"
)

func archiveLogCommand(s *settings) *cobra.Command {
	var asJSON, again bool
	cmd := &cobra.Command{
		Use:   "archive DIR",
		Short: "Write each full partition to a file, and prove that it is the same",
		Long: `A partition of the log is sealed when the head is in a later one: nothing in it can
change any more. Each that is not in DIR yet is written to a file, read again, compared
with the table event by event, and noted in the database with its SHA-256. Partitions
stay in the database. Put the files where they cannot be changed.`,
		Example: `  portico log archive /archive/log
  portico log archive /archive/log --verify     # and read all the older files again`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.onlyPostgres(); err != nil {
				return err
			}
			return withLog(cmd.Context(), s, func(a *app) error {
				b := newBar(cmd.ErrOrStderr(), "archiving")
				all, err := a.copying(b).Archive(cmd.Context(), args[0])
				b.finish()
				if err != nil {
					return err
				}
				if err := printArchived(cmd.OutOrStdout(), all, asJSON); err != nil || !again || len(all) == 0 {
					return err
				}
				return a.verifyFiles(cmd, args[0], false)
			})
		},
	}
	cmd.Flags().BoolVar(&again, "verify", false, "read and compare all files in DIR again, not only the new ones")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func printArchived(out io.Writer, all []archive.Archived, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(all)
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "no partition is full yet: there is nothing to archive")
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "partition\tfirst\tlast\tfile\tsha256\t")
	for _, a := range all {
		note := ""
		if a.New {
			note = "verified now"
		}
		fmt.Fprintf(t, "%d\t%d\t%d\t%s\t%s\t%s\n", a.No, a.First, a.Last, a.File, a.SHA256, note)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "chain %s (note it elsewhere)\n", all[len(all)-1].Chain)
	return err
}

func verifyLogCommand(s *settings) *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check the log in the database, or files against it",
		Long: `Without --archive: positions without a gap, each stream's versions, the head, ids,
commit times, partitions and room made ahead, the triggers and grants that protect the
log, and that every event opens with its subject's key or its subject was erased.
In EventStoreDB: versions, order, ids, commit times and envelopes.
With --archive: each file of an export or archive, its hashes and chain, and every event
in it against the database.

Ends with status 1 if something is wrong, and says what. The server may be running.`,
		Example: `  portico log verify
  portico log verify --archive /archive/log --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withLog(cmd.Context(), s, func(a *app) error {
				if dir != "" {
					if err := s.onlyPostgres(); err != nil {
						return err
					}
					return a.verifyFiles(cmd, dir, asJSON)
				}
				keys, err := a.existingKeys(s)
				if err != nil {
					return err
				}
				a.codec = &envelope.Codec{Catalog: catalog.New(), Keys: keys}
				return a.verifyLog(cmd, asJSON)
			})
		},
	}
	cmd.Flags().StringVar(&dir, "archive", "", "directory of an export or archive to check against the database")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) verifyLog(cmd *cobra.Command, asJSON bool) error {
	ctx, b := cmd.Context(), newBar(cmd.ErrOrStderr(), "verifying")
	progress := func(what string, done, total int64) {
		b.describe("verifying " + what)
		b.set(done, total)
	}
	found, events, err := a.logFindings(ctx, progress)
	b.finish()
	if err != nil {
		return err
	}
	return errors.Join(printFindings(cmd.OutOrStdout(), found, events, asJSON),
		a.noteVerified(ctx, journal.LogVerified, len(found), events))
}

// logFindings are what is wrong with the log, which has so many events.
func (a *app) logFindings(ctx context.Context, progress invariant.Progress) (found []invariant.Finding, events uint64, err error) {
	if _, here := a.inPostgres(); here {
		if found, err = invariant.Log(ctx, a.pool, progress); err != nil {
			return nil, 0, err
		}
		head, err := a.store.Head(ctx)
		if err != nil {
			return nil, 0, err
		}
		events = head.Hi
	} else if found, events, err = invariant.Order(ctx, a.store, progress); err != nil {
		return nil, 0, err
	}
	closed, err := invariant.Envelopes(ctx, a.store, a.codec, progress)
	return append(found, closed...), events, err
}

func (a *app) verifyFiles(cmd *cobra.Command, dir string, asJSON bool) error {
	b := newBar(cmd.ErrOrStderr(), "verifying files")
	m, found, err := a.copying(b).Verify(cmd.Context(), dir)
	b.finish()
	if err != nil {
		return err
	}
	return errors.Join(printFindings(cmd.OutOrStdout(), found, m.Count, asJSON),
		a.noteVerified(cmd.Context(), journal.ArchiveVerified, len(found), m.Count))
}

func printFindings(out io.Writer, found []invariant.Finding, events uint64, asJSON bool) error {
	if asJSON {
		if found == nil {
			found = []invariant.Finding{} // not null
		}
		if err := json.NewEncoder(out).Encode(map[string]any{"events": events, "findings": found}); err != nil {
			return err
		}
	} else {
		for _, f := range found {
			fmt.Fprintln(out, f)
		}
		fmt.Fprintf(out, "%d events checked, %d findings\n", events, len(found))
	}
	if len(found) > 0 {
		return status{1, fmt.Errorf("%d findings: see docs/log.md, and restore nothing before you know who changed what", len(found))}
	}
	return nil
}
