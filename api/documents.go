package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/internal/documents"
	"portico/internal/files"
	"portico/projections"
)

// askers may have a statement made: a contact for its own customer.
var askers = policy{"staff", "integration", "contact"}

// documentRoutes are about files that say what records say. They are downloads: see getFile.
func (a *api) documentRoutes() {
	q, portal := a.Queries, projections.Portal.Name
	getFile(a, "/v1/invoices/{id}/document", portal, customers, "GetInvoiceDocument",
		func(ctx context.Context, v projections.Viewer, id uuid.UUID, o projections.DocumentOptions) (handedOut, error) {
			return given(q.GetInvoiceDocument(ctx, v, id, o))
		})
	getFile(a, "/v1/credit-memos/{id}/document", portal, customers, "GetCreditMemoDocument",
		func(ctx context.Context, v projections.Viewer, id uuid.UUID, o projections.DocumentOptions) (handedOut, error) {
			return given(q.GetCreditMemoDocument(ctx, v, id, o))
		})
	getFile(a, "/v1/statements/{id}/document", portal, customers, "GetStatementDocument",
		func(ctx context.Context, v projections.Viewer, id uuid.UUID, _ struct{}) (handedOut, error) {
			return given(q.GetStatementDocument(ctx, v, id))
		})
	for _, path := range []string{"/v1/invoices/{id}/document", "/v1/credit-memos/{id}/document", "/v1/statements/{id}/document"} {
		op := a.huma.OpenAPI().Paths[path].Get
		op.Description += " The bytes are those that were published, until a new version is. 503 document.rendering: they are being drawn."
		ok := op.Responses["200"]
		ok.Content = map[string]*huma.MediaType{documents.MediaType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	}
	command(a, http.MethodPost, "/v1/customers/{id}/statements", askers, "IssueStatement", []option{creates, statementSaid},
		func(ctx context.Context, by commands.Caller, in *inID[documents.Period]) (commands.Receipt, error) {
			return a.Statements.Issue(ctx, by, requestOf(ctx).viewer(), in.ID, in.Body)
		})
	getOf(a, "/v1/customers/{id}/statements", portal, customers, q.ListStatements)
	getFile(a, "/v1/tenant/logo", portal, customers, "GetTenantLogo", a.tenantLogo)
	a.verifyRoute()
}

// tenantLogo is the logo as it was uploaded (S1.39).
func (a *api) tenantLogo(ctx context.Context, v projections.Viewer, _ uuid.UUID, _ struct{}) (handedOut, error) {
	t, err := a.Queries.GetTenant(ctx, v)
	if err == nil && t.Branding.Logo == "" {
		err = domain.NotFound("tenant.no_logo", "the business has no logo")
	}
	if err != nil {
		return handedOut{}, err
	}
	f, err := a.Uploads.Find(ctx, v.Tenant, t.Branding.Logo)
	return handedOut{f, domain.FileName("logo", f.MediaType)}, err
}

func statementSaid(op *huma.Operation) {
	op.Description += " It says what the customer sees, whoever asks, and is never changed. Asked for again with nothing recorded since, it is the same statement (200)."
}

// given is a document as a file to save.
func given(d projections.DocumentFile, err error) (handedOut, error) {
	return handedOut{
		File: files.File{SHA256: d.SHA256, Size: d.Size, MediaType: documents.MediaType},
		Name: domain.FileName(d.Number+".pdf", documents.MediaType),
	}, err
}

// unreadable is a store of files that does not answer. A file that it does not have is lost:
// that is ours to look into.
func unreadable(err error) error {
	if errors.Is(err, files.ErrMissing) {
		return err
	}
	return fmt.Errorf("%w (%w)", &domain.Error{Kind: domain.KindUnavailable, Code: "file.unavailable", Message: "files cannot be read just now: try again"}, err)
}

// asked is a document's hash, in the path.
type asked struct {
	Hash string `path:"hash" pattern:"^[0-9a-fA-F]{64}$" doc:"SHA-256 of the file's bytes in hex, or the hash that is printed on it"`
}

// Anybody may ask, but not everything there could be: a minute's worth of an address's
// questions, and how long it takes to be worth another one.
const (
	verifyBurst = 30
	verifyEvery = 2 * time.Second
)

// verifyRoute is the one question about documents that needs no key. It is not told apart
// who asks or what for, and it says one word.
func (a *api) verifyRoute() {
	op := a.operation(http.MethodGet, "/v1/verify/{hash}", public, "VerifyDocument")
	op.Description = "For anybody, without a key: whether a document is genuine, by its SHA-256 or by the hash printed on it. " +
		"Asking too often is answered 429."
	op.Security = []map[string][]string{{}}
	op.Errors = []int{http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable}
	limit := newLimiter(verifyBurst, verifyEvery, a.Clock)
	huma.Register(a.huma, op, func(ctx context.Context, in *asked) (*struct{ Body projections.Verification }, error) {
		if wait := limit.wait(requestOf(ctx).ip); wait > 0 {
			p := problem(http.StatusTooManyRequests, "verify.too_many", "you have asked very often: try again in a moment")
			p.retry = wait
			return nil, a.failed(ctx, p)
		}
		ctx, cancel := context.WithTimeout(ctx, queryTime)
		defer cancel()
		found, err := a.Queries.VerifyDocument(ctx, cmp.Or(a.Tenant, "main"), strings.ToLower(in.Hash))
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		return &struct{ Body projections.Verification }{found}, nil
	})
}
