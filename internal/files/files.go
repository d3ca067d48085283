// Package files keeps the bytes of documents: in a folder, or in an S3-compatible store,
// by URL. A file is named by the SHA-256 of its bytes, so it never changes, and the same
// bytes are kept once.
package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:///folder
	_ "gocloud.dev/blob/memblob"  // mem://, for tests
	"gocloud.dev/gcerrors"
)

// ErrMissing says that no file has that name.
var ErrMissing = errors.New("files: there is no such file")

// File describes kept bytes.
type File struct {
	SHA256    string `json:"sha256"` // in hex
	Size      int64  `json:"size"`   // bytes
	MediaType string `json:"media_type"`
}

// Store keeps files.
type Store struct{ bucket *blob.Bucket }

// Open opens a store by its URL: file:///var/lib/portico/files, s3://bucket?…, mem://.
func Open(ctx context.Context, url string) (*Store, error) {
	bucket, err := blob.OpenBucket(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("files: opening %s: %w", url, err)
	}
	return &Store{bucket}, nil
}

// Close lets go of the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Keep keeps bytes that Portico itself has made. Keeping them again is nothing.
func (s *Store) Keep(ctx context.Context, mediaType string, data []byte) (File, error) {
	sum := sha256.Sum256(data)
	f := File{hex.EncodeToString(sum[:]), int64(len(data)), mediaType}
	err := s.bucket.WriteAll(ctx, f.SHA256, data, &blob.WriterOptions{ContentType: mediaType})
	if err != nil {
		return f, fmt.Errorf("files: keeping %s: %w", f.SHA256, err)
	}
	return f, nil
}

// Read streams the bytes with a SHA-256 in hex. The caller closes.
func (s *Store) Read(ctx context.Context, sha256 string) (io.ReadCloser, error) {
	r, err := s.bucket.NewReader(ctx, sha256, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("files: reading %s: %w", sha256, err)
	}
	return r, nil
}
