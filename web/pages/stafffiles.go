package pages

import (
	"context"

	"portico/domain/attachment"
	"portico/projections"
	"portico/web/ui"
)

// Files are those that hang on something, and what it is called.
type Files struct {
	projections.Page[projections.Attachment]
	Owner   attachment.Owner
	Name    string
	Manages bool // may add, show and hide them
}

// OneFile is a file that hangs on something.
type OneFile struct {
	projections.Attachment
	Manages bool
}

// FilesPath is where the files of something are listed.
func FilesPath(o attachment.Owner) string { return ownerPath(o) + "/files" }

// ownerPath is the page of what a file hangs on.
func ownerPath(o attachment.Owner) string {
	switch o.Kind {
	case "invoice":
		return "/staff/invoices/" + o.ID.String()
	case "credit_memo":
		return "/staff/credits/" + o.ID.String()
	}
	return "/staff/customers/" + o.ID.String()
}

func (f Files) crumbs() []ui.Link { return []ui.Link{{Label: f.Name, Href: ownerPath(f.Owner)}} }

func (f OneFile) path(act string) string { return "/staff/attachments/" + f.ID.String() + act }

// home is where a file's crumbs lead: credit memos have no list of files yet.
func (f OneFile) home() string {
	if f.Owner.Kind == "credit_memo" {
		return ownerPath(f.Owner)
	}
	return FilesPath(f.Owner)
}

func (f OneFile) crumbs(ctx context.Context) []ui.Link {
	return []ui.Link{{Label: t(ctx, "staff.files.h"), Href: f.home()}, {Label: f.Name, Href: f.path("")}}
}
