package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"portico/internal/eventstore"
	"portico/internal/invariant"
)

// The rules that Verify adds to those of the log itself.
const (
	RuleManifest = "archive.manifest" // the manifest's positions, counts and chain fit together
	RuleFile     = "archive.file"     // a file is as it was written
	RuleEvent    = "archive.event"    // an event in the database is the one in the file
	RuleRecord   = "archive.record"   // an archived partition is noted in es.archives as it is here
)

// most findings for one file: whoever sees this many needs no more.
const most = 20

// Verify reads every file of an export or an archive again: its hashes, the chain, and
// each event against the database. Where a file is as it was written and an event
// differs, the database has changed.
func (l *Log) Verify(ctx context.Context, dir string) (m *Manifest, found []invariant.Finding, err error) {
	if m, err = existingOrBroken(dir); err != nil {
		return nil, nil, err
	}
	for _, what := range m.broken() {
		found = append(found, invariant.Finding{Rule: RuleManifest, Where: manifestName, Detail: what})
	}
	for i := range m.Segments {
		more, err := l.verifySegment(ctx, dir, &m.Segments[i])
		if err != nil {
			return m, found, err
		}
		found = append(found, more...)
		l.progress(m.Segments[i].Last, m.Last)
	}
	if m.Kind == kindArchive {
		more, err := l.verifyRecords(ctx, m)
		if err != nil {
			return m, found, err
		}
		found = append(found, more...)
	}
	return m, append(found, verifyKeys(dir, m)...), nil
}

// existingOrBroken is existing, but leaves a contradiction to be found with the rest.
func existingOrBroken(dir string) (*Manifest, error) {
	if m, err := ReadManifest(dir); m != nil || err != nil {
		return m, err
	}
	return existing(dir)
}

// verifySegment compares a file with its manifest and with the log.
func (l *Log) verifySegment(ctx context.Context, dir string, s *Segment) ([]invariant.Finding, error) {
	v := segmentCheck{s: s, log: &cursor{store: l.Store, after: eventstore.Position{Hi: s.First - 1}}}
	in, err := openLines(s.path(dir))
	if err != nil {
		v.file("%v", err)
		return v.found, nil
	}
	defer in.file.Close()
	for in.next() && len(v.found) < most {
		if err := v.line(ctx, in.line()); err != nil {
			return v.found, err
		}
		if v.count++; v.count%pageEvents == 0 {
			l.progress(s.First+v.count, s.Last)
		}
	}
	if len(v.found) >= most {
		return v.found, nil
	}
	if err := in.end(); err != nil {
		v.file("%v", err)
		return v.found, nil
	}
	if v.count != s.Count || in.plainBytes != s.PlainBytes || hexOf(in.sumOf) != s.PlainSHA256 {
		v.file("it holds %d events, sha256 %s; the manifest says %d, %s", v.count, hexOf(in.sumOf), s.Count, s.PlainSHA256)
	}
	if in.bytes != s.Bytes || hexOf(in.sum) != s.SHA256 {
		v.file("it is %d bytes, sha256 %s; the manifest says %d, %s", in.bytes, hexOf(in.sum), s.Bytes, s.SHA256)
	}
	return v.found, nil
}

// segmentCheck compares the lines of one file with the log.
type segmentCheck struct {
	s     *Segment
	log   *cursor
	event *eventstore.Recorded // read and not yet compared
	end   bool                 // of the log
	count uint64               // of lines
	buf   []byte
	found []invariant.Finding
}

func (v *segmentCheck) file(format string, args ...any) {
	v.found = append(v.found, invariant.Finding{Rule: RuleFile, Where: v.s.File, Detail: fmt.Sprintf(format, args...)})
}

func (v *segmentCheck) differs(pos uint64, format string, args ...any) {
	v.found = append(v.found, invariant.Finding{Rule: RuleEvent, Where: fmt.Sprint(pos), Detail: fmt.Sprintf(format, args...)})
}

func (v *segmentCheck) line(ctx context.Context, line []byte) error {
	pos := v.s.First + v.count
	if v.event == nil && !v.end {
		e, err := v.log.read(ctx)
		if v.end = errors.Is(err, errNoMore); err != nil && !v.end {
			return err
		}
		v.event = &e
	}
	if v.end || v.event.Pos.Hi > pos {
		v.differs(pos, "it is in %s and not in the database", v.s.File)
		return nil
	}
	e := *v.event
	v.event = nil
	if v.buf = appendLine(v.buf[:0], e); bytes.Equal(bytes.TrimSuffix(v.buf, []byte{'\n'}), line) {
		return nil
	}
	written, err := parseLine(line)
	switch {
	case err != nil:
		v.file("line %d: %v", v.count+1, err)
	case written.Pos != e.Pos:
		v.file("line %d is the event at %d, not at %d", v.count+1, written.Pos.Hi, pos)
	default:
		v.differs(pos, "%s differs from %s in %s", e.Stream, v.s.File, difference(e, written))
	}
	return nil
}

// difference names what differs; not the values, which may be personal.
func difference(a, b eventstore.Recorded) string {
	for _, d := range []struct {
		name string
		same bool
	}{
		{"stream", a.Stream == b.Stream}, {"version", a.Version == b.Version}, {"id", a.ID == b.ID}, {"type", a.Type == b.Type},
		{"commit time", a.At.Equal(b.At)}, {"data", bytes.Equal(a.Data, b.Data)}, {"envelope", bytes.Equal(a.Meta, b.Meta)},
	} {
		if !d.same {
			return d.name
		}
	}
	return "how it is written"
}

const sqlRecorded = `select exists (select from es.archives where format = $1 and first_pos = $2 and last_pos = $3 and sha256 = $4 and plain_sha256 = $5)`

// verifyRecords finds files that es.archives does not know as they are.
func (l *Log) verifyRecords(ctx context.Context, m *Manifest) (found []invariant.Finding, err error) {
	for _, s := range m.Segments {
		var there bool
		if err := l.DB.QueryRow(ctx, sqlRecorded, m.Format, int64(s.First), int64(s.Last), s.SHA256, s.PlainSHA256).Scan(&there); err != nil {
			return nil, err
		}
		if !there {
			found = append(found, invariant.Finding{Rule: RuleRecord, Where: s.File, Detail: "es.archives does not know it with this sha256"})
		}
	}
	return found, nil
}

// verifyKeys looks at the file of keys if it is still beside the events.
func verifyKeys(dir string, m *Manifest) []invariant.Finding {
	if m.Keys == nil {
		return nil
	}
	sum, err := fileHash(filepath.Join(dir, m.Keys.File))
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && sum == m.Keys.SHA256:
		return nil
	case err != nil:
		return []invariant.Finding{{Rule: RuleFile, Where: m.Keys.File, Detail: err.Error()}}
	}
	return []invariant.Finding{{Rule: RuleFile, Where: m.Keys.File, Detail: "its sha256 is " + sum + ", not the manifest's"}}
}
