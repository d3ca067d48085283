package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"portico/internal/pg"
	"portico/internal/pgserver"
	"portico/migrations"
)

func migrateCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Long: `Applies the migrations that are pending, each in a transaction of its own. Every
command does this when it starts; run it apart to migrate with another, more powerful
login than the server's.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url := s.databaseURL
			if url == "" {
				server, err := pgserver.Start(cmd.Context(), pgserver.Options{Dir: filepath.Join(s.dataDir, "postgres"), Log: os.Stderr})
				if err != nil {
					return err
				}
				defer server.Stop()
				url = server.URL(pgserver.Database)
			}
			done, err := migrations.Up(cmd.Context(), pg.As(pg.OwnerRole, url))
			for _, m := range done {
				fmt.Fprintf(cmd.OutOrStdout(), "applied %s in %v\n", m.File, m.Took.Round(1e6))
			}
			if err == nil && len(done) > 0 {
				err = noteMigrations(cmd.Context(), s, url, done)
			}
			if err == nil && len(done) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to do: the schema is up to date")
			}
			return err
		},
	}
}
