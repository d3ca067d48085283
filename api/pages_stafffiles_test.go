package api

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"portico/domain/access"
)

// A file is added on a page, hidden; shown and hidden again by a tick, and removed. What is no
// file, and what may not be kept, is refused on the page; and none of it is for who only looks.
func TestFilesAreAddedAndShownOnPages(t *testing.T) {
	b := newBooks(t)
	at := "/staff/customers/" + b.ours.customer.String() + "/files"
	b.as(b.who, "GET", at, "").says(t, 200, "No file hangs here", `enctype="multipart/form-data"`)
	b.sendsFile(b.who, at, "evil.html", "<script>alert(1)</script>").says(t, 415, `role="alert"`, "No file hangs here", "!<script>alert")
	b.sendsFile(b.who, at, "", "").says(t, 422, `role="alert"`)
	made := b.sendsFile(b.who, at, "note.txt", "The boiler is old.\n")
	if made.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", made.Code, made.Body)
	}
	list := b.as(b.who, "GET", made.Header().Get("Location"), "").says(t, 200, "note.txt", "Hidden", "The file is added")
	file := regexp.MustCompile(`/staff/attachments/[0-9a-f-]{36}`).FindString(list)
	sha := regexp.MustCompile(`name="sha256" value="([0-9a-f]{64})"`).FindStringSubmatch(b.as(b.who, "GET", file, "").Body.String())
	if sha == nil {
		t.Fatal("no tick")
	}
	b.sends(file, file+"/share", "sha256", strings.Repeat("0", 64)).says(t, 409, `role="alert"`)
	b.sends(file, file+"/share", "sha256", sha[1]).says(t, 200, "In portal", file+"/hide")
	b.sends(file, file+"/hide").says(t, 422, `role="alert"`)
	viewer, _ := b.staffed(access.Viewer)
	b.as(viewer, "GET", file, "").says(t, 200, "In portal", "!"+file+"/hide", "!"+file+"/remove")
	b.as(viewer, "GET", at, "").says(t, 200, "note.txt", "!multipart")
	if got := b.sendsFile(viewer, at, "note.txt", "No.\n"); got.Code != http.StatusForbidden {
		t.Errorf("a viewer adds a file: %d", got.Code)
	}
	b.sends(file, file+"/hide", "reason.code", "mistake").says(t, 200, "Hidden", file+"/share")
	b.sends(file+"/remove", file+"/remove", "reason.code", "mistake").says(t, 200, "Removed.", "No file hangs here")
}

// sendsFile sends a form that hands in a file.
func (b books) sendsFile(who requester, to, name, content string) answer {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if part, err := form.CreateFormFile("file", name); err != nil {
		b.t.Fatal(err)
	} else if _, err := part.Write([]byte(content)); err != nil {
		b.t.Fatal(err)
	}
	form.Close()
	return b.as(who, "POST", to, body.String(), "Content-Type", form.FormDataContentType())
}

// Files hang on documents of both kinds, each of which leads to them.
func TestDocumentsLeadToTheirFiles(t *testing.T) {
	b := newTrade(t)
	who, _ := b.staffed("owner")
	for page, name := range map[string]string{
		"/staff/invoices/" + b.invoice[b.ours.customer]: "I0", "/staff/credits/" + b.memo[b.ours.customer]: "C0",
	} {
		b.as(who, "GET", page, "").says(t, 200, page+"/files")
		b.as(who, "GET", page+"/files", "").says(t, 200, name, "No file hangs here")
		made := books{t, b.world, who}.sendsFile(who, page+"/files", "note.txt", "On "+name+".\n")
		if list := b.follow(who, made); !strings.Contains(list, "note.txt") {
			t.Errorf("%s: %s", page, list)
		}
	}
}
