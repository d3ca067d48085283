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
	"sync/atomic"
	"text/tabwriter"
	"time"

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
	add := func(name, short string, run func(context.Context, *app, benchOptions) ([]result, error)) {
		cmd.AddCommand(&cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return o.on(cmd, run)
		}})
	}
	add("append", "Appends through the event store, beside single-row inserts", benchAppend)
	add("account", "Recording a payment on an account with 10,000 entries, beside one with 10", benchAccount)
	add("query", "A customer's invoices and balance, beside the bare SQL", benchQuery)
	cmd.AddCommand(benchRebuildCommand(&o))
	_ = s
	return cmd
}

// on runs a measurement on a database of its own and prints what it found.
func (o benchOptions) on(cmd *cobra.Command, run func(context.Context, *app, benchOptions) ([]result, error)) error {
	dir, err := os.MkdirTemp("", "portico-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL's user passes through it
		return err
	}
	a, err := open(cmd.Context(), &settings{dataDir: dir, timeZone: "UTC", currency: "GBP", logLevel: slog.LevelWarn})
	if err != nil {
		return err
	}
	defer a.close()
	results, err := run(cmd.Context(), a, o)
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

// rate runs work from many clients at once for a while and answers how often per second
// it was done.
func (o benchOptions) rate(ctx context.Context, clients int, work func(ctx context.Context, client, n int) error) (float64, error) {
	var done atomic.Int64
	var failed error
	var once sync.Once
	var running sync.WaitGroup
	began := time.Now()
	for c := range clients {
		running.Go(func() {
			for n := 0; time.Since(began) < o.window && ctx.Err() == nil; n++ {
				if err := work(ctx, c, n); err != nil {
					once.Do(func() { failed = err })
					return
				}
				done.Add(1)
			}
		})
	}
	running.Wait()
	if failed != nil {
		return 0, failed
	}
	return float64(done.Load()) / time.Since(began).Seconds(), ctx.Err()
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
