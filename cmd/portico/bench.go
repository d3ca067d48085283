package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"portico/internal/pg"

	"github.com/spf13/cobra"
)

// result is one measurement beside its floor: raw SQL, or the smaller case, that does the
// same work in the same run. Absolute figures are the machine's; the ratio is ours.
type result struct {
	Name    string  `json:"name"`
	Variant string  `json:"variant"`
	Clients int     `json:"clients"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Floor   float64 `json:"floor"`
	Ratio   float64 `json:"ratio"`
}

type benchOptions struct {
	rounds int
	window time.Duration
	asJSON bool
	store  string  // of append, load and rebuild: postgres, esdb or an address
	events int64   // of load: how long the log is
	sizes  []int64 // of grow: how long the log is; of pdf: how many lines an invoice has
}

func benchCommand(s *settings) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this build on this machine",
		Long: `Each measurement runs beside its floor, round by round, on a PostgreSQL of its own
in a temporary directory; your data are not touched. The figures are medians of the
rounds. Compare ratios: absolute figures depend on the machine and what else runs on it.`,
	}
	cmd.PersistentFlags().IntVar(&o.rounds, "rounds", 5, "rounds of each measurement")
	cmd.PersistentFlags().DurationVar(&o.window, "window", time.Second, "how long one measurement runs")
	cmd.PersistentFlags().BoolVar(&o.asJSON, "json", false, "print an array of objects instead of a table")
	add := func(name, short string, run func(context.Context, *app, benchOptions) ([]result, error)) *cobra.Command {
		of := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return o.on(cmd, run)
		}}
		cmd.AddCommand(of)
		return of
	}
	appends := add("append", "Appends through the event store, beside single-row inserts and one writer's group commit", benchAppend)
	o.storeFlag(appends.Flags())
	load := add("load", "Streams of 20 events out of a long log, beside the bare SQL", benchLoad)
	o.storeFlag(load.Flags())
	load.Flags().Int64Var(&o.events, "events", 100_000, "how many events the log has")
	grow := add("grow", "Appends and loads on a log that has grown, beside the same on a short one", benchGrow)
	grow.Long = `Appends and loads on a log that has grown, beside the same on a log of 20,000 events in
a second database, in turn: a ratio of 1 is a log whose length costs nothing. A million
events take about 1 GB of the temporary directory and a minute to write; then each size
is measured for about half a minute. Interrupting it removes everything.`
	grow.Flags().Int64SliceVar(&o.sizes, "events", []int64{0, 1_000_000}, "lengths of the log to measure at, ascending")
	add("jobs", "Jobs through Watermill with an empty handler, beside the bare claims", benchJobs)
	add("journal", "Records in the journal beside single-row inserts, and appends while they are kept", benchJournal)
	add("account", "Recording a payment on an account with 10,000 entries, beside one with 10", benchAccount)
	cmd.AddCommand(benchQueryCommand(&o), benchVisibleCommand(&o), benchRebuildCommand(&o))
	cmd.AddCommand(benchPDFCommand(&o), benchPagesCommand(&o), benchPeersCommand(&o))
	_ = s
	return cmd
}

// on runs a measurement on a database of its own and prints what it found.
func (o benchOptions) on(cmd *cobra.Command, run func(context.Context, *app, benchOptions) ([]result, error)) error {
	if o.rounds < 1 || o.window <= 0 {
		return fmt.Errorf("%d rounds of %s measure nothing: --rounds must be at least 1, and --window longer than 0", o.rounds, o.window)
	}
	dir, err := os.MkdirTemp("", "portico-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL's user passes through it
		return err
	}
	ctx := pg.Across(cmd.Context())
	a, err := open(ctx, &settings{dataDir: dir, timeZone: "UTC", currency: "GBP", logLevel: slog.LevelWarn, requests: true})
	if err != nil {
		return err
	}
	defer a.close()
	results, err := run(ctx, a, o)
	if err != nil {
		return err
	}
	return o.print(cmd.OutOrStdout(), results)
}

func (o benchOptions) print(w io.Writer, results []result) error {
	if o.asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(results)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "measurement\tvariant\tclients\tvalue\tfloor\tunit\tratio\t")
	for _, r := range results {
		fmt.Fprintf(t, "%s\t%s\t%d\t%.1f\t%.1f\t%s\t%.2f\t\n", r.Name, r.Variant, r.Clients, r.Value, r.Floor, r.Unit, r.Ratio)
	}
	return t.Flush()
}

// beside measures a value and its floor in turn and answers the medians, and the median
// of the ratios round by round.
func (o benchOptions) beside(value, floor func() (float64, error)) (v, f, ratio float64, err error) {
	var vs, fs, ratios []float64
	for range o.rounds {
		x, err := value()
		if err != nil {
			return 0, 0, 0, err
		}
		y, err := floor()
		if err != nil {
			return 0, 0, 0, err
		}
		vs, fs, ratios = append(vs, x), append(fs, y), append(ratios, x/y)
	}
	return median(vs), median(fs), median(ratios), nil
}

func median(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	return xs[len(xs)/2]
}

// work is what one client does for the n-th time.
type work func(ctx context.Context, client, n int) error

// rate runs work from many clients at once for a while and answers how often per second
// it was done.
func (o benchOptions) rate(ctx context.Context, clients int, do func(ctx context.Context, client, n int) error) (float64, error) {
	s, err := o.run(ctx, clients, do)
	return s.rate, err
}

// speed is how often per second something was done, and how long it took, in milliseconds.
type speed struct{ rate, p50, p99 float64 }

// run runs work from many clients at once for a while.
func (o benchOptions) run(ctx context.Context, clients int, do work) (speed, error) {
	var failed error
	var once sync.Once
	var running sync.WaitGroup
	took := make([][]time.Duration, clients)
	began := time.Now()
	for c := range clients {
		running.Go(func() {
			for n, last := 0, began; last.Sub(began) < o.window && ctx.Err() == nil; n++ {
				if err := do(ctx, c, n); err != nil {
					once.Do(func() { failed = err })
					return
				}
				now := time.Now()
				took[c] = append(took[c], now.Sub(last))
				last = now
			}
		})
	}
	running.Wait()
	lasted := time.Since(began)
	if failed == nil {
		failed = ctx.Err()
	}
	if failed != nil {
		return speed{}, failed
	}
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	at := func(part float64) float64 { return float64(all[int(part*float64(len(all)-1))].Microseconds()) / 1000 }
	return speed{float64(len(all)) / lasted.Seconds(), at(0.5), at(0.99)}, nil
}

// contest is a measurement that runs beside its floor. Both make their work anew for each
// round.
type contest struct {
	name, variant, unit string
	clients             int
	ours, floor         func() work
}

// hold measures both in turn, round by round. It answers the medians of their rates, of
// their p50 and of their p99.
func (o benchOptions) hold(ctx context.Context, c contest) (rate, p50, p99 result, err error) {
	var ours, floors []speed
	for range o.rounds {
		for _, side := range []struct {
			make func() work
			all  *[]speed
		}{{c.ours, &ours}, {c.floor, &floors}} {
			s, err := o.run(ctx, c.clients, side.make())
			if err != nil {
				return rate, p50, p99, err
			}
			*side.all = append(*side.all, s)
		}
	}
	row := func(variant, unit string, of func(speed) float64) result {
		var vs, fs, ratios []float64
		for i := range ours {
			v, f := of(ours[i]), of(floors[i])
			vs, fs, ratios = append(vs, v), append(fs, f), append(ratios, v/f)
		}
		return result{c.name, variant, c.clients, median(vs), unit, median(fs), median(ratios)}
	}
	return row(c.variant, c.unit, func(s speed) float64 { return s.rate }),
		row(c.variant+", p50", "ms", func(s speed) float64 { return s.p50 }),
		row(c.variant+", p99", "ms", func(s speed) float64 { return s.p99 }), nil
}

// latency is the median time of n calls, in milliseconds.
func latency(n int, call func(i int) error) (float64, error) {
	times := make([]float64, 0, n)
	for i := range n {
		began := time.Now()
		if err := call(i); err != nil {
			return 0, err
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
	}
	return median(times), nil
}
