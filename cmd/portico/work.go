package main

import (
	"context"
	"errors"
	"slices"
	"sync"

	"portico/api"
	"portico/internal/documents"
	"portico/internal/eventstore"
	"portico/internal/jobs"
	"portico/internal/webhooks"
)

// kinds are what Portico does in the world outside.
func (a *app) kinds() []jobs.Kind {
	return slices.Concat(
		[]jobs.Kind{documents.Kind(a.commands), a.post.Send(), a.imports.Kind()},
		a.notices.Kinds(),
		a.sender.Kinds(),
	)
}

// plans say which jobs follow from which events.
func (a *app) plans() []jobs.Plan {
	return slices.Concat(
		[]jobs.Plan{documents.Plan, webhooks.Plan()},
		a.notices.Plans(),
	)
}

// wireWork wires the feeder and the runner, when everything that handlers need is there.
func (a *app) wireWork(node string) {
	kinds := a.kinds()
	a.feeder = &jobs.Feeder{Store: a.store, Jobs: a.jobs, Codec: a.codec, Plans: a.plans(), Kinds: kinds, Node: node, Log: a.log}
	a.runner = &jobs.Runner{Queue: &jobs.Queue{Store: a.jobs, Node: node, Kinds: kinds, Log: a.log}, Drain: drain}
}

// feederProgress is what /metrics shows of the feeder.
func (a *app) feederProgress(ctx context.Context, head eventstore.Position) (api.Progress, error) {
	unplanned, err := a.feeder.Unplanned(ctx)
	if err != nil {
		return api.Progress{}, err
	}
	low, err := a.feeder.Progress(ctx)
	if err != nil {
		return api.Progress{}, err
	}
	lag, err := a.lag(ctx, low)
	return api.Progress{Kind: "feeder", Name: jobs.Consumer, Lag: lag, Events: low.Until(head), Parked: int64(len(unplanned))}, err
}

// work feeds and does jobs until ctx ends, and then lets those that run finish; the
// returned function waits for that. What happens from now on leads to jobs.
func (a *app) work(ctx context.Context) (stop func(), err error) {
	if err := a.feeder.Begin(ctx); err != nil {
		return nil, err
	}
	if err := errors.Join(a.feeder.Inherit(ctx, dead), a.runner.Queue.Inherit(ctx, dead)); err != nil {
		a.log.Warn("leases of dead processes run out by themselves", "error", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = a.feeder.Run(ctx) })
	running.Go(func() { a.keepPost(ctx) })
	running.Go(func() { a.keepPeople(ctx) })
	running.Go(func() { a.keepImports(ctx) })
	running.Go(func() { a.sender.Run(ctx) })
	running.Go(func() {
		if err := a.runner.Run(ctx); err != nil {
			a.log.Error("jobs have stopped", "error", err)
		}
	})
	return func() { cancel(); running.Wait() }, nil
}
