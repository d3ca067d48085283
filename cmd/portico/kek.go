package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func rotateKEKCommand(s *settings) *cobra.Command {
	var prepare bool
	cmd := &cobra.Command{
		Use:   "rotate-kek",
		Short: "Make a new key-encryption key, and wrap all live keys under it",
		Long: `Makes a new epoch of the key file and wraps the data keys of all people and companies
under it, while servers go on working. Interrupted, it goes on where it was. Backups of
the database made before need the older epoch: when none is kept any more, destroy it.

Servers on other machines need the new key file before anything is wrapped under it:
--prepare only adds the epoch; copy the file everywhere, then run it again without.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				if prepare {
					no, err := a.keyring.Prepare()
					err = a.noteKEK(cmd.Context(), "key.made", err, map[string]string{"epoch": strconv.Itoa(no)})
					if err == nil {
						fmt.Fprintf(cmd.OutOrStdout(), "epoch %d is in %s; copy it to every machine, then run portico keys rotate-kek\n", no, s.kekFile())
					}
					return err
				}
				to, n, err := a.keyring.Rotate(cmd.Context(), func(done, total int64) {
					fmt.Fprintf(cmd.ErrOrStderr(), "\r%d of %d keys", done, total)
				})
				detail := map[string]string{"epoch": strconv.Itoa(to), "keys": strconv.FormatInt(n, 10)}
				if err := a.noteKEK(cmd.Context(), "key.rotated", err, detail); err != nil {
					return err
				}
				if n > 0 {
					fmt.Fprintln(cmd.ErrOrStderr())
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d keys are wrapped anew, under epoch %d. Back the key file up, apart from the database\n", n, to)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&prepare, "prepare", false, "only add the new epoch to the key file")
	return cmd
}

func destroyKEKCommand(s *settings) *cobra.Command {
	var retention string
	cmd := &cobra.Command{
		Use:   "destroy-kek EPOCH",
		Short: "Take an old key-encryption key out of the key file",
		Long: `From then on no copy of the database that was made while the epoch was in use can be
read: what was erased since is erased everywhere. Destroy the copies of the key file that
still have it, too.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			no, err := strconv.Atoi(args[0])
			if err != nil {
				return fmt.Errorf("%q is not the number of an epoch", args[0])
			}
			kept, err := days(retention)
			if err != nil {
				return err
			}
			return with(cmd.Context(), s, func(a *app) error {
				err := a.keyring.DestroyKEK(cmd.Context(), no, kept)
				if err := a.noteKEK(cmd.Context(), "key.destroyed", err, map[string]string{"epoch": strconv.Itoa(no)}); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "epoch %d is destroyed\n", no)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&retention, "retention", "35d", "how long backups are kept, in days (35d) or hours (36h)")
	return cmd
}

// days reads a duration that may be in days.
func days(text string) (time.Duration, error) {
	if number, isDays := strings.CutSuffix(text, "d"); isDays {
		n, err := strconv.ParseUint(number, 10, 16)
		if err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a time such as 35d or 36h", text)
	}
	return d, nil
}
