package main

import (
	"context"
	"slices"
	"time"
)

// lap is what one measurement came to in one round.
type lap struct{ rate, p50, p95, p99 float64 } // per second, milliseconds

// laps measures contenders in turn, round by round, so that whatever else runs on the
// machine meets all of them. The answer has, for each contender, a lap a round.
func (o benchOptions) laps(contenders ...func() (lap, error)) ([][]lap, error) {
	all := make([][]lap, len(contenders))
	for range o.rounds {
		for i, measure := range contenders {
			l, err := measure()
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], l)
		}
	}
	return all, nil
}

// against is a result of two contenders: medians, and the median ratio of the rounds.
func against(r result, value, floor []lap, of func(lap) float64) result {
	var vs, fs, ratios []float64
	for i := range value {
		v, f := of(value[i]), of(floor[i])
		vs, fs, ratios = append(vs, v), append(fs, f), append(ratios, v/f)
	}
	r.Value, r.Floor, r.Ratio = median(vs), median(fs), median(ratios)
	return r
}

func rateOf(l lap) float64 { return l.rate }
func p50Of(l lap) float64  { return l.p50 }
func p95Of(l lap) float64  { return l.p95 }
func p99Of(l lap) float64  { return l.p99 }

// timed is rate with the time of each call.
func (o benchOptions) timed(ctx context.Context, clients int, work func(ctx context.Context, client, n int) error) (lap, error) {
	var took []float64
	mine := make([][]float64, clients)
	rate, err := o.rate(ctx, clients, func(ctx context.Context, client, n int) error {
		began := time.Now()
		err := work(ctx, client, n)
		mine[client] = append(mine[client], milliseconds(time.Since(began)))
		return err
	})
	for _, m := range mine {
		took = append(took, m...)
	}
	return lapOf(rate, took), err
}

// lapOf sums up the times of calls, in milliseconds.
func lapOf(rate float64, took []float64) lap {
	if len(took) == 0 {
		return lap{rate: rate}
	}
	slices.Sort(took)
	return lap{rate, took[len(took)/2], took[len(took)*95/100], took[len(took)*99/100]}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
