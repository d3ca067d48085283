// Command portico is the whole of Portico in one binary: the server, and the commands by
// which its operators migrate, import, look into history, rebuild and measure.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	_ "time/tzdata" // tenants' zones, also where the system has none

	"github.com/spf13/cobra"
)

// version is set by the build (see Makefile).
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "portico:", explain(err))
		stop()
		os.Exit(exitStatus(err))
	}
}

// status is an error with an exit status of its own.
type status struct {
	code int
	error
}

func (s status) Unwrap() error { return s.error }

func exitStatus(err error) int {
	var s status
	if errors.As(err, &s) {
		return s.code
	}
	return 1
}

func explain(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted; run the same command again to go on"
	}
	return err.Error()
}

func root() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "portico",
		Short: "A customer portal with an event-sourced core",
		Long: `Portico is a customer portal for companies that do work for other people.
Staff commands become immutable events; events become each customer's read models;
auditors replay the events.

Every command works whether or not a server is running on the same data directory:
with no database URL given, Portico starts a private PostgreSQL under the data
directory, or joins the one that another portico process has started.`,
		Example: `  portico serve --sample                 # serve, with a sample business
  portico import retail ledger.csv.gz    # a sales ledger becomes events
  portico history --customer 17850       # who did what, when, from where and why
  portico keys create --role staff --name "Back office"`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	s.flags(cmd.PersistentFlags())
	cmd.PersistentPreRun = func(c *cobra.Command, _ []string) {
		s.command = strings.TrimPrefix(c.CommandPath(), "portico ")
		s.secretly()
	}
	cmd.AddCommand(
		serveCommand(&s), migrateCommand(&s), importCommand(&s), historyCommand(&s),
		projectionsCommand(&s), policiesCommand(&s), keysCommand(&s), benchCommand(&s), versionCommand(),
	)
	cmd.AddCommand(logCommand(&s))
	cmd.AddCommand(journalCommand(&s))
	cmd.AddCommand(mailCommand(&s))
	cmd.AddCommand(jobsCommand(&s))
	cmd.AddCommand(integrationCommand(&s))
	cmd.AddCommand(loginCommand(&s))
	cmd.AddCommand(setupCommand(&s))
	cmd.AddCommand(staffCommand(&s))
	cmd.AddCommand(inviteCommand(&s))
	cmd.AddCommand(tenantCommand(&s))
	cmd.AddCommand(subjectCommand(&s))
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and what it was built with",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			info, _ := debug.ReadBuildInfo()
			fmt.Fprintf(cmd.OutOrStdout(), "portico %s (%s)\n", version, info.GoVersion)
		},
	}
}
