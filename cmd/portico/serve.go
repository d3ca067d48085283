package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"portico/api"
	"portico/domain"
	"portico/internal/eventstore"
	"portico/internal/integration"
	"portico/internal/pg"
	"portico/projections"
	"portico/projections/engine"
)

func serveCommand(s *settings) *cobra.Command {
	var withSample bool
	var given []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API, keep read models and policies going",
		Long: `Serves until SIGTERM or SIGINT, then finishes what is in flight and stops. Several
servers may run on one database; they share the work. With --role a server does a part
of it: api answers requests, project folds read models, react acts on what happened
(policies, mails, webhooks, imports and other jobs). Somebody has to do each. One
without api answers /healthz, /readyz and /metrics alone.`,
		Example: `  portico serve --addr 127.0.0.1:8080
  portico serve --sample    # with a sample business, keys and requests to try
  portico serve --role api  # beside another with --role project,react`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if s.roles, err = parseRoles(given); err != nil {
				return err
			}
			if withSample && len(s.roles) < 3 {
				return domain.Invalid("settings.role", "--sample fills and shows all of Portico: leave --role out")
			}
			s.logLevel, s.requests = slog.LevelInfo, true
			ctx := pg.Across(cmd.Context()) // of this program; those of requests are their own
			return with(ctx, s, func(a *app) error { return a.serve(ctx, s, withSample, cmd.OutOrStdout()) })
		},
	}
	cmd.Flags().StringSliceVar(&given, "role", strings.Split(cmp.Or(os.Getenv("PORTICO_ROLE"), allRoles.String()), ","), "what this server does, of api, project and react (PORTICO_ROLE)")
	cmd.Flags().BoolVar(&withSample, "sample", false, "load a sample business, if it is not there yet, and print keys for it")
	return cmd
}

// drain is how long requests in flight may take when the server stops.
const drain = 10 * time.Second

func (a *app) serve(ctx context.Context, s *settings, withSample bool, out io.Writer) error {
	if withSample && a.tenant == "" {
		return errors.New("say which tenant the sample is for, with --tenant")
	}
	proxies, err := s.trustedProxies()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("%w: choose another address with --addr", err)
	}
	defer listener.Close()
	stopJournal, err := a.startJournal(ctx)
	if err != nil {
		return err
	}
	defer stopJournal()
	stop := a.run(s.roles)
	defer stop()
	if s.roles.has(roleReact) {
		defer a.publishing()()
	}
	if s.roles.has(roleProject) { // others find out when they are there
		if err := a.engine.Ensure(ctx); err != nil {
			return err
		}
	}
	if s.roles.has(roleReact) {
		stopWork, err := a.work(ctx)
		if err != nil {
			return err
		}
		defer stopWork()
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		select {
		case err := <-a.moved:
			end(err)
		case <-ctx.Done():
		}
	}()
	if a.replica != nil {
		go a.replica.Run(ctx)
	}
	go a.privacy.Run(ctx)
	go a.tenants.Run(ctx, func(err error) { a.log.Warn("looking for tenants and their host names", "error", err) })
	if s.roles.has(roleAPI) {
		go a.keepSignIn(ctx)
		go a.once.Run(ctx, func(err error) { a.log.Warn("forgetting old idempotency keys", "error", err) })
	}
	visitors := &samplePeople{}
	var sample func(string) (api.SampleMember, bool)
	if withSample {
		sample = visitors.of
	}
	handler, err := api.New(api.Deps{
		Shut:     !s.roles.has(roleAPI),
		Sample:   sample,
		Commands: a.commands, Queries: a.queries, Engine: a.engine, Auth: a.keys, Files: a.files, Once: a.once, Wait: a.waiter.shown,
		Uploads:    a.uploads,
		Imports:    a.imports,
		Mails:      a.mails,
		Journal:    a.journal,
		People:     a.people,
		Webhooks:   a.webhooks,
		Privacy:    a.privacy,
		Sessions:   a.sessions,
		SignIn:     a.signin,
		Confirm:    api.Confirmation(a.signin),
		PublicURL:  s.address(),
		Statements: a.statements, Tenants: a.tenants.Of,
		Jobs: a.jobs, Tallies: a.runner.Queue.Tallies,
		Checks: a.checks(), Replica: a.replica, Progress: a.progress, Room: a.room(), Log: a.log, Clock: time.Now, TrustedProxies: proxies, Version: version,
	})
	if err != nil {
		return err
	}
	address := "http://" + listener.Addr().String()
	if s.publicURL == "" && !withSample {
		a.log.Warn("mails and documents name this machine's address, and published documents keep it: set --public-url first", "address", s.address())
	}
	if withSample {
		if err := a.loadSample(ctx, address, visitors, out); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(out, serves(address, s.roles))
	}
	if s.roles.has(roleAPI) {
		if err := a.printSetupCode(ctx, out); err != nil {
			return err
		}
	}
	return serveUntil(ctx, listener, api.Server(handler, a.log))
}

// serves is the line that a server begins with.
func serves(address string, r roles) string {
	does := ""
	if len(r) < len(allRoles) {
		does = " as " + r.String()
	}
	if !r.has(roleAPI) {
		return fmt.Sprintf("Portico works on %s%s (only /healthz, /readyz and /metrics)", address, does)
	}
	return fmt.Sprintf("Portico serves on %s%s (reading page: %s/docs)", address, does, address)
}

// serveUntil serves until ctx ends and then lets requests in flight finish.
func serveUntil(ctx context.Context, listener net.Listener, server *http.Server) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	why := context.Cause(ctx)
	if errors.Is(why, context.Canceled) {
		why = nil // it was asked to
	}
	bounded, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	err := server.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(why, fmt.Errorf("some requests took longer than %v and were cut off", drain), server.Close())
	}
	return errors.Join(why, err)
}

// accessLag is how far behind the read model may be that says who may come in.
const accessLag = 5 * time.Second

func (a *app) checks() []api.Check {
	return []api.Check{
		{Name: "database", Run: func(ctx context.Context) error { return a.pool.Ping(ctx) }},
		{Name: "eventstore", Run: func(ctx context.Context) error { _, err := a.store.Head(ctx); return err }},
		{Name: "projections", Run: func(ctx context.Context) error {
			listed, err := a.engine.List(ctx)
			if err != nil {
				return err
			}
			active := map[string]bool{}
			for _, l := range listed {
				switch { // a build in the making holds up nobody
				case l.Error != "" && l.State == "active":
					return fmt.Errorf("%s has stopped: %s", l.Group, l.Error)
				case l.Group == projections.Access.Name && l.State == "active" && l.Lag > accessLag.Seconds():
					return fmt.Errorf("%s is %.0f s behind", l.Group, l.Lag)
				}
				active[l.Group] = active[l.Group] || l.State == "active"
			}
			for _, g := range a.engine.Groups {
				if !active[g.Name] {
					return fmt.Errorf("%s is still being built", g.Name)
				}
			}
			return nil
		}},
	}
}

// progress is what /metrics shows of read models and policies.
func (a *app) progress(ctx context.Context) (all []api.Progress, err error) {
	listed, err := a.engine.List(ctx)
	if err != nil {
		return nil, err
	}
	here := map[string]engine.Status{}
	for _, st := range a.engine.Status() {
		here[st.Group] = st
	}
	for _, l := range listed {
		if l.State != "active" {
			continue
		}
		st, lanes := here[l.Group], map[int]time.Duration{}
		for _, lane := range st.Lanes {
			if lane.Build == l.Build {
				lanes[lane.Lane] = time.Duration(lane.Lag * float64(time.Second))
			}
		}
		all = append(all, api.Progress{Kind: "group", Name: l.Group, Lag: time.Duration(l.Lag * float64(time.Second)), Events: l.Behind,
			Parked: int64(l.Parked), Fenced: st.Fenced, Batches: st.Batches, BatchSeconds: st.BatchSeconds, Lanes: lanes})
	}
	consumers, err := a.consumers(ctx)
	return append(all, consumers...), err
}

// consumers is progress of those that follow the log and are no read models.
func (a *app) consumers(ctx context.Context) (all []api.Progress, err error) {
	names := []api.Progress{{Kind: "policy", Name: "policies"}}
	if a.feed != nil {
		names = append(names, api.Progress{Kind: "consumer", Name: integration.Consumer})
	}
	set, err := a.policies.Subscriber.Refusals(ctx, "")
	if err != nil {
		return nil, err
	}
	aside := map[string]int64{}
	for _, r := range set {
		aside[r.Consumer]++
	}
	head, err := a.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range names {
		low, _, err := a.policies.Subscriber.Progress(ctx, c.Name)
		if err != nil {
			return nil, err
		}
		if c.Lag, err = a.lag(ctx, low); err != nil {
			return nil, err
		}
		c.Events, c.Parked = low.Until(head), aside[c.Name]
		all = append(all, c)
	}
	feeder, err := a.feederProgress(ctx, head)
	return append(all, feeder), err
}

// lag is how old the first event after a position is; zero: there is none.
func (a *app) lag(ctx context.Context, after eventstore.Position) (time.Duration, error) {
	next, err := a.store.ReadAll(ctx, after, 1)
	if err != nil || len(next.Events) == 0 {
		return 0, err
	}
	return max(0, time.Since(next.Events[0].At)), nil
}
