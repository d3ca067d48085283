package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/domain"
	"portico/internal/failpoint"
)

// RestoreOptions may be left zero.
type RestoreOptions struct {
	Keys     []string // files of subjects' keys, the newest among them; by default the directory's own
	Progress func(done, total int64)
}

// Restore brings an export into a database whose log is empty: the same events at the
// same positions, versions and times, under the same ids. An interrupted one goes on
// where it was. It connects as whoever the URL says, who must own the tables: the
// application's role may not write to the log but through es.append.
func Restore(ctx context.Context, databaseURL, dir string, o RestoreOptions) (*Manifest, error) {
	m, err := restorable(dir)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Nothing a crash could take back is told to anybody before the last step, which waits
	// for the disk.
	if _, err := conn.Exec(ctx, "set timezone = 'UTC'; set synchronous_commit = off"); err != nil {
		return nil, err
	}
	r := &restore{conn: conn, dir: dir, manifest: m, opt: o}
	for _, step := range []func(context.Context) error{r.begin, r.events, r.finish} {
		if err := step(ctx); err != nil {
			return nil, explained(err)
		}
	}
	_, err = conn.Exec(ctx, "analyze es.events, es.streams")
	return m, err
}

// restorable is the manifest of an export of a whole log, without what an interrupted run
// has added to it: for that, keys may be missing.
func restorable(dir string) (*Manifest, error) {
	m, err := existing(dir)
	switch {
	case err != nil:
		return nil, err
	case m.Kind != kindExport:
		return nil, domain.Refused("archive.kind", "%s holds an %s: only an export can be restored", dir, m.Kind)
	case m.First != 1:
		return nil, domain.Refused("log.export_partial", "the export in %s begins at %d: only one of the whole log can be restored", dir, m.First)
	case m.Keys == nil:
		return nil, domain.Refused("log.export_unfinished", "the export in %s was interrupted: run portico log export again where the log is", dir)
	}
	for m.Last > m.Complete {
		s := m.Segments[len(m.Segments)-1]
		m.Segments = m.Segments[:len(m.Segments)-1]
		m.Last, m.Count, m.Chain = s.First-1, m.Count-s.Count, noChain
		if n := len(m.Segments); n > 0 {
			m.Chain = m.Segments[n-1].Chain
		}
	}
	return m, nil
}

type restore struct {
	conn     *pgx.Conn
	dir      string
	manifest *Manifest
	opt      RestoreOptions
	pos      uint64 // up to here it is there
	room     uint64 // up to here there are partitions
}

const (
	// Whoever appends waits here, and then finds its position taken.
	sqlLockHead  = `select pos from es.head where one for update`
	sqlAnything  = `select exists (select from es.events) or exists (select from es.streams)`
	sqlRestoring = `select chain, pos, finished_at is not null from es.restore where one`
	sqlSize      = `update es.settings set partition_size = $1 where one and not exists (select from es.partitions)`
	sqlBegun     = `insert into es.restore (chain, last_pos, pos) values ($1, $2, 0)`
)

// begin refuses what is not empty, brings the keys in, and marks the log as half there.
func (r *restore) begin(ctx context.Context) error {
	return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		var head uint64
		if err := tx.QueryRow(ctx, sqlLockHead).Scan(&head); err != nil {
			return err
		}
		var chain string
		var finished bool
		err := tx.QueryRow(ctx, sqlRestoring).Scan(&chain, &r.pos, &finished)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			if err := r.beginNew(ctx, tx, head); err != nil {
				return err
			}
		case err != nil:
			return err
		case finished:
			return notEmpty(head)
		case chain != r.manifest.Chain:
			return domain.Refused("log.restore_other", "another export, or an earlier state of this one, is half restored here: go on with that, or restore into a fresh database")
		}
		return r.keys(ctx, tx)
	})
}

func notEmpty(head uint64) error {
	return domain.Refused("log.not_empty", "the log of this database has %d events: restore into a fresh one (createdb, then give its --database-url, or a new --data-dir)", head)
}

func (r *restore) beginNew(ctx context.Context, tx pgx.Tx, head uint64) error {
	var anything bool
	if err := tx.QueryRow(ctx, sqlAnything).Scan(&anything); err != nil {
		return err
	}
	if head != 0 || anything {
		return notEmpty(head)
	}
	if _, err := tx.Exec(ctx, sqlSize, r.manifest.PartitionSize); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlBegun, r.manifest.Chain, r.manifest.Last)
	return err
}

// keys brings in all files that were given. The export's own must be as it was written;
// others must hold at least as many keys.
func (r *restore) keys(ctx context.Context, tx pgx.Tx) error {
	files, own := r.opt.Keys, len(r.opt.Keys) == 0
	if own {
		files = []string{filepath.Join(r.dir, r.manifest.Keys.File)}
	}
	for _, file := range files {
		sum, err := mergeKeys(ctx, tx, file)
		if errors.Is(err, os.ErrNotExist) {
			return domain.NotFound("log.keys_missing",
				"the subjects' keys are not at %s: give the newest file of them with --keys. Without it no personal data could be read", file)
		}
		if err != nil {
			return err
		}
		if own && sum != r.manifest.Keys.SHA256 {
			return domain.Invalid("archive.keys", "%s is not the file that the manifest names: its sha256 is %s. If it is a newer one, give it with --keys", file, sum)
		}
	}
	var there int64
	if err := tx.QueryRow(ctx, "select count(*) from portico.subject_keys").Scan(&there); err != nil {
		return err
	}
	if there < r.manifest.Keys.Count {
		return domain.Refused("log.keys_missing", "the files of keys hold %d of the export's %d: give a newer one with --keys", there, r.manifest.Keys.Count)
	}
	return nil
}

// events reads the segments that are not there yet.
func (r *restore) events(ctx context.Context) error {
	for i := range r.manifest.Segments {
		s := &r.manifest.Segments[i]
		if s.Last <= r.pos {
			continue
		}
		sum, err := fileHash(s.path(r.dir))
		if err != nil {
			return err
		}
		if sum != s.SHA256 {
			return domain.Invalid("archive.file", "%s is damaged: its sha256 is %s, the manifest says %s", s.File, sum, s.SHA256)
		}
		if err := r.segment(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.File, err)
		}
	}
	return nil
}

func fileHash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (r *restore) segment(ctx context.Context, s *Segment) error {
	in, err := openLines(s.path(r.dir))
	if err != nil {
		return err
	}
	defer in.file.Close()
	b := batch{}
	for in.next() {
		e, err := parseLine(in.line())
		if err != nil {
			return err
		}
		if e.Pos.Hi <= r.pos {
			continue
		}
		if err := b.add(e, r.pos); err != nil {
			return err
		}
		if b.full() {
			if err := r.write(ctx, &b); err != nil {
				return err
			}
		}
	}
	if err := in.end(); err != nil {
		return err
	}
	if err := r.write(ctx, &b); err != nil {
		return err
	}
	if r.pos != s.Last {
		return domain.Invalid("archive.file", "it ends at %d, the manifest says %d", r.pos, s.Last)
	}
	return nil
}

func (r *restore) write(ctx context.Context, b *batch) error {
	if len(b.events) == 0 {
		return nil
	}
	last := b.events[len(b.events)-1].Pos.Hi
	if err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error { return r.writeIn(ctx, tx, b, last) }); err != nil {
		return err
	}
	failpoint.At("restore_batch")
	r.pos = last
	b.clear()
	if r.opt.Progress != nil {
		r.opt.Progress(int64(r.pos), int64(r.manifest.Last))
	}
	return nil
}

// explained says what to do where the connecting role may not do this.
func explained(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == "42501" {
		return domain.Forbidden("log.not_owner", "restore with the login that owns the tables (the one that ran portico migrate): %s", pe.Message)
	}
	return err
}
