package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"portico/domain"
	"portico/domain/account"
	"portico/internal/eventstore"
	"portico/projections"
	"portico/projections/engine"
)

func benchVisibleCommand(o *benchOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "visible",
		Short: "From appending a payment until the portal's tables show it",
		Long: `Payments arrive at a fixed rate, whether or not the last one is done (open loop), and
16 callers take them: each appends the event to its account and waits until the read
models have passed its position. Counted from when the payment was due. The floor writes
the event as a plain row, and the rows that the portal makes of it, in one transaction.
"foreign": somebody else keeps a write transaction open for 2 s at a time, in the same
database or in another one of the cluster. "another node" appends to one store while the
read models are kept by a process that only polls.
One measurement lasts three windows.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.on(cmd, benchVisible) },
	}
}

const visibleCallers = 16

// benchVisible measures how long a payment takes to show.
func benchVisible(ctx context.Context, a *app, o benchOptions) ([]result, error) {
	a.engine.Groups = []engine.Group{projections.Portal}
	running, stop := a.following(ctx)
	defer func() { stop() }()
	if err := a.engine.Ensure(running); err != nil {
		return nil, err
	}
	p, err := a.newPortal(running, visibleCallers*perCustomer)
	if err != nil {
		return nil, err
	}
	v, err := p.payers(ctx)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, rate := range []int{100, 500} {
		found, err := v.measure(ctx, o, rate)
		if err != nil {
			return nil, err
		}
		results = append(results, found...)
	}
	stop()
	other := &engine.Engine{Store: eventstore.OpenPostgres(a.pool), Codec: a.codec, DB: a.pool, Groups: a.engine.Groups, Log: a.log, Node: "another"}
	defer other.Store.(*eventstore.Postgres).Close()
	v.engine = other
	_, stop = v.following(ctx)
	const rate = 100 // what 16 callers can take, each waiting for the other process's poll
	all, err := o.laps(v.contender(ctx, o, rate, v.pay), v.contender(ctx, o, rate, v.inline))
	if err != nil {
		return nil, err
	}
	results = append(results, visibleLines(fmt.Sprintf("%d/s, another node", rate), all[0], all[1])...)
	return results, nil
}

// payers are accounts that payments arrive at, one for each caller.
type payers struct {
	portal
	now []payer
}

// payer is an account as its caller knows it.
type payer struct {
	id      uuid.UUID
	stream  eventstore.StreamName
	state   account.Account
	version int64
}

func (p *portal) payers(ctx context.Context) (*payers, error) {
	schema, err := p.engine.ActiveSchema(ctx, projections.Portal.Name)
	if err != nil {
		return nil, err
	}
	for _, sql := range []string{`create schema if not exists portico_bench`, sqlInlineLog, sqlInlineTables} {
		if _, err := p.pool.Exec(ctx, strings.ReplaceAll(sql, "{s}", schema)); err != nil {
			return nil, err
		}
	}
	v := &payers{portal: *p}
	for n := range visibleCallers {
		id := domain.DerivedID(uuid.NameSpaceOID, "payer", fmt.Sprint(n))
		v.now = append(v.now, payer{id: id, stream: eventstore.Stream(firstTenant, "account", account.ID(id, "GBP")), version: eventstore.NoStream})
	}
	return v, nil
}

// pay appends a payment and waits until it shows.
func (v *payers) pay(ctx context.Context, caller int) error {
	p := &v.now[caller]
	events, err := account.RecordPayment{CustomerID: p.id, PaymentID: uuid.New(), On: "2026-01-10", Method: "cash",
		Amount: domain.Money{Minor: 1, Currency: "GBP"}}.Decide(p.state)
	if err != nil {
		return err
	}
	var sealed []eventstore.Event
	for _, e := range events {
		made, err := v.sealed(ctx, p.stream, p.id, e)
		if err != nil {
			return err
		}
		sealed = append(sealed, made)
	}
	done, err := v.store.Append(ctx, p.stream, p.version, sealed...)
	if err != nil {
		return err
	}
	p.state, p.version = domain.Fold(p.state, events...), done.Version
	return v.engine.Wait(ctx, projections.Portal.Name, p.id, done.Pos)
}

// What the portal makes of a payment: the same tables, with the same indexes.
const (
	sqlInlineLog = `create table if not exists portico_bench.log (id bigint generated always as identity primary key,
		stream text not null, version bigint not null, event uuid not null, type text not null, data bytea not null, meta bytea not null,
		unique (stream, version))`
	sqlInlineEvent  = `insert into portico_bench.log (stream, version, event, type, data, meta) values ($1, $2, $3, $4, $5, $6)`
	sqlInlineTables = `
create table if not exists portico_bench.payments (like {s}.payments including all);
create table if not exists portico_bench.entries (like {s}.entries including all);
create table if not exists portico_bench.activity (like {s}.activity including all);
create table if not exists portico_bench.accounts (like {s}.accounts including all);
create table if not exists portico_bench.versions (like {s}.versions including all)`
	sqlInlinePayment = `insert into portico_bench.payments values ('main', $1, $2, 'GBP', 'payment', 'cash', '', '2026-01-10', 1, 1, 0, 0, 'received', '', null, $3)`
	sqlInlineEntry   = `insert into portico_bench.entries values ($4, 0, 'main', $2, 'GBP', '2026-01-10', 'payment', $1, '', null, $1, 0, 1, true, $3)`
	sqlInlineActive  = `insert into portico_bench.activity values ($4, 0, 'main', $2, 'payment_received', 'payment', $1, '', 1, 'GBP', '', '2026-01-10', $3, true)`
	sqlInlineAccount = `insert into portico_bench.accounts values ('main', $1, 'GBP') on conflict do nothing`
	sqlInlineVersion = `insert into portico_bench.versions values ('main', $1, $2, 0) on conflict (tenant, customer_id) do update set pos_hi = excluded.pos_hi`
)

// inline writes event and rows in one transaction: it shows as soon as it is committed.
func (v *payers) inline(ctx context.Context, caller int) error {
	p, id, now, pos := v.now[caller], uuid.New(), time.Now(), time.Now().UnixNano()
	e, err := v.sealed(ctx, p.stream, p.id, account.PaymentReceived{PaymentID: id, Amount: domain.Money{Minor: 1, Currency: "GBP"}, On: "2026-01-10", Method: "cash"})
	if err != nil {
		return err
	}
	var q pgx.Batch
	q.Queue(sqlInlineEvent, p.stream, pos, e.ID, e.Type, e.Data, e.Meta)
	q.Queue(sqlInlinePayment, id, p.id, now)
	q.Queue(sqlInlineEntry, id, p.id, now, pos)
	q.Queue(sqlInlineActive, id, p.id, now, pos)
	q.Queue(sqlInlineAccount, p.id)
	q.Queue(sqlInlineVersion, p.id, pos)
	return v.pool.SendBatch(ctx, &q).Close()
}

func (v *payers) measure(ctx context.Context, o benchOptions, rate int) (results []result, err error) {
	plain, inline := v.contender(ctx, o, rate, v.pay), v.contender(ctx, o, rate, v.inline)
	all, err := o.laps(plain, inline, v.beside(ctx, v.url, plain), v.beside(ctx, strings.Replace(v.url, "/portico?", "/postgres?", 1), plain))
	if err != nil {
		return nil, err
	}
	for i, c := range []string{"", "", ", foreign write in the same database", ", foreign write in another database"} {
		if i != 1 {
			results = append(results, visibleLines(fmt.Sprintf("%d/s%s", rate, c), all[i], all[1])...)
		}
	}
	return results, nil
}

func visibleLines(variant string, value, floor []lap) []result {
	return []result{
		against(result{Name: "visible p50", Variant: variant, Clients: visibleCallers, Unit: "ms"}, value, floor, p50Of),
		against(result{Name: "visible p99", Variant: variant, Clients: visibleCallers, Unit: "ms"}, value, floor, p99Of),
	}
}

// contender does something at a fixed rate.
func (v *payers) contender(ctx context.Context, o benchOptions, rate int, do func(context.Context, int) error) func() (lap, error) {
	return func() (lap, error) { return openLoop(ctx, rate, 3*o.window, do) }
}

// openLoop lets work arrive at a rate, and counts from when it was due until it is done,
// the time that it had to wait for a caller included.
func openLoop(ctx context.Context, rate int, length time.Duration, do func(ctx context.Context, caller int) error) (lap, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	due := make(chan time.Time, rate*int(length/time.Second+1))
	took, failed := make([][]float64, visibleCallers), make([]error, visibleCallers)
	var working sync.WaitGroup
	for c := range visibleCallers {
		working.Go(func() {
			for at := range due {
				if failed[c] = do(ctx, c); failed[c] != nil {
					cancel()
					return
				}
				took[c] = append(took[c], milliseconds(time.Since(at)))
			}
		})
	}
	began, every := time.Now(), time.Second/time.Duration(rate)
	for at := began; at.Before(began.Add(length)) && ctx.Err() == nil; at = at.Add(every) {
		time.Sleep(time.Until(at))
		due <- at
	}
	close(due)
	working.Wait()
	var all []float64
	for c, err := range failed {
		if err != nil {
			return lap{}, err
		}
		all = append(all, took[c]...)
	}
	return lapOf(float64(len(all))/time.Since(began).Seconds(), all), nil
}

// beside measures while a transaction that has written is open elsewhere.
func (v *payers) beside(ctx context.Context, url string, measure func() (lap, error)) func() (lap, error) {
	return func() (lap, error) { return besideForeign(ctx, url, measure) }
}

// besideForeign measures while a transaction that has written is open elsewhere, 2 s at a time.
func besideForeign(ctx context.Context, url string, measure func() (lap, error)) (lap, error) {
	ctx, stop := context.WithCancel(ctx)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		stop()
		return lap{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	open, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ctx.Err() == nil; n++ {
			if err = holdOpen(ctx, conn, n, open); err != nil {
				return
			}
		}
	}()
	select {
	case <-open:
	case <-ended:
		stop()
		return lap{}, err
	}
	l, failed := measure()
	stop()
	<-ended
	return l, failed
}

// holdOpen keeps one write transaction open. open is closed by the first.
func holdOpen(ctx context.Context, conn *pgx.Conn, n int, open chan<- struct{}) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, `create temp table foreign_write on commit drop as select 1`); err != nil {
		return err
	}
	if n == 0 {
		close(open)
	}
	select {
	case <-ctx.Done():
	case <-time.After(2 * time.Second):
	}
	return nil
}
