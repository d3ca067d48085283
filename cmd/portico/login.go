package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"portico/domain"
	"portico/domain/login"
)

func loginCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Logins of people: unlock, disable, enable, reset",
		Long: `A login is a human who signs in, by e-mail address or user name. An operator can end a
lock early, shut a login and open it again, and help whoever has lost password and second
factor. Make sure first who it is that asks.`,
	}
	cmd.AddCommand(
		loginAction(s, "unlock", "End a lock after too many wrong passwords", func(ctx context.Context, a *app, who found) error {
			return a.signin.Unlock(ctx, operator("system"), who.id, who.reason)
		}),
		loginAction(s, "disable", "Shut a login: its sessions end at once", func(ctx context.Context, a *app, who found) error {
			return a.signin.Disable(ctx, operator("system"), who.id, login.Disable{Cause: "staff", Because: who.because()})
		}),
		loginAction(s, "enable", "Open it again", func(ctx context.Context, a *app, who found) error {
			return a.signin.Enable(ctx, operator("system"), who.id, login.Enable{Because: who.because()})
		}),
		resetLoginCommand(s),
	)
	return cmd
}

// found is the login that a command is about, and why it is given.
type found struct {
	id     uuid.UUID
	reason string
}

func (f found) because() domain.Because {
	return domain.Because{Reason: domain.Reason{Code: f.reason}}
}

// named is the login that somebody signs in with as name.
func (a *app) named(ctx context.Context, realm, name string) (uuid.UUID, error) {
	by := operator("system")
	id, who, err := a.commands.LoginNamed(ctx, by.Tenant, realm, name)
	if err == nil && !who.Known() {
		err = fmt.Errorf("nobody of the realm %s signs in as %q", realm, name)
	}
	return id, err
}

func loginAction(s *settings, use, short string, do func(context.Context, *app, found) error) *cobra.Command {
	var realm, reason string
	cmd := &cobra.Command{
		Use:     use + " NAME",
		Short:   short,
		Example: "  portico login " + use + " ann@example.com --realm staff --reason asked_by_phone",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				id, err := a.named(cmd.Context(), realm, args[0])
				if err != nil {
					return err
				}
				return do(cmd.Context(), a, found{id, reason})
			})
		},
	}
	loginFlags(cmd, &realm, &reason)
	return cmd
}

func loginFlags(cmd *cobra.Command, realm, reason *string) {
	cmd.Flags().StringVar(realm, "realm", login.Contact, "whose login it is: contact or staff")
	cmd.Flags().StringVar(reason, "reason", "by_operator", "why, as a short code; it is recorded")
}

func resetLoginCommand(s *settings) *cobra.Command {
	var realm, reason string
	cmd := &cobra.Command{
		Use:   "reset NAME",
		Short: "Take all second factors away, and show a link to choose another password",
		Long: `Takes all second factors and recovery codes away, signs the login out everywhere, and
shows a link with which another password can be chosen, once, within half an hour. Whoever has
the link has the login: hand it over in person.`,
		Example: "  portico login reset ann@example.com --realm staff --reason lost_phone",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				id, err := a.named(cmd.Context(), realm, args[0])
				if err != nil {
					return err
				}
				by := operator("system")
				by.CommandID = uuid.Must(uuid.NewV7())
				link, err := a.signin.ResetByOperator(cmd.Context(), by, id, reason)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "%s\n", link)
				}
				return err
			})
		},
	}
	loginFlags(cmd, &realm, &reason)
	return cmd
}
