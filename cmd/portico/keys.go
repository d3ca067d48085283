package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"portico/domain"
	"portico/domain/apikey"
	"portico/internal/auth"
)

func keysCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "API keys: create, list, revoke",
		Long: `An API key says who calls: a staff member, an auditor, another system (integration),
or a contact of a customer. Give each person and each system a key of its own, so that
history can tell them apart. A key is shown once; Portico keeps only its hash.

The key-encryption key is another thing: it is in the key file, and opens personal data.`,
	}
	cmd.AddCommand(createKeyCommand(s), listKeysCommand(s), revokeKeyCommand(s))
	cmd.AddCommand(rotateKEKCommand(s), destroyKEKCommand(s))
	return cmd
}

func createKeyCommand(s *settings) *cobra.Command {
	var role, name, contact string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a key and show it, this once",
		Example: `  portico keys create --role staff --name "Back office"
  portico keys create --role auditor --name "Kay, accountants"
  portico keys create --contact 0198c9e4-… --name "Ann at Acme"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := newKey(role, name, contact)
			if err != nil {
				return err
			}
			return within(cmd.Context(), s, func(a *app) error {
				made, err := a.keys.Create(cmd.Context(), a.operator("staff"), k)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(made)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s\n\nkey %s for %s. It is not shown again.\nUse it as: Authorization: Bearer KEY\n", made.Token, made.ID, name)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "staff, auditor or integration")
	cmd.Flags().StringVar(&contact, "contact", "", "id of the contact that the key is for, instead of a role")
	cmd.Flags().StringVar(&name, "name", "", "whose key it is, or what for (required)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	_ = cmd.MarkFlagRequired("name")
	cmd.MarkFlagsMutuallyExclusive("role", "contact")
	cmd.MarkFlagsOneRequired("role", "contact")
	return cmd
}

func newKey(role, name, contact string) (auth.NewKey, error) {
	if contact == "" {
		return auth.NewKey{Name: name, Role: role}, nil
	}
	id, err := uuid.Parse(contact)
	if err != nil {
		return auth.NewKey{}, fmt.Errorf("--contact %s: give the contact's id, as AddContact answered it", contact)
	}
	return auth.NewKey{Name: name, Role: "contact", ContactID: &id}, nil
}

func listKeysCommand(s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List keys, revoked ones too",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return within(cmd.Context(), s, func(a *app) error {
				keys, err := a.keys.List(cmd.Context(), a.tenant)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(keys)
				}
				return printKeys(cmd.OutOrStdout(), keys)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func printKeys(w io.Writer, keys []auth.Key) error {
	when := func(t *time.Time, never string) string {
		if t == nil {
			return never
		}
		return t.Format(time.DateTime)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\trole\tname\tcreated\tlast used\trevoked")
	for _, k := range keys {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Role, k.Name, k.CreatedAt.Format(time.DateTime), when(k.LastUsedAt, "never"), when(k.RevokedAt, ""))
	}
	return t.Flush()
}

func revokeKeyCommand(s *settings) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a key, from the next request on",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := uuid.Parse(args[0])
			if err != nil {
				return fmt.Errorf("%s is not a key's id: see portico keys list", args[0])
			}
			return within(cmd.Context(), s, func(a *app) error {
				why := apikey.Revoke{Because: domain.Because{Reason: domain.Reason{Code: reason}}}
				_, err := a.keys.Revoke(cmd.Context(), a.operator("staff"), id, why)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "revoked_by_operator", "why, as a short code; it is recorded")
	return cmd
}
