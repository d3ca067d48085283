package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/files"
	"portico/projections"
)

const aPDF = "%PDF-1.4\n1 0 obj <<>> endobj\n%%EOF\n"

func aPNG(size int) string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, size, size))); err != nil {
		panic(err)
	}
	return b.String()
}

// upload hands a file in as a role.
func (w *world) upload(role, name, mediaType, body string, header ...string) answer {
	w.t.Helper()
	return w.call(role, "POST", "/v1/files?name="+name, body, append([]string{"Content-Type", mediaType}, header...)...)
}

func (w *world) uploaded(name, mediaType, body string) files.File {
	w.t.Helper()
	var f files.File
	w.upload("staff", name, mediaType, body).is(200, "").into(&f)
	return f
}

func TestUpload(t *testing.T) {
	w := newWorld(t)
	f := w.uploaded("..%2F%E2%80%AEreport.pdf", "application/pdf", aPDF)
	if f.Name != "report.pdf" || f.MediaType != "application/pdf" || f.Size != int64(len(aPDF)) || len(f.SHA256) != 64 {
		t.Errorf("%+v", f)
	}
	if again := w.uploaded("b.pdf", "application/pdf", aPDF); again.SHA256 != f.SHA256 {
		t.Errorf("%+v", again)
	}
	w.upload("integration", "a.pdf", "application/pdf", aPDF, "Idempotency-Key", "k").is(200, "")
	w.upload("integration", "a.png", "image/png", aPNG(8), "Idempotency-Key", "k").is(200, "") // the key is not read
	var rows int
	if err := w.db.QueryRow(t.Context(), `select count(*) from portico.files where tenant = 'main' and sha256 = $1`, f.SHA256).Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d senders are recorded, want 2: %v", rows, err)
	}
	for tenant, want := range map[string]error{"main": nil, "rival": files.ErrMissing, "": files.ErrMissing} {
		if got, err := w.a.Uploads.Find(t.Context(), tenant, f.SHA256); !errors.Is(err, want) || want == nil && got.Size != f.Size {
			t.Errorf("to %q: %+v, %v", tenant, got, err)
		}
	}

	w.upload("staff", "x.html", "text/html", "<html>").is(415, "file.type_refused")
	w.upload("staff", "x.png", "image/png", "<svg onload=alert(1)>").is(415, "file.type_refused")
	w.upload("staff", "x.png", "image/jpeg", aPNG(8)).is(422, "file.type_differs")
	w.upload("staff", "x.png", "image/png", aPNG(8)[:60]).is(422, "file.damaged")
	w.upload("staff", "x.txt", "text/plain", "").is(422, "file.empty")
	w.upload("staff", "", "text/plain", "hello").is(422, "request.invalid")
	w.upload("staff", "x.pdf", "application/pdf", aPDF, "Content-Encoding", "gzip").is(415, "request.unsupported_media_type")
	w.call("staff", "POST", "/v1/files", "hello", "Content-Type", "text/plain").is(422, "request.invalid")
	w.upload("staff", "x.txt", "text/plain", strings.Repeat("hello\n", 2<<20)).is(413, "file.too_large")
	big := httptest.NewRequest("POST", "/v1/files?name=x.pdf", io.LimitReader(zeros{}, 26<<20))
	big.ContentLength = 26 << 20
	big.Header.Set("Authorization", "Bearer "+w.keys["staff"])
	w.do(big).is(413, "file.too_large")
	for _, role := range []string{"auditor", "contact"} {
		w.upload(role, "x.pdf", "application/pdf", aPDF).is(403, "caller.forbidden")
	}
	if log := w.log.String(); strings.Contains(log, "report.pdf") || strings.Contains(log, "panic") {
		t.Errorf("%s", log)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// files is a world with an invoice of ours, published, and a file on it.
func withFile(t *testing.T) (w *world, at string, f files.File) {
	w = newWorld(t).live()
	inv := w.must(w.commands.IssueInvoice(t.Context(), bySystem, uuid.Nil, invoice.Issue{Publish: true, Content: invoiceOf(w.ours.customer, "I-1")}))
	f = w.uploaded("secret.pdf", "application/pdf", aPDF)
	var made commands.Receipt
	w.call("staff", "POST", "/v1/attachments", fmt.Sprintf(`{"owner":{"kind":"invoice","id":%q},"sha256":%q,"name":"secret № 1.pdf"}`, inv.ID, f.SHA256),
		"Prefer", "wait=2").is(201, "").into(&made)
	return w, "/v1/attachments/" + made.ID.String(), f
}

// routes is what somebody gets of an attachment by the seven ways (I3): list, id, download,
// search, count, export, notification.
func (w *world) routes(who, at string, header ...string) string {
	w.t.Helper()
	var b strings.Builder
	for _, path := range []string{"/v1/attachments", at, at + "/file", "/v1/attachments?q=secret", "/v1/attachments?limit=1", "/v1/history", "/v1/activity"} {
		got := w.call(who, "GET", path, "", header...)
		body := got.Body.String()
		if got.Code >= 400 {
			body = got.problem().Code
		}
		fmt.Fprintln(&b, got.Code, strings.ReplaceAll(body, at, ""))
	}
	return b.String()
}

func TestAHiddenFileIsNowhere(t *testing.T) {
	w, at, f := withFile(t)
	elsewhere := "/v1/attachments/" + uuid.NewString()
	done := func(path, body string) []string {
		got := w.call("staff", "POST", at+path, body).is(200, "")
		return []string{"Portico-Position", got.Header().Get("Portico-Position")}
	}
	nothing := func(who string, after []string) {
		t.Helper()
		if got, want := w.routes(who, at, after...), w.routes(who, elsewhere, after...); got != want {
			t.Errorf("%s gets %s\nof what is not there %s", who, got, want)
		}
	}
	nothing("contact", nil)
	tick := fmt.Sprintf(`{"sha256":%q}`, f.SHA256)
	because := `{"reason":{"code":"wrong"}}`
	after := done("/share", tick)
	if got := w.call("contact", "GET", at+"/file", "", after...).is(200, ""); got.Body.String() != aPDF {
		t.Errorf("%q", got.Body)
	}
	if got := w.routes("contact", at, after...); strings.Count(got, "secret") != 4 || strings.Contains(got, "shared_by") {
		t.Errorf("%s", got)
	}
	nothing("other", after)
	nothing("contact", done("/hide", because))
	done("/share", tick)
	other := w.uploaded("other.png", "image/png", aPNG(8))
	nothing("contact", done("/replace", fmt.Sprintf(`{"sha256":%q,"name":"secret.png"}`, other.SHA256)))
	w.call("staff", "POST", at+"/share", tick).is(409, "attachment.replaced")
	done("/share", fmt.Sprintf(`{"sha256":%q}`, other.SHA256))
	nothing("contact", done("/remove", because))

	w.must(w.commands.RegisterTenant(t.Context(), inTenant("rival"), tenant.Register{Settings: tenant.Settings{Name: "Rival", TimeZone: "UTC", Currency: "GBP"}}))
	_, err := w.a.attachmentFile(t.Context(), projections.Viewer{Tenant: "rival", Kind: envelope.Staff}, uuid.MustParse(strings.TrimPrefix(at, "/v1/attachments/")), struct{}{})
	if got := problemOf(err); got.Code != "attachment.unknown" {
		t.Errorf("another tenant's staff: %v", err)
	}
}

func inTenant(code string) commands.Caller {
	by := bySystem
	by.Tenant = code
	return by
}

// A tick that was taken away ends old links before the read models know (S4.28).
func TestOldLinksEndWithTheTick(t *testing.T) {
	w, at, f := withFile(t)
	shared := w.call("staff", "POST", at+"/share", fmt.Sprintf(`{"sha256":%q}`, f.SHA256)).is(200, "")
	w.call("contact", "GET", at+"/file", "", "Portico-Position", shared.Header().Get("Portico-Position")).is(200, "")
	ctx, id := t.Context(), uuid.MustParse(strings.TrimPrefix(at, "/v1/attachments/"))
	if _, err := w.db.Exec(ctx, "update pj.lane set owner = 'nobody', epoch = epoch + 1, expires = now() + interval '1 hour'"); err != nil {
		t.Fatal(err) // nobody moves the read models on
	}
	w.call("staff", "POST", at+"/hide", `{"reason":{"code":"wrong"}}`).is(200, "")
	whole := access.Whole(w.ours.customer)
	if _, err := w.a.Queries.GetAttachment(ctx, projections.Viewer{Tenant: "main", Kind: envelope.Contact, Standing: &whole}, id); err != nil {
		t.Skip("the read models came along nevertheless")
	}
	w.call("contact", "GET", at+"/file", "").is(404, "attachment.unknown")
	w.call("contact", "GET", at+"/file", "", "If-None-Match", `"`+f.SHA256+`"`).is(404, "attachment.unknown")
}

// Whatever is answered about a file's bytes, nothing in it runs, nobody else keeps it, and
// it is saved rather than shown.
func TestFileAnswersAreHarmless(t *testing.T) {
	w, at, f := withFile(t)
	w.call("staff", "POST", at+"/share", fmt.Sprintf(`{"sha256":%q}`, f.SHA256), "Prefer", "wait=2").is(200, "")
	for what, got := range map[string]answer{
		"200":         w.call("contact", "GET", at+"/file", "").is(200, ""),
		"200 HEAD":    w.call("contact", "HEAD", at+"/file", ""),
		"200 staff":   w.call("staff", "GET", at+"/file", "").is(200, ""),
		"304":         w.call("contact", "GET", at+"/file", "", "If-None-Match", `"`+f.SHA256+`"`).is(304, ""),
		"404":         w.call("other", "GET", at+"/file", "").is(404, "attachment.unknown"),
		"404 unknown": w.call("contact", "GET", "/v1/attachments/"+uuid.NewString()+"/file", "").is(404, "attachment.unknown"),
		"401":         w.call("", "GET", at+"/file", "").is(401, "auth.required"),
		"422":         w.call("contact", "GET", "/v1/attachments/x/file", "").is(422, "request.invalid"),
	} {
		h := got.Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != filePolicy || h.Get("Cache-Control") != "no-store" ||
			h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: %v", what, h)
		}
		kind, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
		if got.Code < 400 && (err != nil || kind != "attachment" || params["filename"] != "secret № 1.pdf" || h.Get("ETag") != `"`+f.SHA256+`"`) {
			t.Errorf("%s: %q, %v", what, h.Get("Content-Disposition"), err)
		}
		if got.Code == 200 && (h.Get("Content-Type") != "application/pdf" || h.Get("Content-Length") != fmt.Sprint(len(aPDF))) {
			t.Errorf("%s: %v", what, h)
		}
	}
}

func TestAttachmentNamed(t *testing.T) {
	for name, want := range map[string]string{
		"a b.pdf":         `attachment; filename="a b.pdf"; filename*=UTF-8''a%20b.pdf`,
		"№ 1+\"x%41.pdf":  `attachment; filename="_ 1+_x_41.pdf"; filename*=UTF-8''%E2%84%96%201%2B%22x%2541.pdf`,
		"it's (1)*.pdf":   `attachment; filename="it's (1)*.pdf"; filename*=UTF-8''it%27s%20%281%29%2A.pdf`,
		"a\r\nX: y.pdf":   `attachment; filename="a__X: y.pdf"; filename*=UTF-8''a%0D%0AX%3A%20y.pdf`,
		`back\slash.pdf`:  `attachment; filename="back_slash.pdf"; filename*=UTF-8''back%5Cslash.pdf`,
		"\u202efdp.exe.x": `attachment; filename="_fdp.exe.x"; filename*=UTF-8''%E2%80%AEfdp.exe.x`,
	} {
		if got := attachmentNamed(name); got != want {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// served is the world on a real connection, with deadlines as they are served with.
func (w *world) served() *httptest.Server {
	server := httptest.NewUnstartedServer(nil)
	server.Config = Server(w.handler, w.a.Log)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	w.t.Cleanup(server.Close)
	return server
}

// An upload may take longer than any other request as long as it goes on; one that is cut
// off is told to nobody and leaves nothing.
func TestUploadsMayBeSlow(t *testing.T) {
	w := newWorld(t)
	server := w.served()
	post := func(body io.Reader) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/v1/files?name=x.pdf", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+w.keys["staff"])
		return server.Client().Do(r)
	}
	r, w1 := io.Pipe()
	go func() {
		for _, part := range strings.SplitAfter(aPDF, "\n") {
			_, _ = io.WriteString(w1, part)
			time.Sleep(250 * time.Millisecond)
		}
		w1.Close()
	}()
	answer, err := post(r)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()

	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST /v1/files?name=y.pdf HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n%%PDF-1.4\n", w.keys["staff"])
	_ = c.(*net.TCPConn).CloseWrite()
	text, _ := io.ReadAll(c)
	c.Close()
	if !strings.Contains(string(text), "400 Bad Request") || !strings.Contains(string(text), "request.malformed") {
		t.Errorf("%s", text)
	}
	var rows int
	if err := w.db.QueryRow(t.Context(), `select count(*) from portico.files`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d files are recorded, want 1: %v", rows, err)
	}
}

// Bytes that are not the file's any more cut the connection: no client takes them for whole.
func TestADamagedFileIsNotHandedOut(t *testing.T) {
	w, at, f := withFile(t)
	w.call("staff", "POST", at+"/share", fmt.Sprintf(`{"sha256":%q}`, f.SHA256), "Prefer", "wait=2").is(200, "")
	dir := t.TempDir()
	damaged, err := files.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Close()
	w.a.Files = damaged
	server := w.served()
	ask := func() (*http.Response, []byte, error) {
		r, err := http.NewRequestWithContext(context.Background(), "GET", server.URL+at+"/file", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+w.keys["contact"])
		answer, err := server.Client().Do(r)
		if err != nil {
			return nil, nil, err
		}
		defer answer.Body.Close()
		got, err := io.ReadAll(answer.Body)
		return answer, got, err
	}
	if answer, got, err := ask(); err != nil || answer.StatusCode != 500 || bytes.Contains(got, []byte("sha256")) {
		t.Errorf("a file that is lost: %v %s %v", answer, got, err)
	}
	writeFile(t, dir, f.SHA256, strings.Replace(aPDF, "obj", "OBJ", 1))
	if answer, got, err := ask(); err == nil {
		t.Errorf("a file that was changed: %v %s", answer, got)
	}
	if !strings.Contains(w.log.String(), "a file was cut off") {
		t.Error("nobody is told")
	}
	if !strings.Contains(w.log.String(), `"code":"file.cut_off"`) {
		t.Error("the access log does not have it")
	}
	writeFile(t, dir, f.SHA256, aPDF)
	if answer, got, err := ask(); err != nil || answer.StatusCode != 200 || string(got) != aPDF {
		t.Errorf("%v %s %v", answer, got, err)
	}
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func invoiceOf(customer uuid.UUID, number string) invoice.Content {
	return invoice.Content{Number: number, Party: domain.Party{CustomerID: &customer}, Lines: []domain.LineInput{{Text: "work", Quantity: "1", UnitPrice: "10"}}}
}

// What decides who may have a file is bounded in time as any query is; sending it is not.
func TestWhetherAFileIsGivenIsDecidedInTime(t *testing.T) {
	w := newWorld(t)
	getFile(w.a, "/v1/slow/{id}", projections.Portal.Name, everyone, "GetSlow",
		func(ctx context.Context, _ projections.Viewer, _ uuid.UUID, _ struct{}) (handedOut, error) {
			if ends, bounded := ctx.Deadline(); !bounded || time.Until(ends) > queryTime {
				t.Errorf("it may take until %v", ends)
			}
			return handedOut{}, domain.NotFound("slow.unknown", "there is none")
		})
	r := httptest.NewRequest(http.MethodGet, "/v1/slow/"+uuid.NewString(), nil)
	r.Header.Set("Authorization", "Bearer "+w.keys["staff"])
	got := httptest.NewRecorder()
	w.handler.ServeHTTP(got, r)
	if got.Code != http.StatusNotFound {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
