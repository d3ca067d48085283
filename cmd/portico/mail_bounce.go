package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"portico/domain"
	"portico/internal/mail"
)

func bounceCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "bounce < report.eml",
		Short: "Record what a delivery status notification says",
		Long: `Reads a delivery status notification (RFC 3464) from standard input, as a mail server
pipes it, and records which mail did not arrive, and why. An address that does not exist is
blocked, if the report has our Message-ID: who only knows the address may pretend. Exits 1
if the input is no such report, or is of no mail of ours, and 75, upon which mail servers
try again, if the database cannot be asked.`,
		Example: `  portico mail bounce < report.eml
  bounces: "|sudo -u portico portico mail bounce --data-dir /srv/portico"     # in /etc/aliases`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			bounces, err := mail.ParseReport(cmd.InOrStdin())
			if err != nil {
				return err
			}
			err = within(cmd.Context(), s, func(a *app) error {
				var all error
				for _, b := range bounces {
					got, err := a.mails.Bounced(cmd.Context(), a.tenant, b)
					if domain.CodeOf(err) == "mail.unknown" && b.MessageID != "" {
						b.MessageID = "" // a server that gave the mail another id
						got, err = a.mails.Bounced(cmd.Context(), a.tenant, b)
					}
					if err != nil {
						all = errors.Join(all, fmt.Errorf("%s: %w", b.Address, err))
						continue
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %s bounce of mail %s, blocked: %t\n", got.Address, b.Kind, got.Mail, got.Blocked)
				}
				if len(bounces) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "the report tells of nothing that did not arrive")
				}
				return all
			})
			return orAgain(err)
		},
	}
}

// orAgain has a mail server keep the report and try again, unless that would not help:
// EX_TEMPFAIL of sysexits(3).
func orAgain(err error) error {
	var refused *domain.Error
	if err == nil || errors.As(err, &refused) {
		return err
	}
	return status{75, err}
}

func blockedCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "blocked",
		Short:   "List addresses that nothing more is sent to, and why",
		Example: "  portico mail blocked",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return within(cmd.Context(), s, func(a *app) error {
				all, err := a.mails.Blocks(cmd.Context(), a.tenant)
				if err != nil {
					return err
				}
				if len(all) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "no address is blocked")
					return nil
				}
				t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "address\tsince\twhat the server said")
				for _, b := range all {
					fmt.Fprintf(t, "%s\t%s\t%.100s\n", b.Address, b.At.UTC().Format(time.DateTime), b.Text)
				}
				return t.Flush()
			})
		},
	}
}

func unblockCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "unblock ADDRESS",
		Short:   "Let mails go to an address again",
		Example: "  portico mail unblock ann@example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return within(cmd.Context(), s, func(a *app) error {
				return a.mails.Unblock(cmd.Context(), a.tenant, args[0], a.operator("staff").Actor.ID)
			})
		},
	}
}
