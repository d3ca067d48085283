package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/pgserver"
	"portico/projections/engine"
)

func benchRebuildCommand(o *benchOptions) *cobra.Command {
	events := 500_000
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Folding the log into read models, beside set-based SQL and one event a transaction",
		Long: `Of five events two issue an invoice, two pay one, one reminds of one. They are folded
into a row for each invoice and customer, with a secondary index and checkpoints; a second
log of a fifth of the size shows whether an event's cost grows with the log. The ceiling is
two INSERT ... SELECT ... GROUP BY over the same log. Ends with status 1 if any way comes to
other rows than the ceiling.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().IntVar(&events, "events", events, "events in the log, at least 100")
	o.storeFlag(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return o.on(cmd, func(ctx context.Context, a *app, o benchOptions) ([]result, error) {
			if o.elsewhere() {
				return o.overESDB(func(b *esdbBench) ([]result, error) { return b.rebuild(ctx, a, o, max(events, 100), cmd.ErrOrStderr()) })
			}
			return benchRebuild(ctx, a, o, max(events, 100), cmd.ErrOrStderr())
		})
	}
	return cmd
}

// rebuildBench is both logs, and what was measured on them: events a second by way.
type rebuildBench struct {
	full, small *benchLog
	admin       *pgx.Conn
	bar         *bar
	rates       map[string][]float64
}

func benchRebuild(ctx context.Context, a *app, o benchOptions, events int, progress io.Writer) ([]result, error) {
	admin, err := pgx.Connect(ctx, a.server.AdminURL("postgres"))
	if err != nil {
		return nil, err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	other, err := a.beside(ctx, admin, "small")
	if err != nil {
		return nil, err
	}
	defer other.close()
	codec := &envelope.Codec{Catalog: domain.NewCatalog(billTypes), Keys: a.codec.Keys}
	b := &rebuildBench{admin: admin, bar: newBar(progress, "writing the log"), rates: map[string][]float64{}}
	defer b.bar.finish()
	b.full = &benchLog{app: a, codec: codec, bar: b.bar, events: events}
	b.small = &benchLog{app: other, codec: codec, bar: b.bar, events: events / 5}
	for _, l := range []*benchLog{b.small, b.full} {
		if err := l.prepare(ctx, o.rounds); err != nil {
			return nil, err
		}
	}
	for n := range o.rounds {
		if err := b.round(ctx, n, o.rounds); err != nil {
			return nil, err
		}
	}
	return b.results(), nil
}

// beside is another database of the same server, with a log of its own.
func (a *app) beside(ctx context.Context, admin *pgx.Conn, name string) (*app, error) {
	if _, err := admin.Exec(ctx, "create database "+name+" owner "+pgserver.Database); err != nil {
		return nil, err
	}
	other := &app{url: a.server.URL(name), log: a.log}
	if err := other.database(ctx, &settings{}); err != nil {
		return nil, errors.Join(err, other.close())
	}
	other.store = eventstore.OpenPostgres(other.pool)
	return other, nil
}

// benchLog is a log of bills in a database of its own.
type benchLog struct {
	app    *app
	codec  *envelope.Codec
	bar    *bar
	events int
	before int64 // the position after which the bills begin
	clerk  uuid.UUID
	began  time.Time
	live   []*engine.Engine // one for each round, whose build is active and empty
}

// prepare makes builds to catch up with, and then the log.
func (l *benchLog) prepare(ctx context.Context, rounds int) error {
	l.clerk, l.began = uuid.New(), time.Now().UTC()
	for n := range rounds {
		e := l.engine(billGroup(fmt.Sprintf("live%d", n)))
		if err := e.Ensure(ctx); err != nil {
			return err
		}
		l.live = append(l.live, e)
	}
	return l.write(ctx, bills(l.events))
}

func (l *benchLog) engine(g engine.Group) *engine.Engine {
	return &engine.Engine{Store: l.app.store, Codec: l.codec, DB: l.app.pool, Groups: []engine.Group{g}, Node: "bench",
		Log: slog.New(slog.DiscardHandler)}
}

// slice is how many events the slowest way is measured on.
func (l *benchLog) slice() int { return min(l.events, 3000) }

// round measures every way once, in turn, and compares what they came to.
func (b *rebuildBench) round(ctx context.Context, n, of int) error {
	full, small := b.full, b.small
	rebuilds := map[*benchLog]*engine.Engine{full: full.engine(billGroup("rebuild")), small: small.engine(billGroup("rebuild"))}
	for i, s := range []struct {
		name   string
		events int
		run    func(context.Context) error
	}{
		{"ceiling", full.events, full.ceiling},
		{"rebuild", full.events, func(ctx context.Context) error { return full.rebuild(ctx, rebuilds[full]) }},
		{"ceiling small", small.events, small.ceiling},
		{"rebuild small", small.events, func(ctx context.Context) error { return small.rebuild(ctx, rebuilds[small]) }},
		{"live", full.events, func(ctx context.Context) error { return full.catchUp(ctx, full.live[n]) }},
		{"live small", small.events, func(ctx context.Context) error { return small.catchUp(ctx, small.live[n]) }},
		{"reading", full.events, func(ctx context.Context) error { return full.rebuild(ctx, full.engine(readingGroup("reading"))) }},
		{"one", full.slice(), full.oneByOne},
	} {
		b.bar.describe(fmt.Sprintf("round %d of %d: %s", n+1, of, s.name))
		b.bar.set(int64(i), 8)
		if _, err := b.admin.Exec(ctx, "checkpoint"); err != nil { // what went before costs this one nothing
			return err
		}
		began := time.Now()
		if err := s.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		b.rates[s.name] = append(b.rates[s.name], float64(s.events)/time.Since(began).Seconds())
	}
	for _, l := range []*benchLog{full, small} {
		if err := l.agree(ctx, rebuilds[l], l.live[n]); err != nil {
			return err
		}
	}
	return full.agreeOnSlice(ctx)
}

func (l *benchLog) ceiling(ctx context.Context) error {
	if err := l.fresh(ctx, "ceiling"); err != nil {
		return err
	}
	return l.fill(ctx, "ceiling", l.before+int64(l.events))
}

func (l *benchLog) rebuild(ctx context.Context, e *engine.Engine) error {
	return e.Rebuild(ctx, e.Groups[0].Name, nil)
}

// catchUp lets an active build's lanes come from the beginning of the log to its end.
func (l *benchLog) catchUp(ctx context.Context, e *engine.Engine) error {
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = e.Run(running) }()
	defer func() { stop(); <-done }()
	return e.WaitAll(ctx, e.Groups[0].Name, eventstore.Position{Hi: uint64(l.before) + uint64(l.events)})
}

// oneByOne commits each event of a slice by itself.
func (l *benchLog) oneByOne(ctx context.Context) error {
	if err := l.fresh(ctx, "one"); err != nil {
		return err
	}
	page, err := l.app.store.ReadAll(ctx, eventstore.Position{Hi: uint64(l.before)}, l.slice())
	if err != nil {
		return err
	}
	for _, r := range page.Events {
		e, err := l.codec.Open(ctx, r)
		if err != nil {
			return err
		}
		err = pgx.BeginFunc(ctx, l.app.pool, func(tx pgx.Tx) error { return applyOne(ctx, tx, "one", e) })
		if err != nil {
			return err
		}
	}
	return nil
}

// agree compares the rows of every way with the ceiling's over the same events.
func (l *benchLog) agree(ctx context.Context, engines ...*engine.Engine) error {
	for _, e := range engines {
		schema, err := e.ActiveSchema(ctx, e.Groups[0].Name)
		if err == nil {
			err = l.same(ctx, e.Groups[0].Name, schema, "ceiling")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// agreeOnSlice compares the rows of the slowest way with the ceiling's over its slice.
func (l *benchLog) agreeOnSlice(ctx context.Context) error {
	if err := l.fresh(ctx, "part"); err != nil {
		return err
	}
	if err := l.fill(ctx, "part", l.before+int64(l.slice())); err != nil {
		return err
	}
	return l.same(ctx, "one event a transaction", "one", "part")
}

// results are rates beside each other: medians, and of the ratios too, round by round.
func (b *rebuildBench) results() (all []result) {
	add := func(variant, value, floor string) { all = append(all, b.row(variant, value, floor)) }
	one := fmt.Sprintf("one event a transaction (first %d)", b.full.slice())
	add("rebuild beside set-based SQL", "rebuild", "ceiling")
	add("live catch-up beside set-based SQL", "live", "ceiling")
	add("rebuild beside "+one, "rebuild", "one")
	add("live catch-up beside "+one, "live", "one")
	add("rebuild beside reading and decoding alone", "rebuild", "reading")
	sizes := fmt.Sprintf("%d events beside %d: ", b.full.events, b.small.events)
	add(sizes+"rebuild", "rebuild", "rebuild small")
	add(sizes+"live catch-up", "live", "live small")
	add(sizes+"set-based SQL", "ceiling", "ceiling small")
	return all
}

func (b *rebuildBench) row(variant, value, floor string) result {
	var ratios []float64
	for n, v := range b.rates[value] {
		ratios = append(ratios, v/b.rates[floor][n])
	}
	return result{"rebuild", variant, billLanes, median(b.rates[value]), "events/s", median(b.rates[floor]), median(ratios)}
}
