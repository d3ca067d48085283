package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/internal/imports"
	"portico/projections"
	"portico/web/pages"
)

// importPages are files of other systems: which there were, how far one is, and another.
func (a *api) importPages() {
	staff, at := projections.Staff.Name, "/staff/imports/{id}"
	may := func(ctx context.Context) bool { return access.Can(requestOf(ctx).who.Roles, access.ImportLedgers) }
	look(a, "/staff/imports", staff, readers, "ShowImports", func(ctx context.Context, v projections.Viewer, p projections.Paging) (out pages.Imports, err error) {
		out.Manages = may(ctx)
		out.Page, err = a.ListImports(ctx, v, p)
		return out, err
	}, func(_ projections.Paging, list pages.Imports) templ.Component { return pages.ImportsPage(list) })
	blank := show(a, "/staff/imports/new", ledgered, "ShowImportNew", func(context.Context) (templ.Component, error) { return pages.ImportNew(), nil })
	a.takesImport("/staff/imports/new", blank)
	lookAt(a, at, staff, readers, "ShowImport", func(ctx context.Context, v projections.Viewer, id uuid.UUID) (out pages.OneImport, err error) {
		if out.Import, err = a.GetImport(ctx, v, id); err != nil || out.ByID == nil {
			return out, err
		}
		names, err := a.Queries.NamesOf(ctx, v, []uuid.UUID{*out.ByID})
		out.By, out.Manages = names[*out.ByID], may(ctx)
		return out, err
	}, pages.ImportPage)
	look(a, at+"/rejects", staff, ledgered, "ShowImportRejects", func(ctx context.Context, v projections.Viewer, p projections.Paging) (out pages.Rejects, err error) {
		if out.Import, err = a.GetImport(ctx, v, pathID(ctx)); err == nil {
			out.Page, err = a.ListImportRejects(ctx, v, out.ID, p)
		}
		return out, err
	}, func(_ projections.Paging, list pages.Rejects) templ.Component { return pages.RejectsPage(list) })
}

// takesImport registers the form that is POST /v1/imports.
func (a *api) takesImport(route string, again sheet) {
	op := a.pageOperation(http.MethodPost, route, ledgered, "SendImport", nil)
	op.Metadata["stream"] = true
	shownAgain(op, again)
	op.Errors = append(op.Errors, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	huma.Register(a.huma, op, func(ctx context.Context, _ *struct{}) (*sent, error) {
		rq := requestOf(ctx)
		name, choices, file, err := importSent(rq)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		id, err := a.Imports.Ask(ctx, rq.caller(), name, choices, file)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		return &sent{Status: http.StatusSeeOther, Location: "/staff/imports/" + id.String() + "?done=import_asked", Body: []byte{}}, nil
	})
}

// importFields are those of the form that come before its file.
var importFields = []string{"format", "dates", "decimal", "currency", "terms_days", "paid_on", "system", "dry_run"}

// importSent is what the form says, up to its file, which is still to be read.
func importSent(rq *request) (name string, c imports.Choices, file io.Reader, err error) {
	noFile := problem(http.StatusUnprocessableEntity, "file.missing", "choose a file to send")
	kind, params, err := mime.ParseMediaType(rq.contentType)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return "", c, nil, noFile
	}
	rq.typed = map[string]string{}
	parts := multipart.NewReader(rq.stream, params["boundary"])
	for range len(importFields) + 1 {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return "", c, nil, noFile
		case err != nil:
			return "", c, nil, problem(http.StatusBadRequest, "request.malformed", "the form is not well-formed")
		case part.FormName() == "file" && part.FileName() == "":
			return "", c, nil, noFile
		case part.FormName() == "file":
			c, err := choicesOf(rq.typed)
			return part.FileName(), c, part, err
		}
		text, err := io.ReadAll(io.LimitReader(part, 200))
		if err != nil {
			return "", c, nil, problem(http.StatusBadRequest, "request.malformed", "the form is not well-formed")
		}
		if v := strings.TrimSpace(string(text)); !badText(v) {
			rq.typed[part.FormName()] = v
		}
	}
	return "", c, nil, badValue("request.unknown_field", "the form has no such field", "body", "unexpected property")
}

func choicesOf(typed map[string]string) (imports.Choices, error) {
	for name := range typed {
		if !slices.Contains(importFields, name) {
			return imports.Choices{}, badValue("request.unknown_field", "the form has no such field", "body", "unexpected property")
		}
	}
	format, profile, _ := strings.Cut(typed["format"], ":")
	return imports.Choices{Format: format, Profile: profile, Dates: typed["dates"], Decimal: typed["decimal"], Currency: strings.ToUpper(typed["currency"]),
		TermsDays: typed["terms_days"], PaidOn: domain.Date(typed["paid_on"]), System: typed["system"], DryRun: typed["dry_run"] != ""}, nil
}
