package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func policiesCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policies",
		Short: "What policies, publishing and jobs could not carry over: list, retry",
		Long: `A policy carries what happened to one thing over to the next: an issued invoice is
posted to its customer's account, and so on; publishing carries it to a broker, and jobs
follow from it (portico jobs unplanned). What is refused for good, and what fails again
and again, is set aside and listed here; everything else goes on.`,
	}
	cmd.AddCommand(listRefusalsCommand(s), retryRefusalsCommand(s))
	return cmd
}

func listRefusalsCommand(s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Events that could not be carried over, and why",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				open, err := a.policies.Subscriber.Refusals(cmd.Context(), "")
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(open)
				}
				if len(open) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "nothing is set aside")
					return nil
				}
				t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "consumer\tevent\tstream\tposition\tsince\tcode\tmessage")
				for _, r := range open {
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%.100q\n", r.Consumer, r.EventID, r.Stream, r.Pos, r.At.UTC().Format(time.DateTime), r.Code, r.Message)
				}
				return t.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func retryRefusalsCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "retry [EVENT-ID...]",
		Short: "Try again what could not be carried over, after mending its cause",
		Long:  "Tries the named events again, or all. Exits 1 if one still cannot be carried over.",
		RunE: func(cmd *cobra.Command, ids []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				open, err := a.policies.Subscriber.Refusals(cmd.Context(), "")
				if err != nil {
					return err
				}
				named := map[string]bool{}
				for _, id := range ids {
					named[id] = true
				}
				failed := 0
				for _, r := range open {
					if len(ids) > 0 && !named[r.EventID.String()] {
						continue
					}
					delete(named, r.EventID.String())
					if err := a.retry(cmd.Context(), r); err != nil {
						failed++
						fmt.Fprintf(cmd.OutOrStdout(), "%s of %s: still not: %v\n", r.EventID, r.Stream, err)
						continue
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s of %s: done\n", r.EventID, r.Stream)
				}
				for id := range named {
					return fmt.Errorf("%s is not set aside: see portico policies list", id)
				}
				if failed > 0 {
					return fmt.Errorf("%d of them cannot be carried over", failed)
				}
				return nil
			})
		},
	}
}
