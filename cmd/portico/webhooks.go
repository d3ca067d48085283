package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"portico/internal/jobs"
	"portico/internal/webhooks"
)

// webhookSettings say where webhooks may be, and how long one may fail.
type webhookSettings struct {
	private      []string
	ports        []int
	disableAfter time.Duration
}

func (w *webhookSettings) flags(f *pflag.FlagSet, env func(name, fallback string) string) {
	var private []string
	if given := env("PORTICO_WEBHOOK_ALLOW_PRIVATE", ""); given != "" {
		private = strings.Split(given, ",")
	}
	f.StringSliceVar(&w.private, "webhook-allow-private", private, "network of yours that webhooks may be in, at any port, over http too, such as 10.1.0.0/16 (PORTICO_WEBHOOK_ALLOW_PRIVATE); public addresses need no leave")
	f.IntSliceVar(&w.ports, "webhook-allow-port", nil, "port of public addresses that webhooks may be at, beside 443")
	f.DurationVar(&w.disableAfter, "webhook-disable-after", 72*time.Hour, "how long a webhook may do nothing but fail before it is disabled")
}

func (w *webhookSettings) guard() (*webhooks.Guard, error) {
	g := &webhooks.Guard{Ports: w.ports}
	for _, text := range w.private {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("--webhook-allow-private %s: give a network such as 10.1.0.0/16", text)
		}
		g.Private = append(g.Private, p.Masked())
	}
	return g, nil
}

// wireWebhooks comes before wireWork, which does its jobs.
func (a *app) wireWebhooks(s *webhookSettings) error {
	guard, err := s.guard()
	if err != nil {
		return err
	}
	insert := func(ctx context.Context, all ...jobs.Job) error { return a.jobs.Insert(ctx, all...) }
	a.webhooks = &webhooks.Endpoints{DB: a.db, Commands: a.commands, Keys: a.codec.Keys, Guard: guard, Insert: insert, Clock: time.Now}
	a.sender = webhooks.NewSender(webhooks.Sender{
		DB: a.db, Store: a.store, Commands: a.commands, Queries: a.queries, Keys: a.codec.Keys, Guard: guard, Insert: insert,
		Wait: a.waiter.shown, Log: a.log, DisableAfter: s.disableAfter, Version: version,
	})
	return nil
}
