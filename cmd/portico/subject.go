package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"portico/domain"
	"portico/domain/subject"
)

func subjectCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "subject",
		Short: "A person's data: erase, export, keep",
		Long: `A subject is whose personal data Portico has: a contact, a member of staff, a login, or
a customer who is a person. Each is named by its id.`,
	}
	cmd.AddCommand(eraseSubjectCommand(s), exportSubjectCommand(s), holdSubjectCommand(s), releaseSubjectCommand(s))
	return cmd
}

// whyFlags are those by which an operator says why.
type whyFlags struct{ code, text string }

func (w *whyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.code, "reason", "", "why, as a short code such as request; it is recorded (required)")
	cmd.Flags().StringVar(&w.text, "because", "", "why, in words; it is kept as long as the person's data")
	_ = cmd.MarkFlagRequired("reason")
}

func (w *whyFlags) because() domain.Because {
	return domain.Because{Reason: domain.Reason{Code: w.code, Text: w.text}}
}

// subjectIn is a command about the person whose id is given.
func subjectIn(s *settings, use, short string, do func(cmd *cobra.Command, a *app, id uuid.UUID) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var id uuid.UUID
			if err := identity(args[0], &id); err != nil {
				return err
			}
			return within(cmd.Context(), s, func(a *app) error {
				if err := a.engine.Ensure(cmd.Context()); err != nil {
					return err
				}
				defer a.run(allRoles)()
				return do(cmd, a, id)
			})
		},
	}
}

func eraseSubjectCommand(s *settings) *cobra.Command {
	var why whyFlags
	var confirm string
	cmd := subjectIn(s, "erase", "Destroy a person's data for good", func(cmd *cobra.Command, a *app, id uuid.UUID) error {
		ask := subject.RequestErasure{Confirm: confirm, Because: why.because()}
		if _, err := a.privacy.Erase(cmd.Context(), a.operator("staff"), id, ask); err != nil {
			return err
		}
		if err := a.settle(cmd.Context()); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "erased %s. Backups still have it until the key-encryption key they need is destroyed: see portico keys destroy-kek\n", id)
		return nil
	})
	cmd.Example = `  portico subject erase 0198c9e4-… --reason request --confirm Erase`
	why.add(cmd)
	cmd.Flags().StringVar(&confirm, "confirm", "", "the word "+subject.Confirmation+": it does not come back")
	return cmd
}

func exportSubjectCommand(s *settings) *cobra.Command {
	var why whyFlags
	var file string
	cmd := subjectIn(s, "export", "Write all that is known of a person, as JSON", func(cmd *cobra.Command, a *app, id uuid.UUID) error {
		made, err := a.privacy.Export(cmd.Context(), a.operator("staff"), id, subject.Export{Because: why.because()})
		if err != nil {
			return err
		}
		return writeCopy(file, cmd.OutOrStdout(), made.Data)
	})
	why.add(cmd)
	cmd.Flags().StringVar(&file, "out", "", "file to write, readable by you only (default standard output)")
	return cmd
}

func writeCopy(file string, out io.Writer, what any) (err error) {
	if file != "" {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if err := writeCopy("", f, what); err != nil {
			return err
		}
		return f.Close()
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(what)
}

func holdSubjectCommand(s *settings) *cobra.Command {
	var why whyFlags
	var matter string
	cmd := subjectIn(s, "hold", "Keep a person's data while a matter lasts", func(cmd *cobra.Command, a *app, id uuid.UUID) error {
		_, err := a.commands.PlaceLegalHold(cmd.Context(), a.operator("staff"), id, subject.PlaceLegalHold{Matter: matter, Because: why.because()})
		return err
	})
	why.add(cmd)
	cmd.Flags().StringVar(&matter, "matter", "", "your reference of the matter (required)")
	_ = cmd.MarkFlagRequired("matter")
	return cmd
}

func releaseSubjectCommand(s *settings) *cobra.Command {
	var why whyFlags
	var matter string
	cmd := subjectIn(s, "release", "End a hold", func(cmd *cobra.Command, a *app, id uuid.UUID) error {
		_, err := a.commands.ReleaseLegalHold(cmd.Context(), a.operator("staff"), id, subject.ReleaseLegalHold{Matter: matter, Because: why.because()})
		return err
	})
	why.add(cmd)
	cmd.Flags().StringVar(&matter, "matter", "", "your reference of the matter (required)")
	_ = cmd.MarkFlagRequired("matter")
	return cmd
}
