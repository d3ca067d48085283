package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/google/uuid"

	"portico/domain/access"
	"portico/internal/envelope"
	"portico/internal/files"
	"portico/projections"
)

// handedOut is a file that its asker may have.
type handedOut struct {
	files.File
	Name string // to save it under
}

// filePolicy is what every answer of an operation about a file's bytes says, whatever its
// status: were it ever shown, nothing in it would run (SECURITY §4).
const filePolicy = "sandbox; default-src 'none'; frame-ancestors 'none'"

// getFile is a query about the thing whose id is in the path, that is answered with a file.
// The file is never shown in our own origin: it is a download, in a sandbox (SECURITY §4).
func getFile[F any](a *api, path, group string, who policy, name string, f func(context.Context, projections.Viewer, uuid.UUID, F) (handedOut, error)) {
	op := a.operation(http.MethodGet, path, who, name)
	op.Parameters = a.queryParameters(path, false)
	op.Metadata["after"], op.Metadata["file"] = true, true
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The file's bytes", Content: map[string]*huma.MediaType{"*/*": {Schema: binary}}},
		"304": {Description: "The client has these bytes already"},
	}
	huma.Register(a.huma, op, func(ctx context.Context, filter *F) (*huma.StreamResponse, error) {
		rq := requestOf(ctx)
		id, err := pathIDOf(ctx)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		asking, decided := context.WithTimeout(ctx, queryTime)
		customers := concerned(rq, false, id, filter)
		rq.shown(nil, customers)
		position, stale := a.awaited(asking, rq, group, customers)
		file, err := f(asking, rq.viewer(), id, *filter)
		decided()
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		headers := map[string]string{"Portico-Position": position, "Portico-Stale": stale, "ETag": `"` + file.SHA256 + `"`,
			"Content-Disposition": attachmentNamed(file.Name)}
		if matches(rq.has, headers["ETag"]) {
			return &huma.StreamResponse{Body: func(hc huma.Context) {
				setHeaders(hc, headers)
				hc.SetStatus(http.StatusNotModified)
			}}, nil
		}
		bytes, err := a.Files.Read(ctx, file.SHA256)
		if err != nil {
			return nil, a.failed(ctx, unreadable(err))
		}
		headers["Content-Type"], headers["Content-Length"] = file.MediaType, fmt.Sprint(file.Size)
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer bytes.Close()
			setHeaders(hc, headers)
			a.sendFile(hc, rq, file, bytes)
		}}, nil
	})
}

func setHeaders(hc huma.Context, headers map[string]string) {
	for name, value := range headers {
		if value != "" {
			hc.SetHeader(name, value)
		}
	}
}

// sendFile streams bytes. If they turn out not to be the file's, or are cut off, the
// connection is cut too, so that the client does not take a part for the whole.
func (a *api) sendFile(hc huma.Context, rq *request, file handedOut, bytes io.Reader) {
	r, w := humachi.Unwrap(hc)
	if r.Method == http.MethodHead {
		return
	}
	to := &urging{hc.BodyWriter(), http.NewResponseController(w), time.Now().Add(uploadTime)}
	n, err := io.Copy(to, bytes)
	if err == nil && n == file.Size {
		return
	}
	level := slog.LevelWarn
	if errors.Is(err, files.ErrDamaged) {
		level = slog.LevelError
	}
	a.Log.Log(r.Context(), level, "a file was cut off", "request_id", rq.id, "sha256", file.SHA256, "sent", n, "size", file.Size, "error", err)
	rq.code = "file.cut_off" // for the access log: the client was told 200
	panic(http.ErrAbortHandler)
}

// attachmentNamed is a Content-Disposition that saves a file under a name (RFC 6266): the
// plain form for programs that do not read the other.
func attachmentNamed(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + strings.NewReplacer("+", "%20", "'", "%27", "*", "%2A", "(", "%28", ")", "%29").Replace(url.QueryEscape(name))
}

// attachmentRoutes are about files that hang on something.
func (a *api) attachmentRoutes() {
	c, q, portal := a.Commands, a.Queries, projections.Portal.Name
	create(a, "/v1/attachments", billing, c.AddAttachment)
	postID(a, "/v1/attachments/{id}/share", billing, c.ShareAttachment)
	postID(a, "/v1/attachments/{id}/hide", billing, c.HideAttachment)
	postID(a, "/v1/attachments/{id}/replace", billing, c.ReplaceAttachment)
	postID(a, "/v1/attachments/{id}/remove", billing, c.RemoveAttachment)
	get(a, "/v1/attachments", portal, granted(access.Documents, access.View), q.ListAttachments)
	getID(a, "/v1/attachments/{id}", portal, granted(access.Documents, access.View), q.GetAttachment)
	getFile(a, "/v1/attachments/{id}/file", portal, granted(access.Documents, access.Download), "GetAttachmentFile", a.attachmentFile)
}

// attachmentFile is the file of an attachment that a viewer sees. For a contact the tick is
// asked of history as well: a link that it has kept ends with the tick.
func (a *api) attachmentFile(ctx context.Context, v projections.Viewer, id uuid.UUID, _ struct{}) (handedOut, error) {
	found, err := a.Queries.GetAttachmentFile(ctx, v, id)
	if err != nil {
		return handedOut{}, err
	}
	if v.Kind == envelope.Contact {
		shows, err := a.Commands.ShowsAttachment(ctx, v.Tenant, id, found.SHA256)
		if err != nil {
			return handedOut{}, err
		}
		if !shows {
			return handedOut{}, projections.UnknownAttachment()
		}
	}
	return handedOut{files.File{SHA256: found.SHA256, Size: found.Size, MediaType: found.MediaType}, found.SaveAs()}, nil
}
