package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/attachment"
	"portico/internal/files"
	"portico/projections"
	"portico/web/pages"
)

// staffFilePages are the files that hang on a customer or a document, and who sees them.
func (a *api) staffFilePages() {
	c, at := a.Commands, "/staff/attachments/{id}"
	for _, on := range []struct{ kind, path, name string }{{"customer", "/staff/customers/", "CustomerFiles"}, {"invoice", "/staff/invoices/", "InvoiceFiles"}, {"credit_memo", "/staff/credits/", "CreditFiles"}} {
		list := lookAt(a, on.path+"{id}/files", projections.Portal.Name, readers, "Show"+on.name, func(ctx context.Context, v projections.Viewer, id uuid.UUID) (pages.Files, error) {
			return a.filesOf(ctx, v, attachment.Owner{Kind: on.kind, ID: id})
		}, pages.FilesPage)
		takesFile(a, on.path+"{id}/files", billing, "Send"+on.name, "file_added", func(ctx context.Context, by commands.Caller, in *struct {
			ID uuid.UUID `path:"id"`
		}, f files.File) (string, commands.Receipt, error) {
			owner := attachment.Owner{Kind: on.kind, ID: in.ID}
			got, err := c.AddAttachment(ctx, by, uuid.Nil, attachment.Add{Owner: owner, Named: attachment.Named{SHA256: f.SHA256, Name: f.Name}})
			return pages.FilesPath(owner), got, err
		}, list)
	}
	one := lookAt(a, at, projections.Portal.Name, readers, "ShowAttachmentPage", a.oneFile, pages.FilePage)
	gives(a, at+"/share", billing, "SendAttachmentShare", "shared", ofOne(c.ShareAttachment), ledToOne[attachment.Share]("/staff/attachments/"), one)
	gives(a, at+"/hide", billing, "SendAttachmentHide", "hidden", ofOne(c.HideAttachment), ledToOne[attachment.Hide]("/staff/attachments/"), one)
	remove := lookAt(a, at+"/remove", projections.Portal.Name, billing, "ShowAttachmentRemove", a.oneFile, pages.FileRemove)
	gives(a, at+"/remove", billing, "SendAttachmentRemove", "removed_file", func(ctx context.Context, by commands.Caller, in *removing) (commands.Receipt, error) {
		found, err := a.Queries.GetAttachment(ctx, requestOf(ctx).viewer(), in.ID)
		if err != nil {
			return commands.Receipt{}, err
		}
		in.home = pages.FilesPath(found.Owner)
		return c.RemoveAttachment(ctx, by, in.ID, in.Body)
	}, func(in *removing, _ commands.Receipt) string { return in.home }, remove)
}

// removing takes a file off what it hangs on, whose list of files is home.
type removing struct {
	ID uuid.UUID `path:"id"`
	Asking
	Body attachment.Remove
	home string
}

// filesOf are the files that hang on something.
func (a *api) filesOf(ctx context.Context, v projections.Viewer, of attachment.Owner) (out pages.Files, err error) {
	out.Owner, out.Manages = of, access.Can(requestOf(ctx).who.Roles, access.ManageBilling)
	switch of.Kind {
	case "customer":
		c, err := a.Queries.GetCustomer(ctx, v, of.ID)
		if err != nil {
			return out, err
		}
		out.Name = c.Name
	case "invoice":
		i, err := a.Queries.GetInvoice(ctx, v, of.ID)
		if err != nil {
			return out, err
		}
		out.Name = i.Number
	case "credit_memo":
		m, err := a.Queries.GetCreditMemo(ctx, v, of.ID)
		if err != nil {
			return out, err
		}
		out.Name = m.Number
	}
	out.Page, err = a.Queries.ListAttachments(ctx, v, projections.AttachmentFilter{OwnerKind: of.Kind, OwnerID: of.ID,
		Paging: projections.Paging{Limit: 100, Cursor: requestOf(ctx).parameter("cursor")}})
	return out, err
}

func (a *api) oneFile(ctx context.Context, v projections.Viewer, id uuid.UUID) (out pages.OneFile, err error) {
	out.Manages = access.Can(requestOf(ctx).who.Roles, access.ManageBilling)
	out.Attachment, err = a.Queries.GetAttachment(ctx, v, id)
	return out, err
}

// takesFile registers a form that hands in a file, as POST /v1/files does, and what is done with
// it, in one: do says where the browser goes then. A browser without script sends files as
// multipart/form-data only.
func takesFile[I any](a *api, route string, who policy, name, done string, do func(context.Context, commands.Caller, *I, files.File) (string, commands.Receipt, error), again sheet) {
	op := a.pageOperation(http.MethodPost, route, who, name, nil)
	op.Metadata["stream"] = true
	shownAgain(op, again)
	op.Errors = append(op.Errors, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*sent, error) {
		rq := requestOf(ctx)
		f, err := a.fileSent(ctx, rq)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandTime)
		defer cancel()
		to, got, err := do(ctx, rq.caller(), in, f)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		a.metrics.appended(op.OperationID, got.Events)
		rq.events = got.Events
		return &sent{Status: http.StatusSeeOther, Location: came(to, done, got.Position), Body: []byte{}}, nil
	})
}

// fileSent is the file of a form, checked and kept as one that programs hand in. The form says
// nothing else: its first part is the file.
func (a *api) fileSent(ctx context.Context, rq *request) (files.File, error) {
	kind, params, err := mime.ParseMediaType(rq.contentType)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return files.File{}, problem(http.StatusUnprocessableEntity, "file.missing", "choose a file to send")
	}
	part, err := multipart.NewReader(rq.stream, params["boundary"]).NextPart()
	switch {
	case errors.Is(err, io.EOF):
		return files.File{}, problem(http.StatusUnprocessableEntity, "file.missing", "choose a file to send")
	case err != nil:
		return files.File{}, problem(http.StatusBadRequest, "request.malformed", "the form is not well-formed")
	case part.FormName() != "file" || part.FileName() == "":
		return files.File{}, problem(http.StatusUnprocessableEntity, "file.missing", "choose a file to send")
	}
	f, err := a.Files.Accept(ctx, files.Upload{Name: part.FileName(), MediaType: part.Header.Get("Content-Type"), Body: part})
	if err == nil {
		err = a.Uploads.Record(ctx, files.Sender{Tenant: rq.who.Tenant, Kind: rq.who.Actor().Kind, ID: rq.who.ActorID()}, f)
	}
	return f, err
}
