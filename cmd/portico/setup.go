package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"portico/domain/access"
	"portico/internal/people"
)

func setupCommand(s *settings) *cobra.Command {
	var who people.SetUp
	var withPassword bool
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Make the first owner of the business",
		Long: `Makes the first owner, while there is none; owners invite everybody else. Prints a link to
hand over, by which the owner registers; or, with --password, asks for a password here and
registers at once. Run again before anybody has registered, it makes another link, and the
one before opens nothing any more.`,
		Example: `  portico setup --email ann@example.com --name "Ann Owner"`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				by := operator(access.System)
				if withPassword {
					password, err := askPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
					if err != nil {
						return err
					}
					who.Password = password
					_, err = a.people.SetUpOwner(cmd.Context(), by, who)
					if err == nil {
						fmt.Fprintf(cmd.OutOrStdout(), "%s can sign in now.\n", cmp.Or(who.Email, who.Username))
					}
					return err
				}
				made, err := a.people.InviteOwner(cmd.Context(), by, who)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "%s\n\nHand this link to %s. It opens the way in once, and is not shown again.\n", made.Link, who.Name)
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&who.Email, "email", "", "the owner's e-mail address (required)")
	cmd.Flags().StringVar(&who.Name, "name", "", "the owner's name (required)")
	cmd.Flags().StringVar(&who.Username, "username", "", "a name to sign in with beside the address; with --password only")
	cmd.Flags().BoolVar(&withPassword, "password", false, "ask for the password here, or read it from standard input")
	_ = cmd.MarkFlagRequired("email")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

// askPassword asks twice at a terminal, and reads one line of anything else.
func askPassword(in io.Reader, out io.Writer) (string, error) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		lines := bufio.NewScanner(in)
		if !lines.Scan() {
			return "", errors.Join(errors.New("no password was given"), lines.Err())
		}
		return lines.Text(), nil
	}
	var given [2]string
	for i, ask := range []string{"Password: ", "Once more: "} {
		fmt.Fprint(out, ask)
		text, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(out)
		if err != nil {
			return "", err
		}
		given[i] = string(text)
	}
	if given[0] != given[1] {
		return "", errors.New("the two are not the same")
	}
	return given[0], nil
}
