package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"portico/internal/files"
)

// inFile is what an upload says of its body, which is the file and nothing else.
type inFile struct {
	Name string `query:"name" required:"true" minLength:"1" maxLength:"1000" example:"photo.jpg" doc:"The file's name, with an extension that agrees with its type"`
}

// keptFile answers an upload.
type keptFile struct{ Body files.File }

const aboutUploads = ` The body is the file itself, sent as it is and with its media type; it is
streamed, and may take its time as long as it goes on coming. Pictures are drawn anew, without
metadata: their SHA-256 is another than that of what was sent, and a WebP becomes a PNG or a
JPEG. An Idempotency-Key is not needed, and is not read: files are named by their content, so
sending one again changes nothing.`

// fileRoutes are where files are handed in.
func (a *api) fileRoutes() {
	op := a.operation(http.MethodPost, "/v1/files", billing, "UploadFile")
	op.Description += strings.ReplaceAll(aboutUploads, "\n", " ")
	op.Errors = append(op.Errors, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	op.Metadata["stream"] = true
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	for _, mediaType := range files.MediaTypes() {
		op.RequestBody.Content[mediaType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *inFile) (*keptFile, error) {
		rq := requestOf(ctx)
		f, err := a.Files.Accept(ctx, files.Upload{Name: in.Name, MediaType: rq.contentType, Body: rq.stream})
		if err == nil {
			err = a.Uploads.Record(ctx, files.Sender{Tenant: rq.who.Tenant, Kind: rq.who.Actor().Kind, ID: rq.who.ActorID()}, f)
		}
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		return &keptFile{f}, nil
	})
}

// takesStream tells whether an operation reads its body itself, as it comes.
func takesStream(op *huma.Operation) bool { return op.Metadata["stream"] == true }

// openBody hands a body to its operation unread, with a deadline that moves on while
// something comes.
func (rq *request) openBody(w http.ResponseWriter, r *http.Request) error {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return problem(http.StatusUnsupportedMediaType, "request.unsupported_media_type", "send the body without compression")
	}
	if r.ContentLength > files.MaxUpload {
		return files.TooLarge(files.MaxUpload)
	}
	rq.contentType = r.Header.Get("Content-Type")
	rq.stream = &patient{body: r.Body, connection: http.NewResponseController(w), until: time.Now().Add(uploadTime)}
	return nil
}

const (
	uploadTime = 15 * time.Minute // for a whole upload or download: 25 MiB at 30 kB/s
	pauseTime  = 20 * time.Second // without a byte coming or going
	answerTime = 60 * time.Second // from the last byte that came to the end of the answer
)

// patient reads a body that may be slow, but not stand still.
type patient struct {
	body       io.Reader
	connection *http.ResponseController
	until      time.Time
}

// Read implements io.Reader. Its errors are the client's to know.
func (p *patient) Read(b []byte) (int, error) {
	now := time.Now()
	_ = p.connection.SetReadDeadline(earlier(now.Add(pauseTime), p.until)) // a connection without deadlines has no need of them
	_ = p.connection.SetWriteDeadline(now.Add(pauseTime + answerTime))
	n, err := p.body.Read(b)
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, problem(http.StatusRequestTimeout, "request.timeout", "the body did not come in time")
	}
	return n, problem(http.StatusBadRequest, "request.malformed", "the body ended early")
}

// urging writes to a client that may be slow, but not stand still.
type urging struct {
	to         io.Writer
	connection *http.ResponseController
	until      time.Time
}

// Write implements io.Writer.
func (u *urging) Write(b []byte) (int, error) {
	_ = u.connection.SetWriteDeadline(earlier(time.Now().Add(pauseTime), u.until))
	return u.to.Write(b)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
