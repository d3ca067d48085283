package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// ExportFormat says as what kind of file something is handed out.
type ExportFormat struct {
	Format string `query:"format" enum:"ndjson,csv" default:"ndjson" doc:"csv is for spreadsheets: cells that they would run begin with an apostrophe"`
}

// streamed is a file that is made while it is sent: it is cut off, without its end, if it cannot
// be completed.
type streamed struct {
	name, mediaType string
	write           func(context.Context, io.Writer) error
}

// takeaway is all of something: a file in two forms.
type takeaway struct {
	name          string // of the file, without its ending
	ndjson, table func(context.Context, io.Writer) error
}

// in is the file in one of its forms.
func (t takeaway) in(format string) (streamed, error) {
	if format == "csv" {
		return streamed{t.name + ".csv", "text/csv; charset=utf-8", t.table}, nil
	}
	return streamed{t.name + ".ndjson", "application/x-ndjson", t.ndjson}, nil
}

// exportOperation is an operation that hands all of something out: who takes it has shown
// lately who they are, and it is cut off where it cannot be completed.
func (a *api) exportOperation(path string, who policy, name, holds string) huma.Operation {
	op := a.operation(http.MethodGet, path, who, name)
	op.Description += " " + holds + " It is cut off, without its end, if it cannot be completed."
	sensitive(&op)
	text := &huma.Schema{Type: huma.TypeString}
	op.Responses = map[string]*huma.Response{"200": {Description: "The file", Content: map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: text}, "text/csv": {Schema: text},
	}}}
	return op
}

// exportPage is what a page's button for the same file leads to: by way of a fresh proof of who
// asks, where one is wanted.
func (a *api) exportPage(path string, who policy, name string) huma.Operation {
	op := a.pageOperation(http.MethodGet, path, who, name, nil)
	sensitive(&op)
	return op
}

// handOut registers what is answered with a file. F is what it is narrowed down by.
func handOut[F any](a *api, op huma.Operation, of func(context.Context, *F) (streamed, error)) {
	huma.Register(a.huma, op, func(ctx context.Context, f *F) (*huma.StreamResponse, error) {
		file, err := of(ctx, f)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humachi.Unwrap(hc)
			hc.SetHeader("Content-Type", file.mediaType)
			hc.SetHeader("Content-Disposition", attachmentNamed(file.name))
			to := &urging{hc.BodyWriter(), http.NewResponseController(w), time.Now().Add(uploadTime)}
			if r.Method != http.MethodHead {
				a.stream(w, r, func() error { return file.write(r.Context(), to) })
			}
		}}, nil
	})
}

// stream answers with a problem if a text cannot be begun, and cuts the connection where it
// cannot be completed: its reader is not to take a part for the whole.
func (a *api) stream(w http.ResponseWriter, r *http.Request, write func() error) {
	err := write()
	if err == nil {
		return
	}
	if out := witnessOf(w); out != nil && !out.begun {
		w.Header().Del("Content-Disposition")
		a.refuse(w, r, err)
		return
	}
	rq := requestOf(r.Context())
	a.Log.Warn("an export was cut off", "request_id", rq.id, "operation", rq.operation, "error", err)
	rq.code = "export.cut_off" // for the access log: the client was told 200
	panic(http.ErrAbortHandler)
}

// witnessOf is the witness that an answer goes through; pages have more around it.
func witnessOf(w http.ResponseWriter) *witness {
	for {
		switch in := w.(type) {
		case *witness:
			return in
		case interface{ Unwrap() http.ResponseWriter }:
			w = in.Unwrap()
		default:
			return nil
		}
	}
}
