package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/invitation"
	"portico/domain/staff"
	"portico/internal/envelope"
	"portico/projections"
)

func staffCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "staff",
		Short: "Members of staff: list, invite, change roles, approve, remove",
		Long: `Members of staff have roles: ` + roleNames() + `.
portal_administrator, auditor and owner are proposed by one person and approved by another,
unless there is no second owner who could.`,
	}
	cmd.AddCommand(listStaffCommand(s), inviteStaffCommand(s), staffRolesCommand(s), approveStaffCommand(s), removeStaffCommand(s))
	return cmd
}

func roleNames() string {
	var names []string
	for _, r := range access.StaffRoles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

func listStaffCommand(s *settings) *cobra.Command {
	var asJSON, removed bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List members of staff, and what waits for approval",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return within(cmd.Context(), s, func(a *app) error {
				all, err := a.allStaff(cmd.Context(), removed)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(all)
				}
				return printStaff(cmd.OutOrStdout(), all)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().BoolVar(&removed, "removed", false, "removed ones too")
	return cmd
}

func (a *app) allStaff(ctx context.Context, removed bool) ([]projections.StaffMember, error) {
	stop := a.run(allRoles)
	defer stop()
	if err := a.settle(ctx); err != nil {
		return nil, err
	}
	all, f := []projections.StaffMember{}, projections.StaffFilter{Removed: removed, Paging: projections.Paging{Limit: 200}}
	for {
		page, err := a.queries.ListStaff(ctx, projections.Viewer{Tenant: a.tenant, Kind: envelope.System}, f)
		all = append(all, page.Items...)
		if f.Cursor = page.Next; err != nil || f.Cursor == "" {
			return all, err
		}
	}
}

func printStaff(w io.Writer, all []projections.StaffMember) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\tname\te-mail\troles\tproposed\tstatus")
	for _, m := range all {
		status := "joined"
		switch {
		case !m.Active:
			status = "removed"
		case m.LoginID == nil:
			status = "invited"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, m.Name, m.Email, joined(m.Roles), joined(m.Proposed), status)
	}
	return t.Flush()
}

func joined(roles []access.Role) string { return strings.Trim(fmt.Sprint(roles), "[]") }

func inviteStaffCommand(s *settings) *cobra.Command {
	var c commands.InviteStaff
	var roles []string
	cmd := &cobra.Command{
		Use:     "invite",
		Short:   "Invite somebody to work here",
		Example: `  portico staff invite --email bob@example.com --name "Bob Desk" --role service_desk`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Confirm, c.Roles = invitation.Word, toRoles(roles)
			return within(cmd.Context(), s, func(a *app) error {
				by := a.operator("staff")
				r, err := a.commands.InviteStaff(cmd.Context(), by, c)
				made, err := a.people.Invite(cmd.Context(), by, r, err)
				if err != nil {
					return err
				}
				switch {
				case made.Link != "":
					fmt.Fprintf(cmd.OutOrStdout(), "%s\n\nHand this link over. It is not shown again.\n", made.Link)
				case made.Events == 0:
					fmt.Fprintf(cmd.OutOrStdout(), "%s is invited already: member %s\n", c.Email, made.MemberID)
				default:
					fmt.Fprintf(cmd.OutOrStdout(), "A link goes to %s while a server runs: member %s\n", c.Email, made.MemberID)
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Email, "email", "", "where the link goes, and what the person signs in with")
	f.StringVar(&c.Name, "name", "", "the person's name (required)")
	f.StringVar(&c.Language, "language", "", "what mails to the person are written in, such as de")
	f.StringSliceVar(&roles, "role", nil, "a role, or several (required): "+roleNames())
	f.BoolVar(&c.HandOver, "hand-over", false, "mail nothing, and print the link")
	_ = cmd.MarkFlagRequired("name")
	_ = cmd.MarkFlagRequired("role")
	return cmd
}

func toRoles(names []string) (roles []access.Role) {
	for _, n := range names {
		roles = append(roles, access.Role(n))
	}
	return roles
}

// onMember is a command about the member of staff whose id is its argument.
func onMember(s *settings, use, short string, do func(a *app, cmd *cobra.Command, by commands.Caller, id uuid.UUID) (commands.Receipt, error)) *cobra.Command {
	return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := uuid.Parse(args[0])
		if err != nil {
			return fmt.Errorf("%s is not a member's id: see portico staff list", args[0])
		}
		return within(cmd.Context(), s, func(a *app) error {
			r, err := do(a, cmd, a.operator("staff"), id)
			if err == nil && r.Events == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "It was so already.")
			}
			return err
		})
	}}
}

func staffRolesCommand(s *settings) *cobra.Command {
	var roles []string
	var reason string
	cmd := onMember(s, "roles", "Set all of a member's roles, or propose them", func(a *app, cmd *cobra.Command, by commands.Caller, id uuid.UUID) (commands.Receipt, error) {
		return a.commands.ChangeStaffRoles(cmd.Context(), by, id, staff.ChangeRoles{Roles: toRoles(roles), Because: because(reason)})
	})
	cmd.Flags().StringSliceVar(&roles, "role", nil, "a role, or several (required): "+roleNames())
	cmd.Flags().StringVar(&reason, "reason", "changed_by_operator", "why, as a short code; it is recorded")
	_ = cmd.MarkFlagRequired("role")
	return cmd
}

func approveStaffCommand(s *settings) *cobra.Command {
	var roles []string
	cmd := onMember(s, "approve", "Approve roles that somebody else has proposed", func(a *app, cmd *cobra.Command, by commands.Caller, id uuid.UUID) (commands.Receipt, error) {
		return a.commands.ApproveStaffRoles(cmd.Context(), by, id, staff.ApproveRoles{Roles: toRoles(roles)})
	})
	cmd.Flags().StringSliceVar(&roles, "role", nil, "the roles as they are proposed (required)")
	_ = cmd.MarkFlagRequired("role")
	return cmd
}

func removeStaffCommand(s *settings) *cobra.Command {
	var reason string
	cmd := onMember(s, "remove", "End a membership, from the next request on", func(a *app, cmd *cobra.Command, by commands.Caller, id uuid.UUID) (commands.Receipt, error) {
		return a.commands.RemoveStaff(cmd.Context(), by, id, staff.Remove{Because: because(reason)})
	})
	cmd.Flags().StringVar(&reason, "reason", "removed_by_operator", "why, as a short code; it is recorded")
	return cmd
}

func because(reason string) domain.Because {
	return domain.Because{Reason: domain.Reason{Code: reason}}
}
