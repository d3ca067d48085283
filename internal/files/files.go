// Package files keeps the bytes of documents: in a folder, or in an S3-compatible store,
// by URL. A file is named by the SHA-256 of its bytes, so it never changes, and the same
// bytes are kept once. Whatever is read is compared with its name on the way.
//
// What strangers send goes through Accept, which lets in few types and nothing that can run.
// Who may have which file is not decided here.
package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/memblob" // mem://, for tests
	_ "gocloud.dev/blob/s3blob"  // s3://bucket?…
	"gocloud.dev/gcerrors"
)

// ErrMissing says that no file has that name.
var ErrMissing = errors.New("files: there is no such file")

// File describes kept bytes.
type File struct {
	SHA256    string `json:"sha256" doc:"Of the bytes as they are kept, in hex: their name from now on"`
	Size      int64  `json:"size" doc:"Bytes"`
	MediaType string `json:"media_type" doc:"As found in the bytes"`
	Name      string `json:"name,omitempty" doc:"The name it was sent under, made harmless"`
}

// Store keeps files.
type Store struct {
	bucket *blob.Bucket
	folder string        // where they are, if that is a folder
	easel  chan struct{} // one picture at a time: each may take maxDecoded
}

// Open opens a store by its URL: file:///var/lib/portico/files, s3://bucket?…, mem://.
func Open(ctx context.Context, url string) (*Store, error) {
	s := &Store{easel: make(chan struct{}, 1)}
	var err error
	if folder, is := folderOf(url); is {
		s.folder = folder
		s.bucket, err = openFolder(folder)
	} else {
		s.bucket, err = blob.OpenBucket(ctx, url)
	}
	if err != nil {
		return nil, fmt.Errorf("files: opening %s: %w", url, err)
	}
	return s, nil
}

// Close lets go of the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Keep keeps bytes that Portico itself has made. Keeping them again is nothing.
func (s *Store) Keep(ctx context.Context, mediaType string, data []byte) (File, error) {
	to, err := s.spool()
	if err != nil {
		return File{}, err
	}
	defer to.discard()
	if _, err := io.Copy(to, bytes.NewReader(data)); err != nil {
		return File{}, fmt.Errorf("files: keeping %d bytes: %w", len(data), err)
	}
	return s.place(ctx, to, mediaType)
}

// Read streams the bytes with a SHA-256 in hex. The caller closes. If they are not those
// bytes any more, the last of them are held back and ErrDamaged is read instead.
func (s *Store) Read(ctx context.Context, sha256 string) (io.ReadCloser, error) {
	r, err := s.bucket.NewReader(ctx, sha256, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("files: reading %s: %w", sha256, err)
	}
	return verified(r, sha256), nil
}
