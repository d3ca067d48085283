package importer

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"portico/commands"
	"portico/domain"
	"portico/domain/importrun"
	"portico/internal/csvfile"
	"portico/internal/eventstore"
)

// format is how the rows of one kind of file become documents. Its methods up to ready
// are called one after the other, apply from many goroutines.
type format interface {
	// header finds the columns, or says which are missing.
	header(names []string) error
	// key is the column that holds the number of a row's document.
	key() int
	// add takes one more row of a document; an error rejects the whole document.
	add(r *run, d *document, row csvfile.Row) error
	// ready is called after the last row.
	ready(r *run) error
	// apply asks for what the document leads to. An error that says what is wrong with the
	// document rejects it; any other stops the run.
	apply(ctx context.Context, r *run, d *document) (outcome, error)
}

// document is what the rows with one number come to.
type document struct {
	number string
	lines  []int32 // where its rows are in the file
	body   any     // the format's own
	bad    error   // why it cannot be taken
}

// stray is a row that cannot be taken and whose document is not known.
type stray struct {
	line int32
	why  error
}

// run is one import under way.
type run struct {
	o      Options
	format format
	direct *commands.Commands // what the run's own record is kept with
	c      *commands.Commands // what the documents go through, counted
	tap    *tap
	place  place

	fileHash  string
	id        uuid.UUID // of the run: the same for the same file
	texts     interned
	rows      int64
	blank     int64
	recoded   int64
	documents []*document
	byNumber  map[string]*document
	strays    []stray
	customers map[string]*party
	tally     tally
}

// through makes the commands that the run uses: with a cache of their own, so that an
// import does not push everybody else's out.
func (r *run) through(c *commands.Commands) {
	store, codec := c.Store, *c.Codec
	begin := r.begin
	if r.o.DryRun {
		store, begin = &sketchpad{Store: store, notes: map[eventstore.StreamName]noted{}}, func(context.Context) error { return nil }
		if keys, err := newThrowaway(codec.Keys); err == nil { // it fails for no key of 32 bytes
			codec.Keys = keys
		}
	}
	r.tap = &tap{Store: store, begin: begin}
	r.c = commands.New(r.tap, &codec, c.Node)
	r.c.Clock = c.Clock
}

func (r *run) begin(ctx context.Context) error {
	kind := strings.TrimSuffix(r.o.Format+":"+r.o.Profile, ":")
	receipt, err := r.direct.StartImport(ctx, r.by(time.Time{}), r.id, importrun.Start{Format: kind, FileHash: r.fileHash, FileName: r.o.Name})
	r.tap.appended.Add(int64(receipt.Events))
	return err
}

// by is the caller of one decision: under an id of its own, since what makes repetition
// harmless is the decision, which compares with what is there.
func (r *run) by(at time.Time) commands.Caller {
	by := r.o.By
	by.CommandID, by.Correlation, by.Causation, by.OccurredAt = uuid.Nil, r.id, r.id, at
	return by
}

// externalID is the id of what the source knows under its own.
func (r *run) externalID(kind string, external ...string) uuid.UUID {
	return commands.ExternalID(r.o.By.Tenant, r.o.System, kind, strings.Join(external, "\x00"))
}

// work applies the documents, many at once: the store commits together what comes
// together (ENGINE D3).
func (r *run) work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	feed := make(chan *document)
	g.Go(func() error {
		defer close(feed)
		for _, d := range r.documents {
			select {
			case feed <- d:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range r.o.Workers {
		g.Go(func() error {
			for d := range feed {
				if err := r.one(ctx, d); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// patience is how often a document is tried again while the store does not answer.
const patience = 6

func (r *run) one(ctx context.Context, d *document) error {
	for try := 1; d.bad == nil; try++ {
		out, err := r.format.apply(ctx, r, d)
		switch {
		case err == nil:
			d.body = nil // it is not needed again
			return r.tally.add(r, d, out)
		case final(err):
			d.bad = err
		case !transient(err) || try == patience || ctx.Err() != nil:
			return err
		default:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(try*try) * 50 * time.Millisecond):
			}
		}
	}
	d.body = nil
	return r.tally.add(r, d, outcome{})
}

// final tells whether an error says what is wrong with a document.
func final(err error) bool {
	var e *domain.Error
	return errors.As(err, &e) && (e.Kind == domain.KindInvalid || e.Kind == domain.KindRefused || e.Kind == domain.KindNotFound)
}

// transient tells whether the same may work later.
func transient(err error) bool {
	var e *domain.Error
	return errors.As(err, &e) && e.Kind == domain.KindUnavailable ||
		errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, eventstore.ErrUnknownOutcome)
}
