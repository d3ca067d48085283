package archive

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"portico/domain"
	"portico/internal/eventstore"
)

// segmentBytes is how much of an export one file holds, unpacked: what an interruption
// costs at most, and what a tool can still look into.
const segmentBytes = 64 << 20

const exportName = "events-%012d-%012d.ndjson.gz"

// ExportOptions may be left zero.
type ExportOptions struct {
	After uint64 // begin after this position; such an export cannot be restored
	Keys  string // the file for subjects' wrapped keys; in the directory by default
	Bytes int64  // of a segment, unpacked; 64 MiB by default
}

// Export writes what the log holds when it is called, and is not yet in the directory. An
// interrupted one goes on where it was; a later one adds what has come since, and writes
// the keys anew.
func (l *Log) Export(ctx context.Context, dir string, o ExportOptions) (*Manifest, error) {
	release, err := claim(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	m, err := l.begin(ctx, dir, kindExport, o.After)
	if err != nil {
		return nil, err
	}
	// In this order: what the consumers have done up to here is in the log by now.
	consumers, refusals, err := l.consumers(ctx)
	if err != nil {
		return nil, err
	}
	head, err := l.Store.Head(ctx)
	if err != nil {
		return nil, err
	}
	if o.Bytes == 0 {
		o.Bytes = segmentBytes
	}
	from := max(m.Last, o.After)
	c := &cursor{store: l.Store, after: eventstore.Position{Hi: from}}
	for from < head.Hi {
		s, err := l.writeSegment(ctx, dir, exportName, c, limits{last: head.Hi, bytes: o.Bytes})
		if err != nil {
			return nil, err
		}
		m.add(s)
		if err := l.save(m, dir); err != nil {
			return nil, err
		}
		from = s.Last
		l.progress(from, head.Hi)
	}
	// Events first, keys after: whatever key an event needs is there.
	if m.Keys, err = l.exportKeys(ctx, dir, o.Keys); err != nil {
		return nil, err
	}
	m.Complete, m.Consumers, m.Refusals = m.Last, consumers, refusals
	return m, l.save(m, dir)
}

func (l *Log) save(m *Manifest, dir string) error {
	m.Software, m.ChangedAt = l.Software, time.Now().UTC().Truncate(time.Second)
	return m.save(dir)
}

// begin reads the manifest of a directory, which must be of this log, or makes one.
func (l *Log) begin(ctx context.Context, dir, kind string, after uint64) (*Manifest, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if m == nil {
		m = &Manifest{Format: Format, Kind: kind, MadeAt: time.Now().UTC().Truncate(time.Second), Chain: noChain}
	} else if _, err := existing(dir); err != nil {
		return nil, err
	}
	switch {
	case m.Kind != kind:
		return nil, domain.Refused("archive.kind", "%s holds an %s: choose another directory", dir, m.Kind)
	case len(m.Segments) == 0:
		return m, l.size(ctx, m)
	case after != 0 && m.First != after+1:
		return nil, domain.Refused("archive.begins_elsewhere", "the export in %s begins at %d: choose another directory", dir, m.First)
	}
	page, err := l.Store.ReadAll(ctx, eventstore.Position{Hi: m.Last - 1}, 1)
	if err != nil {
		return nil, err
	}
	if last := m.Segments[len(m.Segments)-1]; len(page.Events) == 0 || page.Events[0].Pos.Hi != m.Last || page.Events[0].ID.String() != last.LastID {
		return nil, domain.Refused("archive.other_log",
			"%s holds events of another log, or of a later state of this one: the event at %d is not the same. Choose another directory", dir, m.Last)
	}
	return m, l.size(ctx, m)
}

// size notes how large partitions are, so that a restored log has the same.
func (l *Log) size(ctx context.Context, m *Manifest) error {
	return l.DB.QueryRow(ctx, "select partition_size from es.settings where one").Scan(&m.PartitionSize)
}

// Consumer is how far a named consumer of the log had come (portico.consumers).
type Consumer struct {
	Name    string `json:"name"`
	Low     string `json:"low"`
	Emitted string `json:"emitted"`
}

// Refusal is what a policy asked for and was refused: it is not in the log, and a
// consumer that has passed it would not ask again.
type Refusal struct {
	Consumer string    `json:"consumer"`
	EventID  string    `json:"event_id"`
	Stream   string    `json:"stream"`
	Pos      string    `json:"pos"`
	Code     string    `json:"code"`
	Message  string    `json:"message"`
	At       time.Time `json:"at"`
}

// Not of the feeder of jobs: its jobs do not come along. It begins anew, and plans of the
// past what concerns the past: documents, perhaps, and no mails.
const (
	sqlConsumers = `select name, low_hi || '.' || low_lo, emitted_hi || '.' || emitted_lo from portico.consumers where name <> 'jobs' order by name`
	sqlRefusals  = `select consumer, event_id::text, stream, pos, code, message, at from portico.policy_refusals order by at, event_id`
)

func (l *Log) consumers(ctx context.Context) (consumers []Consumer, refusals []Refusal, err error) {
	rows, err := l.DB.Query(ctx, sqlConsumers)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c Consumer
		if err := rows.Scan(&c.Name, &c.Low, &c.Emitted); err != nil {
			return nil, nil, err
		}
		consumers = append(consumers, c)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	rows, err = l.DB.Query(ctx, sqlRefusals)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Refusal
		if err := rows.Scan(&r.Consumer, &r.EventID, &r.Stream, &r.Pos, &r.Code, &r.Message, &r.At); err != nil {
			return nil, nil, err
		}
		refusals = append(refusals, r)
	}
	return consumers, refusals, rows.Err()
}

// path is where a file of a manifest is.
func (s *Segment) path(dir string) string { return filepath.Join(dir, s.File) }

func (s *Segment) String() string { return fmt.Sprintf("%s (%d to %d)", s.File, s.First, s.Last) }
