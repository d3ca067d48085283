package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/internal/journal"
)

// benchJournal keeps records as a request leaves them, address and agent sealed, from as many
// clients as wait. The floor inserts an event's bytes as single rows (see benchAppend). Then
// it appends while records are kept at a steady rate, beside appending alone.
func benchJournal(ctx context.Context, a *app, o benchOptions) (results []result, err error) {
	for _, sql := range []string{`create schema if not exists portico_bench`, fmt.Sprintf(sqlBenchTable, "raw")} {
		if _, err := a.pool.Exec(ctx, sql); err != nil {
			return nil, err
		}
	}
	keep := func() work {
		return func(ctx context.Context, client, n int) error { return a.journal.Write(ctx, benchRecord(client)) }
	}
	for _, clients := range []int{1, 64, 512} {
		rate, _, p99, err := o.hold(ctx, contest{name: "journal", variant: "records beside single-row insert", unit: "records/s", clients: clients,
			ours: keep, floor: func() work { return a.inserting() }})
		if err != nil {
			return nil, err
		}
		results = append(results, rate, p99)
	}
	for _, clients := range []int{8, 64} {
		r := result{Name: "journal", Variant: "appends with 1,000 records/s beside appends alone", Clients: clients, Unit: "appends/s"}
		r.Value, r.Floor, r.Ratio, err = o.beside(func() (float64, error) {
			stop := a.keeping(ctx, 1_000)
			rate, err := o.rate(ctx, clients, appending(a.store)())
			if failed := stop(); err == nil {
				err = failed
			}
			return rate, err
		}, func() (float64, error) { return o.rate(ctx, clients, appending(a.store)()) })
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// benchRecord is a view by one of a thousand contacts.
func benchRecord(client int) journal.Record {
	contact := uuid.UUID{1, byte(client >> 8), byte(client)}
	return journal.Record{
		Tenant: firstTenant, Kind: "viewed", Outcome: journal.Success,
		Actor: envelope.Actor{Kind: envelope.Contact, ID: contact, Session: uuid.UUID{2}}, Login: uuid.UUID{3},
		Origin: envelope.Origin{Channel: envelope.ChannelAPI, IP: "203.0.113.77", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", RequestID: uuid.NewString()},
		Target: journal.Target{Kind: "invoice", ID: uuid.New(), Customer: contact},
		Detail: map[string]string{"operation": "GetInvoice", "status": "200", "key": contact.String()},
	}
}

// keeping keeps so many records a second, in groups as requests come, until it is stopped.
func (a *app) keeping(ctx context.Context, rate int) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		const each = 10 * time.Millisecond
		tick := time.NewTicker(each)
		defer tick.Stop()
		for {
			group := make([]journal.Record, rate*int(each)/int(time.Second))
			for i := range group {
				group[i] = benchRecord(i)
			}
			if err := a.journal.Write(context.WithoutCancel(ctx), group...); err != nil {
				done <- err
				return
			}
			select {
			case <-ctx.Done():
				done <- nil
				return
			case <-tick.C:
			}
		}
	}()
	return func() error { cancel(); return <-done }
}
