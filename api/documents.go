package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/internal/documents"
	"portico/internal/files"
	"portico/projections"
)

// askers may have a statement made: a contact for its own customer.
var askers = billing.granted(access.Account, access.Download)

// documentRoutes are about files that say what records say. They are downloads: see getFile.
func (a *api) documentRoutes() {
	q, portal := a.Queries, projections.Portal.Name
	getFile(a, "/v1/invoices/{id}/document", portal, granted(access.Invoices, access.Download), "GetInvoiceDocument",
		func(ctx context.Context, v projections.Viewer, id uuid.UUID, o projections.DocumentOptions) (handedOut, error) {
			return given(q.GetInvoiceDocument(ctx, v, id, o))
		})
	getFile(a, "/v1/credit-memos/{id}/document", portal, granted(access.Account, access.Download), "GetCreditMemoDocument",
		func(ctx context.Context, v projections.Viewer, id uuid.UUID, o projections.DocumentOptions) (handedOut, error) {
			return given(q.GetCreditMemoDocument(ctx, v, id, o))
		})
	getFile(a, "/v1/statements/{id}/document", portal, granted(access.Account, access.Download), "GetStatementDocument",
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
	getOf(a, "/v1/customers/{id}/statements", portal, granted(access.Account, access.View), q.ListStatements)
	getFile(a, "/v1/tenant/logo", portal, everyone, "GetTenantLogo", a.tenantLogo)
	a.verifyRoutes()
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
