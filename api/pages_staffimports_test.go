package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"log/slog"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"portico/domain/access"
	"portico/internal/jobs"
	"portico/internal/pg"
	"portico/projections"
)

// imports does imports from now on, until the returned function is called.
func (w *world) imports() (stop func()) {
	ctx, cancel := context.WithCancel(pg.Across(context.Background()))
	queue := &jobs.Queue{Store: w.a.Jobs, Node: "test", Kinds: []jobs.Kind{w.a.Imports.Kind()}, Log: slog.New(slog.DiscardHandler), Poll: 20 * time.Millisecond}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = (&jobs.Runner{Queue: queue, Drain: time.Second}).Run(ctx)
	}()
	return func() { cancel(); <-ended }
}

// imported waits until an import has ended.
func (b books) imported(at string) projections.Import {
	b.t.Helper()
	var i projections.Import
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if b.as(b.who, "GET", at, "").is(200, "").into(&i); i.FinishedAt != nil {
			return i
		}
	}
	b.t.Fatalf("%s does not end: %+v", at, i)
	return i
}

// importForm is what the form of imports sends.
func importForm(t *testing.T, name, content string, fields ...string) (body, mediaType string) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		if err := form.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err != nil {
		t.Fatal(err)
	}
	form.Close()
	return b.String(), form.FormDataContentType()
}

const someLedger = "Number,Customer,Issue date,Description,Quantity,Unit price,Line amount\n" +
	"A-1,Miller,2026-01-01,Hours,1,5.00,5.00\n" +
	"A-2,=1+1,2026-01-01,<b>Hours</b>,-1,x,\n"

// A file is imported on pages: the form is kept when it is refused, the page shows how far it is and
// follows, and what was rejected is shown, and taken as a file that no spreadsheet runs and that can
// be mended and imported again.
func TestStaffImportOnPages(t *testing.T) {
	b := newBooks(t)
	b.as(b.who, "GET", "/staff/imports", "").says(t, 200, "/staff/imports/new", "Nothing was imported")
	b.as(b.who, "GET", "/staff/imports/new", "").says(t, 200, `enctype="multipart/form-data"`, "invoices:xero-invoices", "receivables", `!value="retail" checked`)
	sends := func(name, content string, fields ...string) answer {
		body, mediaType := importForm(t, name, content, fields...)
		got := b.as(b.who, "POST", "/staff/imports/new", body, "Content-Type", mediaType)
		isPage(t, "/staff/imports/new", got.ResponseRecorder)
		return got
	}
	sends("", "", "format", "retail").says(t, 422, `role="alert"`, `value="retail" checked`)
	sends("a.csv", "Colour\nred\n", "format", "invoices:generic", "currency", "usd", "dates", "mdy", "dry_run", "true").says(t, 422, `role="alert"`,
		`value="invoices:generic" checked`, `value="usd"`, `value="mdy" selected`, `name="dry_run" value="true" checked`, "Colour")
	sends("a.csv", someLedger, "format", canary).says(t, 422, `role="alert"`, "!"+canary)
	sends("a.csv", someLedger, "format", "invoices:generic", "colour", "red").says(t, 422, `role="alert"`)
	sends("a.csv", someLedger).says(t, 422, `role="alert"`, "retail, invoices and receivables")

	made := sends("../a<b>.csv", someLedger, "format", "invoices:generic")
	at, _, _ := strings.Cut(made.Header().Get("Location"), "?")
	if made.Code != http.StatusSeeOther || !strings.HasPrefix(at, "/staff/imports/") {
		t.Fatalf("%d %s", made.Code, made.Body)
	}
	b.as(b.who, "GET", made.Header().Get("Location"), "").says(t, 200, "a&lt;b&gt;.csv", "Waiting", " data-live", "The file is handed in", "you may leave this page", "!/rejects")
	b.as(b.who, "GET", "/staff/imports", "").says(t, 200, at, "Waiting", " data-live")
	stop := b.imports()
	defer stop()
	i := b.imported("/v1" + strings.TrimPrefix(at, "/staff"))
	if i.State != "done" || i.Rows != 2 || i.RowsDone != 2 || i.TakenRows != 1 || i.RejectedRows != 1 || !i.RejectsKept || i.Documents != 2 || i.ByKind != "staff" || i.ByID == nil {
		t.Errorf("%+v", i)
	}
	b.quiet()
	b.as(b.who, "GET", at, "").says(t, 200, "Done", "1 row was not taken", at+"/rejects", "/rejects/export", "! data-live")
	if list := b.as(b.who, "GET", "/staff/imports", "").says(t, 200, at, "! data-live"); strings.Count(list, "a&lt;b&gt;.csv") != 1 {
		t.Errorf("once in the list: %s", list)
	}
	b.as(b.who, "GET", at+"/rejects", "").says(t, 200, "&lt;b&gt;Hours", "!<b>Hours", `>3<`, "/rejects/export")

	file := b.as(b.who, "GET", "/v1"+strings.TrimPrefix(at, "/staff")+"/rejects/export", "")
	rows, err := csv.NewReader(file.Body).ReadAll()
	if err != nil || len(rows) != 2 || file.Header().Get("Content-Disposition") == "" {
		t.Fatalf("%d %v %v", file.Code, err, rows)
	}
	if r := rows[1]; r[0] != "A-2" || r[1] != "'=1+1" || r[4] != "-1" || r[7] != "3" || r[8] == "" || r[9] == "" {
		t.Errorf("%q", r)
	}
	rows[1][1], rows[1][4], rows[1][5] = "Weaver", "1", "7.00"
	var mended bytes.Buffer
	if err := csv.NewWriter(&mended).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	again := sends("mended.csv", mended.String(), "format", "invoices:generic")
	at, _, _ = strings.Cut(again.Header().Get("Location"), "?")
	if i := b.imported("/v1" + strings.TrimPrefix(at, "/staff")); i.State != "done" || i.TakenRows != 1 || i.RejectedRows != 0 {
		t.Errorf("mended: %+v", i)
	}
}

// What programs hand in is answered with where its progress is; a cursor leads through the list,
// in which each import stands once; and who may not import does not, nor sees rejected rows.
func TestProgramsImport(t *testing.T) {
	w := newWorld(t).live()
	b := books{t, w, requester{}}
	const asks = "/v1/imports?format=invoices&profile=generic&name=a.csv"
	for role, status := range map[string]int{"integration": 202, "staff": 202, "auditor": 403, "contact": 403, "bad": 401} {
		got := w.call(role, "POST", asks, someLedger, "Content-Type", "text/csv")
		if got.Code != status {
			t.Errorf("%s: %d %s", role, got.Code, got.Body)
		}
		if at := got.Header().Get("Location"); status == 202 {
			w.call(role, "GET", at, "").is(200, "")
			w.call("auditor", "GET", at, "").is(200, "")
			w.call("auditor", "GET", at+"/rejects", "").is(403, "caller.forbidden")
			w.call("auditor", "GET", at+"/rejects/export", "").is(403, "caller.forbidden")
			w.call("contact", "GET", at, "").is(403, "")
		}
	}
	for _, role := range []access.Role{access.Viewer, access.ServiceDesk, access.Administrator} {
		who, _ := w.staffed(role)
		if got := w.as(who, "GET", "/staff/imports/new", ""); got.Code != http.StatusForbidden {
			t.Errorf("%s has the form: %d", role, got.Code)
		}
		w.as(who, "GET", "/staff/imports", "").says(t, 200, "!/staff/imports/new")
	}
	w.call("integration", "POST", "/v1/imports?format=abacus&name=a.csv", someLedger, "Content-Type", "text/csv").is(422, "")
	w.call("integration", "POST", asks, "Colour\nred\n", "Content-Type", "text/csv").is(422, "import.columns")

	stop := w.imports()
	defer stop()
	b.who, _ = w.staffed(access.Owner)
	var list projections.Page[projections.Import]
	w.call("integration", "GET", "/v1/imports", "").into(&list)
	for _, i := range list.Items {
		b.imported("/v1/imports/" + i.ID.String())
	}
	w.quiet()
	seen := map[string]int{}
	for cursor := ""; ; cursor = "&cursor=" + list.Next {
		list = projections.Page[projections.Import]{}
		w.call("integration", "GET", "/v1/imports?limit=1"+cursor, "").is(200, "").into(&list)
		for _, i := range list.Items {
			seen[i.ID.String()]++
		}
		if list.Next == "" {
			break
		}
	}
	if len(seen) != 2 {
		t.Errorf("%v", seen)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s stands %d times in the list", id, n)
		}
		var rejects struct {
			Items []struct {
				Row  int    `json:"row"`
				Code string `json:"code"`
			} `json:"items"`
		}
		w.call("integration", "GET", "/v1/imports/"+id+"/rejects", "").is(200, "").into(&rejects)
		if len(rejects.Items) != 1 || rejects.Items[0].Row != 3 || rejects.Items[0].Code == "" {
			t.Errorf("%+v", rejects)
		}
	}
	w.call("integration", "GET", "/v1/imports/00000000-0000-4000-8000-000000000009/rejects", "").is(404, "import.unknown")
}
