package main

import (
	"context"
	"errors"

	"portico/domain/attachment"
	"portico/internal/files"
)

// uploaded tells commands what a tenant has handed in.
func (a *app) uploaded(ctx context.Context, tenant, sha256 string) (attachment.File, bool, error) {
	f, err := a.uploads.Find(ctx, tenant, sha256)
	if errors.Is(err, files.ErrMissing) {
		return attachment.File{}, false, nil
	}
	return attachment.File{SHA256: f.SHA256, Size: f.Size, MediaType: f.MediaType}, err == nil, err
}
