package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"portico/api"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/login"
	"portico/internal/people"
	"portico/internal/session"
	"portico/projections"
	"portico/projections/engine"
)

func benchPagesCommand(o *benchOptions) *cobra.Command {
	var invoices int
	cmd := &cobra.Command{
		Use:   "pages",
		Short: "Pages of a customer with many invoices, beside those of one with 20",
		Long: `Pages as a contact's browser gets them, over HTTP on loopback with a session: found in the
database at each request, drawn, compressed. Beside each, in turn, the same page of a customer
with 20 invoices: a ratio of 1 is a page that does not mind how many there are.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.on(cmd, func(ctx context.Context, a *app, o benchOptions) ([]result, error) {
				return benchPages(ctx, a, o, invoices)
			})
		},
	}
	cmd.Flags().IntVar(&invoices, "invoices", 2000, "how many invoices the large customer has")
	return cmd
}

// benchPages measures pages at one client and at four.
func benchPages(ctx context.Context, a *app, o benchOptions, invoices int) ([]result, error) {
	a.engine.Groups = []engine.Group{projections.Portal, projections.Access}
	ctx, stop := a.following(ctx)
	defer stop()
	if err := a.engine.Ensure(ctx); err != nil {
		return nil, err
	}
	p := &portal{app: a}
	large, err := p.visitor(ctx, 0, invoices)
	if err != nil {
		return nil, err
	}
	small, err := p.visitor(ctx, 1, perCustomer)
	if err != nil {
		return nil, err
	}
	if err := p.fold(ctx); err != nil {
		return nil, err
	}
	q := &asking{portal: p, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	handler, err := api.New(api.Deps{
		Commands: a.commands, Queries: a.queries, Auth: a.keys, Once: a.once, Tenants: a.tenants.Of, Wait: a.waiter.shown, Engine: a.engine,
		People: a.people, Sessions: a.sessions, SignIn: a.signin, Log: a.log, Clock: time.Now, Version: version, Journal: a.journal,
	})
	if err != nil {
		return nil, err
	}
	if q.ours, err = q.serve(handler); err != nil {
		return nil, err
	}
	defer q.close()
	var results []result
	for _, clients := range []int{1, 4} {
		for _, page := range []string{"/", "/invoices", "/invoices?overdue=true", "/statement"} {
			all, err := o.laps(q.visits(ctx, o, clients, page, large), q.visits(ctx, o, clients, page, small))
			if err != nil {
				return nil, err
			}
			results = append(results, against(result{Name: "pages p95", Variant: page, Clients: clients, Unit: "ms"}, all[0], all[1], p95Of))
		}
	}
	return results, nil
}

// visitor makes a customer, and somebody who has signed in as its contact: the answer is the
// session's token.
func (p *portal) visitor(ctx context.Context, n, invoices int) (token string, err error) {
	of, err := p.customer(ctx, n, invoices)
	if err != nil {
		return "", err
	}
	by := p.itself()
	made, err := p.commands.AddContact(ctx, by, uuid.Nil, contact.Add{CustomerID: of, Details: contact.Details{Name: "Robin Bench"}, Grants: access.BeforeGrants()})
	if err != nil {
		return "", err
	}
	m, err := p.joined(ctx, by, login.Contact, made.ID, people.Acceptance{Name: "Robin Bench", Username: fmt.Sprint("robin", n)}, p.invites(ctx, by, made.ID))
	if err != nil {
		return "", err
	}
	who, err := p.commands.LoginOf(ctx, p.tenant, m.Login)
	if err != nil {
		return "", err
	}
	token, _, err = p.sessions.Begin(ctx, session.New{Tenant: p.tenant, Login: m.Login, Realm: login.Contact, Membership: m.ID, Stage: session.Full,
		Factors: []string{"password"}, Credentials: who.Credentials(), Origin: by.Origin})
	return token, err
}

// visits gets a page as often as it can.
func (q *asking) visits(ctx context.Context, o benchOptions, clients int, path, token string) func() (lap, error) {
	return func() (lap, error) {
		return o.timed(ctx, clients, func(ctx context.Context, _, _ int) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, q.ours+path, nil)
			if err != nil {
				return err
			}
			r.AddCookie(&http.Cookie{Name: session.Cookies{}.Name(), Value: token})
			r.Header.Set("Accept-Encoding", "gzip")
			resp, err := q.client.Do(r)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, resp.Body)
			if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
				err = fmt.Errorf("%s answers %d to %s", path, resp.StatusCode, resp.Header.Get("Location"))
			}
			return err
		})
	}
}
