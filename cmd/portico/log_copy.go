package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"portico/internal/archive"
	"portico/internal/eventstore/eventstoredb"
)

func copyLogCommand(s *settings) *cobra.Command {
	var from, to string
	var move bool
	cmd := &cobra.Command{
		Use:   "copy --to STORE",
		Short: "Copy the log to another event store, and move there",
		Long: `Copies the log between PostgreSQL and EventStoreDB: the same events in the same order, with
their ids, versions, times and bytes. What the target has already is compared and what it
lacks is written, so that an interrupted copy goes on, and a copy made beside a running
server can be brought up to date. At the end both are compared event by event.

To move: copy while the server runs, which may take long. Then stop every server, copy once
more with --switch, set PORTICO_EVENT_STORE, and start. Read models are made anew; keys,
sessions, jobs and mails stay. The log that was left stays as it is.

A store is postgres (the one in this database), esdb://host:2113 or esdb+discover://name:2113.
Writing to postgres needs the login that owns the tables.`,
		Example: `  portico log copy --to esdb://admin:secret@es1:2113
  portico log copy --to esdb://admin:secret@es1:2113 --switch
  portico log copy --from esdb://es1:2113 --to postgres --switch     # and back`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.eventStore = cmp.Or(from, s.eventStore, onPostgres)
			if _, err := storeKind(to); err != nil {
				return err
			}
			if to == s.eventStore {
				return errors.New("--from and --to name the same store: name another to copy to")
			}
			do := withLog
			if move {
				do = with // what it stands in is changed too
			}
			return do(cmd.Context(), s, func(a *app) error { return a.copyLog(cmd, to, move) })
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the store that has the log (default what PORTICO_EVENT_STORE says)")
	cmd.Flags().StringVar(&to, "to", "", "the store to copy it to")
	cmd.Flags().BoolVar(&move, "switch", false, "then let read models, jobs and policies stand in the copy; every server must be stopped")
	_ = cmd.MarkFlagRequired("to") // it is there
	return cmd
}

// target is where a log is copied to.
type target interface {
	archive.Target
	Close()
}

func (a *app) target(ctx context.Context, to string) (target, error) {
	if to == onPostgres {
		return archive.OpenPostgres(ctx, a.url)
	}
	return eventstoredb.Open(to, nil)
}

func (a *app) copyLog(cmd *cobra.Command, to string, move bool) error {
	ctx := cmd.Context()
	copied, err := a.target(ctx, to)
	if err != nil {
		return err
	}
	defer copied.Close()
	if move {
		if err := alone(ctx, a.pool); err != nil {
			return err
		}
	}
	b := newBar(cmd.ErrOrStderr(), "copying")
	written, err := archive.Copy(ctx, a.store, copied, b.set)
	b.finish()
	if err != nil {
		return err
	}
	marks, err := a.marks(ctx)
	if err != nil {
		return err
	}
	b = newBar(cmd.ErrOrStderr(), "comparing")
	before, err := a.store.Head(ctx)
	if err != nil {
		return err
	}
	events, moved, err := archive.Same(ctx, a.store, copied, marks, b.set)
	b.finish()
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d events copied; %d compared, all the same\n", written, events)
	if !move {
		return nil
	}
	if now, err := a.store.Head(ctx); err != nil || now != before {
		return cmp.Or(err, errors.New("something was appended meanwhile: stop every server, and run this again"))
	}
	if err := a.move(ctx, to, copied, moved); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Portico stands in the copy now. Before you start it: %s\n", nextStep(to))
	return err
}

func nextStep(to string) string {
	if to == onPostgres {
		return "unset PORTICO_EVENT_STORE, or set it to postgres"
	}
	return "set PORTICO_EVENT_STORE to the address that you copied to"
}
