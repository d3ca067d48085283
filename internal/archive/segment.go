package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"portico/internal/eventstore"
)

// packed writes lines into a compressed file, and hashes both sides of the compression.
type packed struct {
	file         *os.File
	buffer       *bufio.Writer
	zip          *gzip.Writer
	bytes, plain int64
	sum, sumOf   hash.Hash // of the file; of what is in it
}

func newPacked(dir string, mode os.FileMode) (*packed, error) {
	f, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(mode); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	p := &packed{file: f, sum: sha256.New(), sumOf: sha256.New()}
	p.buffer = bufio.NewWriterSize(io.MultiWriter(f, p.sum, (*counter)(&p.bytes)), 1<<20)
	p.zip = gzip.NewWriter(p.buffer)
	return p, nil
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func (p *packed) write(line []byte) error {
	p.plain += int64(len(line))
	p.sumOf.Write(line)
	_, err := p.zip.Write(line)
	return err
}

// finish gives the file its name once all of it is on disk.
func (p *packed) finish(name string) error {
	if err := errors.Join(p.zip.Close(), p.buffer.Flush(), p.file.Sync(), p.file.Close()); err != nil {
		return err
	}
	return publish(p.file.Name(), name)
}

// abandon removes a file that was not finished.
func (p *packed) abandon() {
	p.file.Close()
	os.Remove(p.file.Name())
}

func hexOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// limits of one segment.
type limits struct {
	last  uint64 // position
	bytes int64  // uncompressed; 0: none
}

// writeSegment writes events from the cursor on, up to the limits. It refuses to leave out
// a position: a log with a gap must not become an export that looks whole.
func (l *Log) writeSegment(ctx context.Context, dir, name string, c *cursor, until limits) (s Segment, err error) {
	p, err := newPacked(dir, 0o644)
	if err != nil {
		return s, err
	}
	defer p.abandon()
	s.First = c.after.Hi + 1
	if c.next < len(c.page.Events) {
		s.First = c.page.Events[c.next].Pos.Hi
	}
	var line []byte
	for s.Last < until.last && (until.bytes == 0 || p.plain < until.bytes) {
		e, err := c.read(ctx)
		if err != nil {
			return s, err
		}
		if want := s.First + s.Count; e.Pos.Hi != want {
			return s, fmt.Errorf("archive: the log has no event at %d: see portico log verify", want)
		}
		if !writable(e) {
			return s, fmt.Errorf("archive: the time of the event at %d cannot be written", e.Pos.Hi)
		}
		line = appendLine(line[:0], e)
		if err := p.write(line); err != nil {
			return s, err
		}
		s.Last, s.LastID, s.Count = e.Pos.Hi, e.ID.String(), s.Count+1
		if s.Count%pageEvents == 0 {
			l.progress(s.Last, until.last)
		}
	}
	s.File = fmt.Sprintf(name, s.First, s.Last)
	if err := p.finish(filepath.Join(dir, s.File)); err != nil {
		return s, err
	}
	s.Bytes, s.SHA256, s.PlainBytes, s.PlainSHA256 = p.bytes, hexOf(p.sum), p.plain, hexOf(p.sumOf)
	return s, nil
}

// writable tells whether the line says the time exactly.
func writable(e eventstore.Recorded) bool {
	return e.At.Nanosecond()%1000 == 0 && e.At.Year() >= 0 && e.At.Year() <= 9999
}

// maxLine is well above what an append may hold (eventstore.MaxBytes, in base64).
const maxLine = 8 << 20

// lines are what a compressed file holds, with the hashes that it turned out to have.
type lines struct {
	file       *os.File
	packed     io.Reader // counts and hashes the file
	scan       *bufio.Scanner
	bytes      int64
	plainBytes int64
	sum, sumOf hash.Hash
}

func openLines(path string) (*lines, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	l := &lines{file: f, sum: sha256.New(), sumOf: sha256.New()}
	l.packed = bufio.NewReaderSize(io.TeeReader(f, io.MultiWriter(l.sum, (*counter)(&l.bytes))), 1<<20)
	unpacked, err := gzip.NewReader(l.packed)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", filepath.Base(path), err), f.Close())
	}
	l.scan = bufio.NewScanner(io.TeeReader(unpacked, io.MultiWriter(l.sumOf, (*counter)(&l.plainBytes))))
	l.scan.Buffer(make([]byte, 1<<20), maxLine)
	return l, nil
}

// next moves to the next line, which line then is.
func (l *lines) next() bool   { return l.scan.Scan() }
func (l *lines) line() []byte { return l.scan.Bytes() }

// end reads what follows the last line and closes the file. Only then are hashes known.
func (l *lines) end() error {
	_, err := io.Copy(io.Discard, l.packed)
	return errors.Join(l.scan.Err(), err, l.file.Close())
}
