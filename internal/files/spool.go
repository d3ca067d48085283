package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"gocloud.dev/blob"
)

// spool is a file without a name yet: its bytes are hashed while they are written, and it
// is gone unless it is placed.
type spool struct {
	file   *os.File
	sum    hash.Hash
	size   int64
	placed bool
}

// spool makes an empty one: where the files are, if that is a folder, so that placing it
// is a rename; else in the system's folder of temporary files.
func (s *Store) spool() (*spool, error) {
	f, err := os.CreateTemp(s.incoming(), "portico-file-*")
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	to := &spool{file: f, sum: sha256.New()}
	if s.folder == "" {
		err = os.Remove(f.Name()) // it needs no name, and so nothing stays, even after kill -9
	}
	if err != nil {
		to.discard()
		return nil, fmt.Errorf("files: %w", err)
	}
	return to, nil
}

// Write implements io.Writer.
func (t *spool) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	t.sum.Write(p[:n])
	t.size += int64(n)
	return n, err
}

// whole reads what was written, from its beginning.
func (t *spool) whole() *io.SectionReader { return io.NewSectionReader(t.file, 0, t.size) }

// described is what was written, by its hash.
func (t *spool) described(mediaType string) File {
	return File{SHA256: hex.EncodeToString(t.sum.Sum(nil)), Size: t.size, MediaType: mediaType}
}

// discard forgets what was not placed.
func (t *spool) discard() {
	_ = t.file.Close()
	if !t.placed {
		_ = os.Remove(t.file.Name()) // or it has no name
	}
}

// partSize is how many bytes at a time go to a store that is not a folder.
const partSize = 5 << 20

// place puts a spool under its name, for good: when it returns, a power cut loses nothing.
// What is there under the name already is written over, which mends it if it was damaged.
func (s *Store) place(ctx context.Context, t *spool, mediaType string) (f File, err error) {
	f = t.described(mediaType)
	if s.folder != "" {
		err = s.settle(t, f.SHA256)
	} else {
		err = s.send(ctx, t, f.SHA256, f.MediaType)
	}
	if err != nil {
		err = fmt.Errorf("files: keeping %s: %w", f.SHA256, err)
	}
	return f, err
}

// send writes to a store that shows an object once it is complete.
func (s *Store) send(ctx context.Context, t *spool, name, mediaType string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(ctx, name, &blob.WriterOptions{ContentType: mediaType, BufferSize: partSize, MaxConcurrency: 1})
	if err != nil {
		return err
	}
	if _, err = io.Copy(w, t.whole()); err != nil {
		cancel() // or closing would keep the part
	}
	return errors.Join(err, w.Close())
}
