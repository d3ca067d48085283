package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"portico/domain/invitation"
	"portico/internal/people"
)

func inviteCommand(s *settings) *cobra.Command {
	var dryRun, asJSON bool
	var confirm string
	cmd := &cobra.Command{
		Use:   "invite FILE",
		Short: "Invite a list of contacts from a CSV file",
		Long: `Invites a list of people: a header, then a row each with the customer's number, the name,
the e-mail address and, if you like, a preset of what they may do and their language. A row
that is refused is listed with its line and stops no other; the status is 1 then. The same
file again invites nobody twice. Links are mailed while a server runs.`,
		Example: `  portico invite --dry-run people.csv
  portico invite --confirm Confirm people.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			return with(cmd.Context(), s, func(a *app) error {
				bar := newBar(cmd.ErrOrStderr(), "inviting")
				report, err := a.people.InviteAll(cmd.Context(), operator("staff"), people.Bulk{
					File: file, Confirm: confirm, DryRun: dryRun, Progress: func(rows int64) { bar.set(rows, 0) }})
				bar.finish()
				if asJSON {
					err = errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(report))
				} else {
					for _, why := range report.Why {
						fmt.Fprintf(cmd.OutOrStdout(), "line %d: %s: %s\n", why.Line, why.Code, why.Message)
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%d rows: %d invited, %d invited or joined before, %d refused\n", report.Rows, report.Invited, report.Already, report.Refused)
				}
				if err == nil && report.Refused > 0 {
					err = fmt.Errorf("%d rows were refused", report.Refused)
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check every row, and invite nobody")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.Flags().StringVar(&confirm, "confirm", "", "the word "+invitation.Word+": without it nothing is sent")
	return cmd
}
