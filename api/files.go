package api

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/internal/files"
	"portico/projections"
)

// handedOut is a file that its asker may have.
type handedOut struct {
	files.File
	Name string // to save it under
}

// getFile is a query about the thing whose id is in the path, that is answered with a file.
// The file is never shown in our own origin: it is a download, in a sandbox (SECURITY §4).
func getFile[F any](a *api, path, group string, who policy, name string, f func(context.Context, projections.Viewer, uuid.UUID, F) (handedOut, error)) {
	op := a.operation(http.MethodGet, path, who, name)
	op.Parameters = a.queryParameters(path, false)
	op.Metadata["after"] = true
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The file's bytes", Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: binary}}},
		"304": {Description: "The client has these bytes already"},
	}
	huma.Register(a.huma, op, func(ctx context.Context, filter *F) (*huma.StreamResponse, error) {
		rq := requestOf(ctx)
		id, err := pathIDOf(ctx)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		position, stale := a.awaited(ctx, rq, group, concerned(rq, false, id, filter))
		file, err := f(ctx, rq.viewer(), id, *filter)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		etag := `"` + file.SHA256 + `"`
		if matches(rq.has, etag) {
			return &huma.StreamResponse{Body: func(hc huma.Context) {
				hc.SetHeader("ETag", etag)
				hc.SetStatus(http.StatusNotModified)
			}}, nil
		}
		bytes, err := a.Files.Read(ctx, file.SHA256)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer bytes.Close()
			for name, value := range map[string]string{"Portico-Position": position, "Portico-Stale": stale, "ETag": etag} {
				if value != "" {
					hc.SetHeader(name, value)
				}
			}
			hc.SetHeader("Content-Type", file.MediaType)
			hc.SetHeader("Content-Length", fmt.Sprint(file.Size))
			hc.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
			hc.SetHeader("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
			if n, err := io.Copy(hc.BodyWriter(), bytes); err != nil || n != file.Size {
				a.Log.Warn("a file was cut off", "request_id", rq.id, "sha256", file.SHA256, "sent", n, "size", file.Size, "error", err)
				panic(http.ErrAbortHandler) // so that the client does not take a part for the whole
			}
		}}, nil
	})
}
