package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"portico/internal/eventstore"
	"portico/internal/integration"
	"portico/internal/jobs"
	"portico/internal/reactions"
)

// target is the broker that --publish names; without a publisher if it names none.
func (s *settings) target() (to integration.Target, err error) {
	if s.publish == "" {
		return to, nil
	}
	if to, err = integration.Open(s.publish); err != nil {
		return to, fmt.Errorf("--publish: %w", err)
	}
	if s.publishFrom != "now" && s.publishFrom != "start" {
		return to, fmt.Errorf("--publish-from is now or start, not %q", s.publishFrom)
	}
	return to, nil
}

// publisher is the feed to that broker; nil if there is none.
func (a *app) publisher(s *settings, me string) (*integration.Feed, error) {
	to, err := s.target()
	if err != nil || to.Publisher == nil {
		return nil, err
	}
	feed := integration.NewFeed(&reactions.Subscriber{Store: a.store, DB: a.pool, Node: me, Lanes: 16, Log: a.log}, a.codec, to, a.log)
	feed.FromStart = s.publishFrom == "start"
	return feed, nil
}

// publishing runs the feed, if there is one, until the returned function is called. What is
// asked of this server from now on is published.
func (a *app) publishing() (stop func()) {
	if a.feed == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := a.feed.Begin(ctx); err != nil {
		a.log.Warn("publishing begins later", "error", err.Error())
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.feed.Run(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("publishing has stopped", "error", err.Error())
		}
	})
	return func() { cancel(); running.Wait() }
}

func integrationCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "integration",
		Short: "What other systems are told through a broker: status, replay",
		Long: `With --publish, a server tells other systems what happens as CloudEvents, by NATS
JetStream or Kafka (docs/integration-events.md). What a broker can never take is set
aside: see portico policies list.`,
	}
	cmd.AddCommand(integrationStatusCommand(s), integrationReplayCommand(s))
	return cmd
}

func integrationStatusCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "How far events are published",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), s, func(a *app) error {
				low, _, err := a.policies.Subscriber.Progress(cmd.Context(), integration.Consumer)
				if err != nil {
					return err
				}
				head, err := a.store.Head(cmd.Context())
				if err != nil {
					return err
				}
				aside, err := a.policies.Subscriber.Refusals(cmd.Context(), integration.Consumer)
				if err != nil {
					return err
				}
				t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintf(t, "published up to\t%v\nlog ends at\t%v\nset aside\t%d\n", low, head, len(aside))
				return t.Flush()
			})
		},
	}
}

func integrationReplayCommand(s *settings) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "replay --from POSITION",
		Short: "Publish everything after a position again",
		Long: `Moves the checkpoint back: the server that publishes does so again from there, within
seconds. Events keep their ids, by which consumers know what they have had. 0.0 is the
beginning of the log.`,
		Example: `  portico integration replay --from 0.0`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pos, err := eventstore.ParsePosition(from)
			if err != nil {
				return fmt.Errorf("--from: give a position such as 1234.0")
			}
			return with(cmd.Context(), s, func(a *app) error {
				err := a.policies.Subscriber.Rewind(cmd.Context(), integration.Consumer, pos)
				if errors.Is(err, reactions.ErrNotBefore) {
					return fmt.Errorf("nothing after %v was published yet: see portico integration status", pos)
				}
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "what follows %v is published again\n", pos)
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the position after which to begin")
	_ = cmd.MarkFlagRequired("from")
	return cmd
}

// retry does again what a consumer has set aside.
func (a *app) retry(ctx context.Context, open reactions.Refusal) error {
	switch {
	case open.Consumer == jobs.Consumer:
		return a.feeder.Plan(ctx, jobs.Unplanned{EventID: open.EventID, Stream: open.Stream})
	case open.Consumer != integration.Consumer:
		return a.policies.Retry(ctx, open)
	case a.feed == nil:
		return errors.New("say where to publish: --publish")
	}
	return a.feed.Retry(ctx, open)
}
