package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"portico/api"
	"portico/internal/idempotency"
	"portico/projections"
	"portico/projections/engine"
)

func benchQueryCommand(o *benchOptions) *cobra.Command {
	var invoices int
	cmd := &cobra.Command{
		Use:   "query",
		Short: "The first page of a portal over HTTP, beside a bare handler and bare SQL",
		Long: `A contact's first page (the last 20 invoices and the balance) over HTTP on loopback,
through all that a request meets: the key and the contact's rights looked up anew,
policies, tenant, access log. Beside it, in the same process and on the same rows:
a bare net/http handler that checks the key and the tenant, one that checks nothing, and
the two SQL statements without HTTP. "unchanged" sends the page's ETag and gets 304.
The business is made of events: 20 invoices a customer, folded by the read models.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.on(cmd, func(ctx context.Context, a *app, o benchOptions) ([]result, error) {
				return benchQuery(ctx, a, o, invoices)
			})
		},
	}
	cmd.Flags().IntVar(&invoices, "invoices", 50_000, "how many invoices, 20 a customer")
	return cmd
}

// benchQuery asks for the first page of a portal, a contact's last 20 invoices and the
// balance, over HTTP on loopback, from the real handler: authentication against the
// database and history at each request, policies, tenant, access log, metrics. Customers
// take turns.
func benchQuery(ctx context.Context, a *app, o benchOptions, invoices int) ([]result, error) {
	a.engine.Groups = []engine.Group{projections.Portal} // what the page reads
	ctx, stop := a.following(ctx)
	defer stop()
	if err := a.engine.Ensure(ctx); err != nil {
		return nil, err
	}
	p, err := a.newPortal(ctx, invoices)
	if err != nil {
		return nil, err
	}
	q, err := p.asking(ctx)
	if err != nil {
		return nil, err
	}
	defer q.close()
	if err := q.agree(ctx); err != nil {
		return nil, err
	}
	var results []result
	for _, clients := range []int{1, 16} {
		found, err := q.measure(ctx, o, clients)
		if err != nil {
			return nil, err
		}
		results = append(results, found...)
	}
	return results, nil
}

// following runs the read models alone, without policies.
func (a *app) following(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = a.engine.Run(ctx) })
	return ctx, func() { cancel(); running.Wait() }
}

// asking is a portal that is served twice: by Portico, and by the floor.
type asking struct {
	*portal
	floor  floor
	client *http.Client
	ours   string // addresses
	bare   string
	stop   []func() error
}

func (p *portal) asking(ctx context.Context) (*asking, error) {
	q := &asking{portal: p, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}}
	log := slog.New(slog.NewJSONHandler(io.Discard, nil)) // lines are written, to nowhere
	handler, err := api.New(api.Deps{
		Commands: p.commands, Queries: p.queries, Auth: p.keys, Once: &idempotency.Store{DB: p.pool}, Wait: p.waiter.shown, Engine: p.engine,
		Log: log, Clock: time.Now, Version: version,
		Journal: p.journal,
	})
	if err != nil {
		return nil, err
	}
	if q.floor, err = p.newFloor(ctx); err != nil {
		return nil, err
	}
	if q.ours, err = q.serve(handler); err != nil {
		return nil, err
	}
	q.bare, err = q.serve(q.floor.handler())
	return q, err
}

func (q *asking) serve(handler http.Handler) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := api.Server(handler, q.log)
	go func() { _ = server.Serve(listener) }()
	q.stop = append(q.stop, server.Close)
	return "http://" + listener.Addr().String(), nil
}

func (q *asking) close() {
	for _, stop := range q.stop {
		_ = stop()
	}
}

func (q *asking) turn(client, n int) benchCustomer {
	return q.customers[(client*7+n)%len(q.customers)]
}

// ask gets a page as a customer's contact, and answers its body and ETag.
func (q *asking) ask(ctx context.Context, url string, of benchCustomer, known string) (status int, body []byte, etag string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, "", err
	}
	r.Header.Set("Authorization", "Bearer "+of.key)
	if known != "" {
		r.Header.Set("If-None-Match", known)
	}
	resp, err := q.client.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, resp.Header.Get("ETag"), err
}

// page is one contender over HTTP: whoever does not answer as expected has lost.
func (q *asking) page(ctx context.Context, url string, of benchCustomer, known string, want int) error {
	status, body, _, err := q.ask(ctx, url, of, known)
	if err == nil && status != want {
		err = fmt.Errorf("%s answers %d, not %d: %.200s", url, status, want, body)
	}
	return err
}

func (q *asking) overview(of benchCustomer) string {
	return q.ours + "/v1/customers/" + of.id.String() + "/overview"
}

func (q *asking) floorPage(path string, of benchCustomer) string {
	return q.bare + path + "?customer=" + of.id.String()
}

func (q *asking) measure(ctx context.Context, o benchOptions, clients int) (results []result, err error) {
	known := map[string]string{}
	for _, c := range q.customers {
		if _, _, known[c.key], err = q.ask(ctx, q.overview(c), c, ""); err != nil {
			return nil, err
		}
	}
	over := func(url func(benchCustomer) string, known map[string]string, want int) func() (lap, error) {
		return func() (lap, error) {
			return o.timed(ctx, clients, func(ctx context.Context, client, n int) error {
				c := q.turn(client, n)
				return q.page(ctx, url(c), c, known[c.key], want)
			})
		}
	}
	floor := func(path string) func(benchCustomer) string {
		return func(c benchCustomer) string { return q.floorPage(path, c) }
	}
	all, err := o.laps(
		over(q.overview, nil, http.StatusOK),
		over(floor("/checked"), nil, http.StatusOK),
		over(floor("/open"), nil, http.StatusOK),
		func() (lap, error) {
			return o.timed(ctx, clients, func(ctx context.Context, client, n int) error {
				_, err := q.floor.page(ctx, q.turn(client, n).id)
				return err
			})
		},
		over(q.overview, known, http.StatusNotModified),
	)
	if err != nil {
		return nil, err
	}
	page, checked, open, sql, unchanged := all[0], all[1], all[2], all[3], all[4]
	for _, c := range []struct {
		variant      string
		value, floor []lap
	}{
		{"portal page beside bare handler, key and tenant checked", page, checked},
		{"portal page beside bare handler, nothing checked", page, open},
		{"portal page beside bare SQL without HTTP", page, sql},
		{"unchanged page (304) beside the page", unchanged, page},
	} {
		results = append(results, against(result{Name: "query", Variant: c.variant, Clients: clients, Unit: "pages/s"}, c.value, c.floor, rateOf),
			against(result{Name: "query p99", Variant: c.variant, Clients: clients, Unit: "ms"}, c.value, c.floor, p99Of))
	}
	return results, nil
}
