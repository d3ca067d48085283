package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"portico/domain/tenant"
)

func tenantCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tenant",
		Short: "The businesses that this installation serves, and the host names of their portals",
		Long: `One installation can serve several businesses, each at host names of its own
(docs/isolation.md). Where there is one only, it is at every name.`,
	}
	host := &cobra.Command{Use: "host", Short: "Host names that a tenant's portal is at"}
	host.AddCommand(hostCommand(s, "add HOST...", "Put the tenant's portal at host names", (*app).addHosts),
		hostCommand(s, "remove HOST...", "Take the tenant's portal away from host names", (*app).removeHosts))
	cmd.AddCommand(addTenantCommand(s), listTenantsCommand(s), host)
	return cmd
}

func addTenantCommand(s *settings) *cobra.Command {
	var name, locale string
	var hosts []string
	cmd := &cobra.Command{
		Use:   "add CODE",
		Short: "Register another business",
		Long: `CODE is small letters and digits; it stands in keys and records, and cannot be changed.
The zone and currency are those of --time-zone and --currency. A running server takes the
tenant up within seconds.`,
		Example: `  portico tenant add calder --name "Calder Giftware" --host portal.calder.example --time-zone Europe/London`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.adding = true
			return with(cmd.Context(), s, func(a *app) error {
				known, err := a.tenantKnown(cmd, args[0])
				if err != nil {
					return err
				}
				if known {
					return fmt.Errorf("there is a tenant %s already", args[0])
				}
				set := tenant.Settings{Name: name, TimeZone: s.timeZone, Currency: s.currency, Locale: locale}
				if err := a.registerTenant(cmd.Context(), args[0], set); err != nil {
					return err
				}
				a.tenant = args[0]
				return a.addHosts(cmd, hosts)
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "of the business")
	cmd.Flags().StringVar(&locale, "locale", "", "of the business, such as en-GB")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "name that its portal is at; links begin with the first")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

// tenantKnown looks in history: the directory may be behind.
func (a *app) tenantKnown(cmd *cobra.Command, code string) (bool, error) {
	if err := a.tenants.Claim(cmd.Context(), code); err != nil {
		return false, err
	}
	return a.commands.TenantKnown(cmd.Context(), code)
}

func listTenantsCommand(s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tenants and where their portals are",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				all, err := a.tenants.List(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(all)
				}
				t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "CODE\tNAME\tHOSTS")
				for _, one := range all {
					fmt.Fprintf(t, "%s\t%s\t%s\n", one.Code, one.Name, strings.Join(one.Hosts, " "))
				}
				return t.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func hostCommand(s *settings, use, short string, do func(*app, *cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{
		Use:     use,
		Short:   short,
		Example: "  portico tenant host " + strings.Fields(use)[0] + " portal.calder.example --tenant calder",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, hosts []string) error {
			return within(cmd.Context(), s, func(a *app) error { return do(a, cmd, hosts) })
		},
	}
}

func (a *app) addHosts(cmd *cobra.Command, hosts []string) error {
	for _, h := range hosts {
		if _, err := a.tenants.AddHost(cmd.Context(), a.operator("staff"), h); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) removeHosts(cmd *cobra.Command, hosts []string) error {
	for _, h := range hosts {
		if _, err := a.tenants.RemoveHost(cmd.Context(), a.operator("staff"), h); err != nil {
			return err
		}
	}
	return nil
}
