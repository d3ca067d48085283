package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// What is kept for a time only is stowed: under a name of its own, so that to drop it takes
// nothing away from anybody else who has sent the same bytes.

// Stow keeps what comes, at most MaxUpload bytes of it, under a name until it is dropped.
func (s *Store) Stow(ctx context.Context, name string, from io.Reader) (File, error) {
	to, err := s.spool()
	if err != nil {
		return File{}, err
	}
	defer to.discard()
	if err := receive(ctx, to, from, MaxUpload); err != nil {
		return File{}, err
	}
	f := to.described("application/octet-stream")
	if s.folder != "" {
		err = s.settle(to, name)
	} else {
		err = s.send(ctx, to, name, f.MediaType)
	}
	if err != nil {
		err = fmt.Errorf("files: stowing %s: %w", name, err)
	}
	return f, err
}

// Stowed streams what is stowed under a name, if it still has its SHA-256. The caller closes.
func (s *Store) Stowed(ctx context.Context, name, sha256 string) (io.ReadCloser, error) {
	r, err := s.bucket.NewReader(ctx, name, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("files: reading %s: %w", name, err)
	}
	return verified(r, sha256), nil
}

// Drop throws away what is stowed under a name. Again is nothing.
func (s *Store) Drop(ctx context.Context, name string) error {
	if err := s.bucket.Delete(ctx, name); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("files: dropping %s: %w", name, err)
	}
	return nil
}

// StowedBefore names what was stowed under names that begin so, before a time.
func (s *Store) StowedBefore(ctx context.Context, begin string, before time.Time) (names []string, err error) {
	for all := s.bucket.List(&blob.ListOptions{Prefix: begin}); ; {
		o, err := all.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return names, nil
		case err != nil:
			return nil, fmt.Errorf("files: listing %s: %w", begin, err)
		case o.ModTime.Before(before) && strings.HasPrefix(o.Key, begin):
			names = append(names, o.Key)
		}
	}
}
