package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"portico/internal/archive"
	"portico/internal/keyring"
)

func logCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "The event log: export, restore, archive, verify",
		Long: `The log is the business: everything else is made from it. These commands copy it
out of the database as files that any machine can read, bring it back, and check it.
They run beside a server, and go on where they were if they are interrupted.
docs/log.md has the file format and the whole of backups.`,
	}
	cmd.AddCommand(exportLogCommand(s), restoreLogCommand(s), archiveLogCommand(s), verifyLogCommand(s), copyLogCommand(s))
	return cmd
}

// withLog opens the database and the log alone: nothing is registered, no key file made,
// nothing followed.
func withLog(ctx context.Context, s *settings, do func(a *app) error) error {
	a := &app{url: s.databaseURL, log: logger(s.logLevel)}
	err := a.database(ctx, s)
	if err == nil {
		err = archive.Unfinished(ctx, a.pool)
	}
	if err == nil {
		err = a.claimSource(ctx, s)
	}
	if err == nil {
		err = a.appear(ctx, s)
	}
	if err == nil {
		a.openJournal(nil)
		err = a.noteCommand(ctx, s)
	}
	if err == nil {
		err = do(a)
	}
	return errors.Join(err, a.close())
}

// copying is the log as the archive package wants it.
func (a *app) copying(b *bar) *archive.Log {
	return &archive.Log{Store: a.store, DB: a.pool, Software: "portico " + version, Progress: b.set}
}

func exportLogCommand(s *settings) *cobra.Command {
	var o archive.ExportOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Write the log to files; again: add what has come since",
		Long: `Writes gzip-compressed NDJSON, one event a line, under a manifest with SHA-256 of each
file and a chain over all. The wrapped keys of personal data go to a file of their own,
written anew each time; it opens nothing without the key file.

The chain that is printed at the end is worth noting elsewhere: it proves later that
nothing up to there was changed.`,
		Example: `  portico log export /backup/log
  portico log export /backup/log --keys /elsewhere/subject-keys.ndjson.gz
  gzip -dc /backup/log/events-*.gz | jq -c 'select(.type == "invoice.issued") | .data'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.onlyPostgres(); err != nil {
				return err
			}
			return withLog(cmd.Context(), s, func(a *app) error {
				b := newBar(cmd.ErrOrStderr(), "exporting")
				m, err := a.copying(b).Export(cmd.Context(), args[0], o)
				b.finish()
				if err != nil {
					return err
				}
				return printManifest(cmd.OutOrStdout(), m, args[0], asJSON)
			})
		},
	}
	cmd.Flags().Uint64Var(&o.After, "after", 0, "begin after this position, in a directory of its own (such an export cannot be restored)")
	cmd.Flags().StringVar(&o.Keys, "keys", "", "file for the wrapped keys of personal data (default DIR/"+archive.DefaultKeysFile+")")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the manifest")
	return cmd
}

func printManifest(out io.Writer, m *archive.Manifest, dir string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(m)
	}
	var size int64
	for _, s := range m.Segments {
		size += s.Bytes
	}
	fmt.Fprintf(out, "%s holds %d events (%d to %d) in %d files of %.1f MB\n", dir, m.Count, m.First, m.Last, len(m.Segments), float64(size)/1e6)
	if m.Keys != nil {
		fmt.Fprintf(out, "keys of %d subjects, %d of them erased: %s\n", m.Keys.Count, m.Keys.Erased, m.Keys.File)
	}
	_, err := fmt.Fprintf(out, "chain %s (note it elsewhere)\n", m.Chain)
	return err
}

func restoreLogCommand(s *settings) *cobra.Command {
	var o archive.RestoreOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore DIR",
		Short: "Bring an export into a fresh database",
		Long: `The same events at the same positions, versions and times, under the same ids. The
database's log must be empty; the login must own the tables. Interrupted, it goes on when
run again, and until it is complete nothing can be appended and serve refuses.

Give the newest file of keys that you have with --keys: a subject erased in any of the
files given, or in the database, stays erased.`,
		Example: `  portico log restore /backup/log --data-dir ./restored --key-file ./kek
  portico log restore /backup/log --keys newest.gz --database-url postgres://…/fresh`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.onlyPostgres(); err != nil {
				return err
			}
			a := &app{url: s.databaseURL, log: logger(s.logLevel)}
			err := a.database(cmd.Context(), s)
			if err == nil {
				a.openJournal(nil)
				err = a.noteCommand(cmd.Context(), s)
			}
			if err == nil {
				err = a.restoreLog(cmd, s, args[0], o, asJSON)
			}
			return errors.Join(err, a.close())
		},
	}
	cmd.Flags().StringArrayVar(&o.Keys, "keys", nil, "file of the wrapped keys of personal data; may be given several times (default DIR/"+archive.DefaultKeysFile+")")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the manifest")
	return cmd
}

func (a *app) restoreLog(cmd *cobra.Command, s *settings, dir string, o archive.RestoreOptions, asJSON bool) error {
	b := newBar(cmd.ErrOrStderr(), "restoring")
	o.Progress = b.set
	m, err := archive.Restore(cmd.Context(), a.url, dir, o)
	b.finish()
	if err != nil {
		return err
	}
	note := cmd.OutOrStdout()
	if asJSON {
		note = cmd.ErrOrStderr()
		if err := json.NewEncoder(cmd.OutOrStdout()).Encode(m); err != nil {
			return err
		}
	}
	fmt.Fprintf(note, "restored %d events; read models are made when the server starts\n", m.Count)
	if err := a.keyFileOpens(cmd.Context(), s); err != nil {
		fmt.Fprintf(note, "before you serve: %v\n", err)
	}
	_, err = fmt.Fprintln(note, "API keys are not in the log: make new keys with portico keys create")
	return err
}

const sqlSomeKey = `select tenant, subject, key_no from portico.subject_keys where state = 'live' limit 1`

// existingKeys are the subjects' keys under the key file there is. It makes no new file,
// which would open nothing.
func (a *app) existingKeys(s *settings) (*keyring.Keyring, error) {
	if _, err := os.Stat(s.kekFile()); err != nil {
		return nil, fmt.Errorf("put the key file of the original at %s: without it no personal data can be read", s.kekFile())
	}
	return keyring.Open(a.pool, s.kekFile())
}

// keyFileOpens tries the key file on one of the restored keys.
func (a *app) keyFileOpens(ctx context.Context, s *settings) error {
	var tenant string
	var subject uuid.UUID
	var no int
	err := a.pool.QueryRow(ctx, sqlSomeKey).Scan(&tenant, &subject, &no)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	keys, err := a.existingKeys(s)
	if err != nil {
		return err
	}
	_, err = keys.Numbered(ctx, tenant, subject, no)
	return err
}
