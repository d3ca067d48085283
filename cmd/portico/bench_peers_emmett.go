package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// emmett is a node process that drives Emmett's own client: it reads jobs as lines of JSON
// and answers each with one. It ends when its input does, so that it does not outlive us.
type emmett struct {
	cmd     *exec.Cmd
	jobs    io.WriteCloser
	answers *bufio.Reader
	pool    *pgxpool.Pool
}

type emmettJob struct {
	Do      string `json:"do"`
	Clients int    `json:"clients"`
	Millis  int64  `json:"millis"`
	Streams int    `json:"streams"`
	Events  int    `json:"events"`
}

type emmettAnswer struct {
	Rate     float64 `json:"rate"`
	P50      float64 `json:"p50"`
	P95      float64 `json:"p95"`
	P99      float64 `json:"p99"`
	Appended int     `json:"appended"`
	Missed   int     `json:"missed"`
	Error    string  `json:"error"`
}

func (a emmettAnswer) lap() lap           { return lap{a.Rate, a.P50, a.P95, a.P99} }
func (a emmettAnswer) followed() followed { return followed{a.lap(), a.Appended, a.Missed} }

func openEmmett(ctx context.Context, a *app, packages *npm) ([]*peer, error) {
	if _, err := packages.installed(ctx); err != nil {
		return nil, err
	}
	url, _, err := peerDatabase(ctx, a, "peer_emmett")
	if err != nil {
		return nil, err
	}
	pool, err := peerPool(ctx, url, "", "public")
	if err != nil {
		return nil, err
	}
	e := &emmett{pool: pool}
	if err := e.start(ctx, packages.dir, url); err != nil {
		e.close()
		return nil, err
	}
	return []*peer{{
		name: "emmett", note: "one node process",
		fill: func(_ context.Context, streams int) error {
			_, err := e.do(emmettJob{Do: "fill", Clients: fillClients, Streams: streams})
			return err
		},
		appends: func(_ context.Context, o benchOptions, clients int) (lap, int64, error) {
			done, err := e.do(emmettJob{Do: "append", Clients: clients, Millis: o.window.Milliseconds()})
			return done.lap(), int64(done.Appended), err
		},
		loads: func(_ context.Context, o benchOptions, clients, streams int) (lap, error) {
			done, err := e.do(emmettJob{Do: "load", Clients: clients, Millis: o.window.Milliseconds(), Streams: streams})
			return done.lap(), err
		},
		read: func(_ context.Context, events int) (followed, error) {
			done, err := e.do(emmettJob{Do: "read", Events: events})
			return done.followed(), err
		},
		follow: func(_ context.Context, o benchOptions) (followed, error) {
			done, err := e.do(emmettJob{Do: "follow", Clients: followWriters, Millis: o.window.Milliseconds()})
			return done.followed(), err
		},
		stored: counting(pool, "select count(*) from emt_messages"),
		close:  e.close,
	}}, nil
}

// start makes Emmett's tables and waits until the process answers.
func (e *emmett) start(ctx context.Context, dir, url string) error {
	settings, err := json.Marshal(map[string]any{"url": url, "connections": peerConns, "page": peerPage, "perStream": eventsPerStream,
		"patience": patience.Milliseconds(), "poll": peerPoll.Milliseconds(),
		"type": peerType, "data": json.RawMessage(peerData), "metadata": json.RawMessage(peerMeta)})
	if err != nil {
		return err
	}
	e.cmd = exec.CommandContext(ctx, "node", filepath.Join(dir, "emmett.mjs"), string(settings))
	e.cmd.Dir, e.cmd.Stderr, e.cmd.WaitDelay = dir, os.Stderr, 5*time.Second
	if e.jobs, err = e.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	e.answers = bufio.NewReader(out)
	if err := e.cmd.Start(); err != nil {
		return err
	}
	_, err = e.do(emmettJob{Do: "migrate"})
	return err
}

func (e *emmett) do(job emmettJob) (answer emmettAnswer, err error) {
	line, err := json.Marshal(job)
	if err != nil {
		return answer, err
	}
	if _, err := e.jobs.Write(append(line, '\n')); err != nil {
		return answer, fmt.Errorf("emmett's process takes no jobs: %w", err)
	}
	if line, err = e.answers.ReadBytes('\n'); err != nil {
		return answer, fmt.Errorf("emmett's process gives no answer: %w", err)
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return answer, fmt.Errorf("emmett's process answers %.200q: %w", line, err)
	}
	if answer.Error != "" {
		return answer, errors.New(answer.Error)
	}
	return answer, nil
}

func (e *emmett) close() {
	if e.cmd != nil && e.cmd.Process != nil {
		_ = e.jobs.Close()
		_ = e.cmd.Wait()
	}
	e.pool.Close()
}
