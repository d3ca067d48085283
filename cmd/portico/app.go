package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/term"

	"portico/commands"
	"portico/domain/catalog"
	"portico/internal/auth"
	"portico/internal/documents"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/files"
	"portico/internal/idempotency"
	"portico/internal/imports"
	"portico/internal/integration"
	"portico/internal/jobs"
	"portico/internal/journal"
	"portico/internal/keyring"
	"portico/internal/mail"
	"portico/internal/notify"
	"portico/internal/people"
	"portico/internal/pg"
	"portico/internal/pgserver"
	"portico/internal/privacy"
	"portico/internal/reactions"
	"portico/internal/session"
	"portico/internal/signin"
	"portico/internal/tenants"
	"portico/internal/webhooks"
	"portico/migrations"
	"portico/projections"
	"portico/projections/engine"
)

// app is Portico wired together.
type app struct {
	url      string
	log      *slog.Logger
	server   *pgserver.Server // nil if a database was given
	tenant   string           // that a command is about; "": there are several, and none was named
	pools    []*pgxpool.Pool
	pool     *pgxpool.Pool // of workers: rows of all tenants
	folds    *pgxpool.Pool // of the engine
	db       pg.DB         // of stores: workers' for workers, for requests the rows of their tenant
	reads    pg.DB         // for pages; nil: db
	replica  *pg.Replica   // for pages, too; nil: none
	store    store
	codec    *envelope.Codec
	commands *commands.Commands
	engine   *engine.Engine
	queries  *projections.Queries
	tenants  *tenants.Directory
	policies *reactions.Policies
	waiter   waiter
	keys     *auth.Keys
	rights   *auth.Rights
	once     *idempotency.Store
	files    *files.Store

	sessions *session.Store
	signin   *signin.Service

	jobs    *jobs.Store
	feeder  *jobs.Feeder
	runner  *jobs.Runner
	feed    *integration.Feed // nil if nothing is published
	uploads *files.Uploads
	imports *imports.Service

	statements *documents.Statements

	journal  *journal.Store
	people   *people.Service
	migrated []migrations.Applied // by this process
	madeKey  bool                 // the key file is new
	sealless bool                 // there are no keys to seal under

	mails   *mail.Store
	notices *notify.Notices
	post    *mail.Post

	webhooks *webhooks.Endpoints
	sender   *webhooks.Sender

	privacy *privacy.Service
	keyring *keyring.Keyring

	moved     chan error // why this process must end: its log is somewhere else now
	disappear func()     // nil if it has not appeared
}

// open brings the database up, migrates it, and wires everything that runs on it. What it
// has opened, close closes.
func open(ctx context.Context, s *settings) (*app, error) {
	a := &app{url: s.databaseURL, log: logger(s.logLevel)}
	if _, err := s.target(); err != nil { // say so before anything is started
		return nil, err
	}
	if err := a.database(ctx, s); err != nil {
		return nil, errors.Join(err, a.close())
	}
	if err := a.claimSource(ctx, s); err != nil {
		return nil, errors.Join(err, a.close())
	}
	if err := a.appear(ctx, s); err != nil {
		return nil, errors.Join(err, a.close())
	}
	if err := a.wire(ctx, s); err != nil {
		return nil, errors.Join(err, a.close())
	}
	if err := a.register(ctx, s); err != nil {
		return nil, errors.Join(err, a.close())
	}
	if err := a.privacy.Apply(ctx); err != nil { // before anything is read
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// logger writes to standard error: JSON for machines if it is not a terminal.
func logger(level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		return slog.New(slog.NewTextHandler(os.Stderr, o))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, o))
}

func (a *app) database(ctx context.Context, s *settings) (err error) {
	if a.url == "" {
		if err := os.MkdirAll(s.dataDir, 0o755); err != nil {
			return fmt.Errorf("making the data directory: %w", err)
		}
		dir := filepath.Join(s.dataDir, "postgres")
		if a.server, err = pgserver.Start(ctx, pgserver.Options{Dir: dir, Log: os.Stderr}); err != nil {
			return err
		}
		a.url = a.server.URL(pgserver.Database)
	}
	if a.migrated, err = migrations.Up(ctx, pg.As(pg.OwnerRole, a.url)); err != nil {
		return err
	}
	return a.connect(ctx, s)
}

func (a *app) wire(ctx context.Context, s *settings) error {
	a.madeKey = withoutKEK(s)
	keys, err := keyring.Open(a.db, s.kekFile())
	if err == nil {
		err = keys.Check(ctx)
	}
	if err != nil {
		return err
	}
	me := node()
	a.codec = &envelope.Codec{Catalog: catalog.New(), Keys: keys}
	a.openJournal(keys)
	a.commands = commands.New(a.store, a.codec, me)
	a.tenants = &tenants.Directory{DB: a.pool, Commands: a.commands}
	a.engine = &engine.Engine{Store: a.store, Codec: a.codec, DB: a.folds, Groups: projections.Groups(), Log: a.log, Node: me}
	a.engine.Making = a.noteTables
	a.policies = reactions.NewPolicies(&reactions.Subscriber{Store: a.store, DB: a.pool, Node: me, Lanes: 16, Log: a.log}, a.commands, logger(slog.LevelWarn))
	a.waiter = waiter{a.policies, a.engine}
	if a.feed, err = a.publisher(s, me); err != nil {
		return err
	}
	a.queries = &projections.Queries{DB: a.db, Reads: a.reads, Replica: a.replica, Schema: a.engine.ActiveSchema, Clock: time.Now, Store: a.store, Codec: a.codec}
	a.commands.Below = a.queries.Below
	a.commands.Colleagues = a.queries.Colleagues
	a.once = &idempotency.Store{DB: a.db, Node: me}
	a.rights = &auth.Rights{Commands: a.commands, Clock: time.Now}
	a.keys = &auth.Keys{DB: a.db, Commands: a.commands, Clock: time.Now, Rights: a.rights}
	a.uploads = &files.Uploads{DB: a.db}
	a.commands.Uploaded = a.uploaded
	folder, err := s.filesAt()
	if err == nil {
		a.files, err = files.Open(ctx, folder)
	}
	if err != nil {
		return err
	}
	a.jobs = &jobs.Store{DB: a.db}
	a.imports = &imports.Service{DB: a.db, Jobs: a.jobs, Files: a.files, Commands: a.commands, Clock: time.Now}
	a.wireDocuments(s)
	if err := a.wirePost(s); err != nil {
		return err
	}
	if err := a.wireWebhooks(&s.webhooks); err != nil {
		return err
	}
	if err := a.wireSignIn(s, keys); err != nil {
		return err
	}
	a.wirePeople(s, a.signin)
	a.wirePrivacy(keys)
	a.wireWork(me)
	return nil
}

// run keeps read models and policies going until the returned function is called, as far as they
// are of the roles.
func (a *app) run(r roles) (stop func()) {
	ctx, cancel := context.WithCancel(pg.Across(context.Background()))
	for _, inherit := range []func(context.Context, func(string) bool) error{a.engine.Inherit, a.policies.Subscriber.Inherit, a.once.Inherit} {
		if err := inherit(ctx, dead); err != nil {
			a.log.Warn("leases and claims of dead processes run out by themselves", "error", err)
		}
	}
	var running sync.WaitGroup
	if r.has(roleProject) {
		running.Go(func() { _ = a.engine.Run(ctx) })
	}
	if r.has(roleReact) {
		running.Go(func() {
			if err := a.policies.Run(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("policies have stopped", "error", err)
			}
		})
	}
	return func() { cancel(); running.Wait() }
}

// waiter waits until a position's effect shows: first for whatever policies make of it,
// then for the read models.
type waiter struct {
	policies *reactions.Policies
	engine   *engine.Engine
}

// Wait waits for the read models of a customer, or for all of them for the nil UUID.
func (w waiter) Wait(ctx context.Context, group string, route uuid.UUID, pos eventstore.Position) error {
	end, err := w.policies.Settle(ctx, pos)
	if err != nil {
		return err
	}
	if route == uuid.Nil {
		return w.engine.WaitAll(ctx, group, end)
	}
	return w.engine.Wait(ctx, group, route, end)
}

// shown is Wait as the API asks: whether the effect shows before ctx ends.
func (w waiter) shown(ctx context.Context, after eventstore.Position, group string, route uuid.UUID) (bool, error) {
	err := w.Wait(ctx, group, route, after)
	if err != nil && (ctx.Err() != nil || errors.Is(err, engine.ErrStale)) {
		return false, nil
	}
	return err == nil, err
}

// settle waits until all that is in the log shows in every group of read models.
func (a *app) settle(ctx context.Context) error {
	head, err := a.store.Head(ctx)
	if err != nil {
		return err
	}
	for _, g := range a.engine.Groups {
		if err := a.waiter.Wait(ctx, g.Name, uuid.Nil, head); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) close() (err error) {
	if a.disappear != nil {
		a.disappear()
	}
	if a.store != nil {
		a.store.Close()
	}
	if a.journal != nil {
		a.journal.Close()
	}
	for _, pool := range a.pools {
		pool.Close()
	}
	if a.replica != nil {
		a.replica.Close()
	}
	if a.files != nil {
		err = a.files.Close()
	}
	if a.feed != nil {
		err = errors.Join(err, a.feed.Close())
	}
	if a.server != nil {
		err = errors.Join(err, a.server.Stop())
	}
	return err
}

// with opens everything for one command and closes it afterwards.
func with(ctx context.Context, s *settings, do func(a *app) error) error {
	a, err := open(ctx, s)
	if err != nil {
		return err
	}
	if err := a.noteCommand(ctx, s); err != nil {
		return errors.Join(err, a.close())
	}
	return errors.Join(do(a), a.close())
}
