package archive

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/eventstore"
)

// Archived is a sealed partition that is in a file.
type Archived struct {
	No  int  `json:"no"`
	New bool `json:"new"` // verified by this run
	Segment
}

// A partition is sealed when the head is in a later one: nothing can be added to it, and
// nothing in it can change.
const sqlSealed = `
select p.no, p.first_pos, p.last_pos from es.partitions p
where p.last_pos < (select h.pos from es.head h where h.one) order by p.no`

type partition struct {
	No          int
	First, Last uint64
}

const archiveName = "events-%012d-%012d.ndjson.gz"

// Archive writes each sealed partition that the directory does not have yet to a file,
// reads the file again and compares it with the table event by event, and notes it in
// es.archives. Partitions stay where they are. An interrupted run goes on with the
// partition it was at.
func (l *Log) Archive(ctx context.Context, dir string) (all []Archived, err error) {
	release, err := claim(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	m, err := l.begin(ctx, dir, kindArchive, 0)
	if err != nil {
		return nil, err
	}
	rows, err := l.DB.Query(ctx, sqlSealed)
	if err != nil {
		return nil, err
	}
	sealed, err := pgx.CollectRows(rows, pgx.RowToStructByPos[partition])
	if err != nil {
		return nil, err
	}
	for i, p := range sealed {
		made, err := l.archive(ctx, dir, m, i, p)
		if err != nil {
			return all, fmt.Errorf("partition %d: %w", p.No, err)
		}
		all = append(all, made)
	}
	return all, nil
}

// archive makes sure that the i-th segment of a directory is partition p, verified and
// noted.
func (l *Log) archive(ctx context.Context, dir string, m *Manifest, i int, p partition) (a Archived, err error) {
	a = Archived{No: p.No}
	if i == len(m.Segments) {
		c := &cursor{store: l.Store, after: eventstore.Position{Hi: p.First - 1}}
		s, err := l.writeSegment(ctx, dir, archiveName, c, limits{last: p.Last})
		if err != nil {
			return a, err
		}
		// Before it counts as archived, in whatever directory.
		if err := l.mustVerify(ctx, dir, &s); err != nil {
			return a, err
		}
		m.add(s)
		if err := l.save(m, dir); err != nil {
			return a, err
		}
		a.New = true
	}
	a.Segment = m.Segments[i]
	if a.Segment.First != p.First || a.Segment.Last != p.Last {
		return a, domain.Refused("archive.other_partitions", "%s is not the partition at %d to %d", a.File, p.First, p.Last)
	}
	known, err := l.noted(ctx, p.No, &a.Segment)
	if err != nil || known && !a.New {
		return a, err
	}
	if !a.New { // interrupted before it was noted, or the files come from elsewhere
		if err := l.mustVerify(ctx, dir, &a.Segment); err != nil {
			return a, err
		}
		a.New = true
	}
	return a, l.note(ctx, p.No, &a.Segment)
}

func (l *Log) mustVerify(ctx context.Context, dir string, s *Segment) error {
	found, err := l.verifySegment(ctx, dir, s)
	if err == nil && len(found) > 0 {
		err = domain.Refused("archive.differs", "what was written is not what is in the table: %s", found[0])
	}
	return err
}

const (
	sqlNoted = `select format, plain_sha256, sha256 from es.archives where no = $1`
	sqlNote  = `insert into es.archives (no, format, first_pos, last_pos, file, bytes, sha256, plain_bytes, plain_sha256, software)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
)

// noted tells whether a file was verified before. A partition that was archived with other
// contents, wherever to, has changed since.
func (l *Log) noted(ctx context.Context, no int, s *Segment) (known bool, err error) {
	rows, err := l.DB.Query(ctx, sqlNoted, no)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var format int
		var plain, file string
		if err := rows.Scan(&format, &plain, &file); err != nil {
			return false, err
		}
		if format == Format && plain != s.PlainSHA256 {
			return false, domain.Refused("archive.differs", "%s is not what was archived before: the sha256 of its events was %s, it is %s now", s, plain, s.PlainSHA256)
		}
		known = known || file == s.SHA256
	}
	return known, rows.Err()
}

func (l *Log) note(ctx context.Context, no int, s *Segment) error {
	_, err := l.DB.Exec(ctx, sqlNote, no, Format, int64(s.First), int64(s.Last), s.File, s.Bytes, s.SHA256, s.PlainBytes, s.PlainSHA256, l.Software)
	return err
}
