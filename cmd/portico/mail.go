package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"portico/internal/mail"
)

func mailCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mail",
		Short: "What was said to whom by mail: list, show, bounces, blocked addresses",
		Long: `Every mail can be read here for 90 days, whether a server took it (sent) or there is no
server (kept). A mail that came back is bounced; to an address that does not exist nothing
more is sent (suppressed) until it is unblocked. docs/mail.md says more.`,
		Example: `  portico mail list --state bounced
  portico mail show 0198c9e4-…
  portico mail show 0198c9e4-… --html > letter.html
  portico mail bounce < report.eml
  portico mail unblock ann@example.com`,
	}
	cmd.AddCommand(listMailsCommand(s), showMailCommand(s), bounceCommand(s), blockedCommand(s), unblockCommand(s))
	return cmd
}

func listMailsCommand(s *settings) *cobra.Command {
	var f mail.Filter
	var customer string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List mails, the latest first",
		Example: `  portico mail list
  portico mail list --to ann@example.com --kind invoice_published
  portico mail list --state suppressed --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if customer != "" {
				if f.Customer, err = uuid.Parse(customer); err != nil {
					return fmt.Errorf("--customer %s: give the customer's id", customer)
				}
			}
			return within(cmd.Context(), s, func(a *app) error {
				all, next, err := a.mails.List(cmd.Context(), a.tenant, f)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
						Items []mail.Mail `json:"items"`
						Next  string      `json:"next,omitempty"`
					}{append([]mail.Mail{}, all...), next})
				}
				return printMails(cmd.OutOrStdout(), all, next)
			})
		},
	}
	cmd.Flags().StringVar(&f.State, "state", "", "only queued, sent, kept, bounced, suppressed or failed ones")
	cmd.Flags().StringVar(&f.Kind, "kind", "", "only those of a topic, such as invoice_published")
	cmd.Flags().StringVar(&f.Address, "to", "", "only those to an address")
	cmd.Flags().StringVar(&customer, "customer", "", "only those about the customer of this id")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "how many")
	cmd.Flags().StringVar(&f.Cursor, "cursor", "", "where the last list ended")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func printMails(w io.Writer, all []mail.Mail, next string) error {
	if len(all) == 0 {
		fmt.Fprintln(w, "no such mails")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\tmade\tstate\tkind\tto\tsubject\tresponse")
	for _, m := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.60s\t%.60s\n", m.ID, m.MadeAt.UTC().Format(time.DateTime), m.State, m.Kind, m.Recipient, m.Subject, m.Response)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if next != "" {
		fmt.Fprintf(w, "\nmore: --cursor %s\n", next)
	}
	return nil
}

func showMailCommand(s *settings) *cobra.Command {
	var asJSON, asHTML bool
	cmd := &cobra.Command{
		Use:   "show MAIL-ID",
		Short: "Show a mail as it was written, and what became of it",
		Example: `  portico mail show 0198c9e4-…
  portico mail show 0198c9e4-… --html > letter.html`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := uuid.Parse(args[0])
			if err != nil {
				return fmt.Errorf("%s is not a mail's id: see portico mail list", args[0])
			}
			return within(cmd.Context(), s, func(a *app) error {
				m, err := a.mails.Show(cmd.Context(), a.tenant, id)
				switch {
				case err != nil:
					return err
				case asJSON:
					return json.NewEncoder(cmd.OutOrStdout()).Encode(m)
				case asHTML:
					_, err = io.WriteString(cmd.OutOrStdout(), m.HTML)
					return err
				}
				return printMail(cmd.OutOrStdout(), m)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().BoolVar(&asHTML, "html", false, "print the HTML part and nothing else")
	cmd.MarkFlagsMutuallyExclusive("json", "html")
	return cmd
}

func printMail(w io.Writer, m mail.Shown) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name string, values ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprint(values...)) }
	line("mail", m.ID)
	line("message id", m.MessageID)
	line("state", m.State, ", after ", m.Attempts, " attempts, ", m.ChangedAt.UTC().Format(time.DateTime))
	if m.Response != "" {
		line("response", m.Response)
	}
	line("made", m.MadeAt.UTC().Format(time.DateTime))
	line("from", m.SenderName, " <", m.Sender, ">")
	line("to", m.RecipientName, " <", m.Recipient, ">")
	if m.ReplyTo != "" {
		line("answers to", m.ReplyTo)
	}
	line("subject", m.Subject)
	line("language", m.Language)
	for _, a := range m.Attachments {
		line("attached", a.Name, ", ", a.Size, " bytes, sha256 ", a.SHA256)
	}
	for _, b := range m.Bounces {
		line("bounce", b.Kind, ", by ", b.Source, ", ", b.At.UTC().Format(time.DateTime), ": ", b.Text)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s", m.Text)
	return err
}
