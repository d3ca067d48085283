package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"portico/internal/envelope"
	"portico/internal/pg"
	"portico/internal/session"
	"portico/web/pages"
)

// refusals makes pages of the problems that a page's operation is answered with. Problems
// come from the guard, from huma and from what was asked, all through here.
type refusals struct {
	http.ResponseWriter
	a      *api
	r      *http.Request
	status int          // of a problem that is held back; 0: none is
	held   bytes.Buffer // that problem
}

// asPage has a request answered as pages are: under their policy, in the reader's language.
func (a *api) asPage(w http.ResponseWriter, r *http.Request) *refusals {
	rq := requestOf(r.Context())
	w.Header().Set("Content-Security-Policy", pagePolicy)
	rq.languages, rq.theme = r.Header.Get("Accept-Language"), themeOf(r)
	if chosen, err := r.Cookie(languageCookie); err == nil {
		rq.language = chosen.Value
	}
	return &refusals{ResponseWriter: w, a: a, r: r}
}

// nowhere answers for a path that nothing is at: with a page, if a browser was led there.
func (a *api) nowhere(w http.ResponseWriter, r *http.Request) {
	if a.Shut {
		a.refuse(w, r, problem(http.StatusNotFound, "route.shut", "this server answers no requests (its --role is without api): ask another"))
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/v1/") && strings.Contains(r.Header.Get("Accept"), "text/html") {
		held := a.asPage(w, r)
		defer held.finish()
		w = held
	}
	a.refuse(w, r, problem(http.StatusNotFound, "route.unknown", "there is nothing at this path: see /docs"))
}

// WriteHeader implements http.ResponseWriter.
func (w *refusals) WriteHeader(status int) {
	if w.Header().Get("Content-Type") == problemJSON {
		w.status = status
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *refusals) Write(b []byte) (int, error) {
	if w.status != 0 {
		return w.held.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *refusals) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// finish answers with a page for what was held back.
func (w *refusals) finish() {
	if w.status == 0 {
		return
	}
	p := problem(w.status, "internal", "")
	if err := json.Unmarshal(w.held.Bytes(), p); err != nil {
		w.a.Log.Error("a problem cannot be read", "error", err)
	}
	w.a.refusePage(w.ResponseWriter, w.r, p)
}

// signedOut are the codes with which somebody is sent to sign in.
var signedOut = map[string]bool{"auth.required": true, "auth.invalid": true, "session.ended": true, "session.membership_required": true}

// refusePage answers a browser: sends it to sign in, shows the form again, or says what is wrong.
// The journal has the status that it was refused with, whatever the page says.
func (a *api) refusePage(w http.ResponseWriter, r *http.Request, p *Problem) {
	rq := requestOf(r.Context())
	rq.refused = p.Status
	if rq.tenant != "" { // the form's own page reads what the request was settled to be about
		r = r.WithContext(pg.InTenant(r.Context(), rq.tenant))
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "WWW-Authenticate", "Link"} {
		h.Del(name)
	}
	if to := rq.elsewhere(p); to != "" {
		h.Del("Content-Type")
		h.Set("Location", to)
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	status, page := a.problemPage(r.Context(), rq, p, h.Get("Retry-After"))
	h.Set("Content-Type", html)
	h.Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	_, _ = w.Write(page) // the browser may be gone
}

// elsewhere is the page where somebody can do something about a problem; "" for none.
func (rq *request) elsewhere(p *Problem) string {
	stage, isStage := strings.CutSuffix(strings.TrimPrefix(p.Code, "session."), "_required")
	switch {
	case p.Code == "session.membership_required":
		return "/switch"
	case p.Code == "session.confirm_required":
		return rq.confirmFirst()
	case signedOut[p.Code]:
		return withNext("/login", rq.local())
	case isStage && stagePages[stage] != "":
		return withNext(stagePages[stage], rq.local())
	}
	return ""
}

// problemPage is the form that was refused, or a page that says what is wrong. A contact is not
// told apart what is not there and what is not theirs.
func (a *api) problemPage(ctx context.Context, rq *request, p *Problem, retry string) (int, []byte) {
	f := pages.Form{Typed: rq.typed, Code: p.Code, Detail: p.Detail, Status: p.Status, RequestID: rq.id, Retry: retry}
	if rq.who.Kind == envelope.Contact && p.Status == http.StatusForbidden && p.Code == "caller.forbidden" {
		f.Code, f.Status = "not_found", http.StatusNotFound
	}
	for _, e := range p.Errors {
		f.Wrong = append(f.Wrong, pages.Wrong{Field: strings.TrimPrefix(e.Location, "body."), Message: e.Message})
	}
	rq.form = f
	page := pages.Refused()
	if again := rq.sheet(); again != nil && rq.admitted() && p.Status < 500 && p.Code != "request.cross_origin" && !strings.HasPrefix(p.Code, "caller.") {
		ctx, cancel := context.WithTimeout(ctx, queryTime)
		defer cancel()
		if made, err := again(ctx); err == nil {
			page = made
		}
	}
	out, err := a.drawn(ctx, f.Status, page)
	if err != nil {
		return f.Status, []byte("<!doctype html><title>" + strconv.Itoa(f.Status) + "</title><p>" + rq.id)
	}
	return cmp.Or(out.Status, f.Status), out.Body
}

// admitted tells whether the page that a form stands on may be shown to who sent it.
func (rq *request) admitted() bool {
	return rq.policy.public || rq.session != nil && rq.policy.allows(rq.who) && (rq.session.Stage == session.Full || rq.policy.halfway)
}

// sheet is the page that a form stands on; nil if nothing was sent.
func (rq *request) sheet() sheet {
	if rq.op == nil {
		return nil
	}
	s, _ := rq.op.Metadata["sheet"].(sheet)
	return s
}

// page tells whether a page was asked for.
func (rq *request) page() bool { return rq.op != nil && rq.op.Metadata["page"] == true }
