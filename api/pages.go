package api

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/a-h/templ"
	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"portico/commands"
	"portico/internal/eventstore"
	"portico/internal/session"
	"portico/projections"
	"portico/web/pages"
	"portico/web/text"
)

// A page is an operation like the others, left out of the OpenAPI document: the same guard,
// policies, journal and limits stand before it, so that none shows what its policy does not
// allow. It answers in HTML, refusals too (pages_refusal.go). What is typed into a form becomes
// the body of the operation that programs call, and is checked by its schema (pages_form.go).

// pagePolicy lets pages have what this server serves and nothing else: no script or style
// stands in them, nothing is sent elsewhere, nobody frames them.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// A sheet makes a page of what was asked for: as it is, or, if the request was a form that
// was refused, with what was typed into it (pages.Form, in the frame).
type sheet func(context.Context) (templ.Component, error)

// sent is how a page is answered.
type sent struct {
	Status        int
	ContentType   string   `header:"Content-Type"`
	Location      string   `header:"Location"`
	SetCookie     []string `header:"Set-Cookie"`
	ClearSiteData string   `header:"Clear-Site-Data"`
	Body          []byte
}

const html = "text/html; charset=utf-8"

// pageOperation is what all pages have in common. Any may be asked to show a position, and to
// say what a form has done that led to it.
func (a *api) pageOperation(method, route string, who policy, name string, takes []string) huma.Operation {
	op := a.operation(method, route, who, name)
	op.Hidden = true
	op.Metadata["page"] = true
	if method == http.MethodGet {
		op.Parameters = a.queryParameters(route, false)
		op.Metadata["after"] = true
		takes = append(takes, "done")
	}
	taking(takes...)(&op)
	return op
}

// taking says which parameters a form's address may have.
func taking(names ...string) option {
	return func(op *huma.Operation) {
		for _, name := range names {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
}

// show registers a page that is made of no read model, and which parameters its address may
// have. It answers the page, for forms that are refused to be shown on again.
func show(a *api, route string, who policy, name string, made sheet, takes ...string) sheet {
	op := a.pageOperation(http.MethodGet, route, who, name, takes)
	huma.Register(a.huma, op, func(ctx context.Context, _ *struct{}) (*sent, error) {
		return a.showing(ctx, made)
	})
	return made
}

func (a *api) showing(ctx context.Context, made sheet) (*sent, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	page, err := made(ctx)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	return a.drawn(ctx, http.StatusOK, page)
}

// look registers a page of a query: f's filter is its address's query, and draw makes the page
// of both. Group is whose position it waits for.
func look[F, R any](a *api, route, group string, who policy, name string, f func(context.Context, projections.Viewer, F) (R, error), draw func(F, R) templ.Component) sheet {
	made := func(ctx context.Context, filter F) (templ.Component, error) {
		rq := requestOf(ctx)
		id, err := pathIDOf(ctx)
		if err != nil {
			return nil, err
		}
		customers := concerned(rq, strings.HasPrefix(route, "/customers/{id}"), id, &filter)
		if rq.after != (eventstore.Position{}) || rq.op.Method == http.MethodGet {
			a.awaited(ctx, rq, group, customers)
		}
		found, err := f(ctx, rq.viewer(), filter)
		if err != nil {
			return nil, err
		}
		rq.shown(found, customers)
		return draw(filter, found), nil
	}
	op := a.pageOperation(http.MethodGet, route, who, name, nil)
	huma.Register(a.huma, op, func(ctx context.Context, filter *F) (*sent, error) {
		return a.showing(ctx, func(ctx context.Context) (templ.Component, error) { return made(ctx, *filter) })
	})
	return func(ctx context.Context) (templ.Component, error) {
		var none F
		return made(ctx, none)
	}
}

// lookAt registers a page of the thing whose id is in the path.
func lookAt[R any](a *api, route, group string, who policy, name string, f func(context.Context, projections.Viewer, uuid.UUID) (R, error), draw func(R) templ.Component) sheet {
	return look(a, route, group, who, name, func(ctx context.Context, v projections.Viewer, _ struct{}) (R, error) {
		return f(ctx, v, wholeID(ctx))
	}, func(_ struct{}, r R) templ.Component { return draw(r) })
}

// wholeID is the id of what a page is of: of a form about a refund or charge-back, of the money.
func wholeID(ctx context.Context) uuid.UUID {
	if of, err := uuid.Parse(chi.URLParamFromCtx(ctx, "fund_id")); err == nil {
		return of
	}
	return pathID(ctx)
}

// partID is the id of a part that a page was asked about, or a form refused.
func partID(ctx context.Context, asked uuid.UUID) uuid.UUID {
	if asked == uuid.Nil {
		return pathID(ctx)
	}
	return asked
}

// outcome is what came of a form: where the browser goes on, or what it is shown.
type outcome struct {
	To            string
	Shows         templ.Component // instead of To
	SetCookie     []string
	ClearSiteData string
}

// form registers what a page sends. I is the input of the operation that programs call; what is
// refused is shown on again.
func form[I any](a *api, route string, who policy, name string, do func(context.Context, *I) (outcome, error), again sheet, more ...option) {
	op := a.pageOperation(http.MethodPost, route, who, name, nil)
	for _, change := range more {
		change(&op)
	}
	a.registerForm(op, again, func(op huma.Operation) {
		op.Metadata["forgotten"] = true
		huma.Register(a.huma, op, func(ctx context.Context, in *I) (*sent, error) { return doing(ctx, a, in, do) })
	})
}

// shownAgain says where a form is shown that is refused. Each has such a page.
func shownAgain(op huma.Operation, again sheet) {
	if (again == nil) != homeless[op.Path] {
		panic(op.Path + ": say on which page this form is shown again, or that it is homeless")
	}
	op.Metadata["sheet"] = again
}

// homeless are the forms that stand on every page: what is refused of them is said on a page of its own.
var homeless = map[string]bool{"/language": true}

func (a *api) registerForm(op huma.Operation, again sheet, register func(huma.Operation)) {
	shownAgain(op, again)
	op.RequestBody = &huma.RequestBody{}
	register(op)
	a.mayBeEmpty(op.RequestBody)
}

func doing[I any](ctx context.Context, a *api, in *I, do func(context.Context, *I) (outcome, error)) (*sent, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandTime)
	defer cancel()
	requestOf(ctx).begun = true
	came, err := do(ctx, in)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &sent{Status: http.StatusSeeOther, Location: came.To, Body: []byte{}}
	if came.Shows != nil {
		if out, err = a.drawn(ctx, http.StatusOK, came.Shows); err != nil {
			return nil, a.failed(ctx, err)
		}
	}
	out.SetCookie, out.ClearSiteData = came.SetCookie, came.ClearSiteData
	return out, nil
}

// then is a form's doing that leads on.
func then[I, B any](do func(context.Context, *I) (*signed[B], error), to func(context.Context, B) string) func(context.Context, *I) (outcome, error) {
	return func(ctx context.Context, in *I) (outcome, error) {
		out, err := do(ctx, in)
		if err != nil {
			return outcome{}, err
		}
		return outcome{To: to(ctx, out.Body), SetCookie: out.SetCookie, ClearSiteData: out.ClearSiteData}, nil
	}
}

// shows is a form's doing that is answered with a page.
func shows[I, B any](do func(context.Context, *I) (*signed[B], error), page func(B) templ.Component) func(context.Context, *I) (outcome, error) {
	return func(ctx context.Context, in *I) (outcome, error) {
		out, err := do(ctx, in)
		if err != nil {
			return outcome{}, err
		}
		return outcome{Shows: page(out.Body), SetCookie: out.SetCookie, ClearSiteData: out.ClearSiteData}, nil
	}
}

// gives registers a form that gives a command. I is the command's input (inPlain, inID,
// inLedger, inLedgerID); to is the page that it leads to, which shows what it led to and says
// the text "done." + said. Sent twice, it is decided once: field "_key".
func gives[I any](a *api, route string, who policy, name, said string, do func(context.Context, commands.Caller, *I) (commands.Receipt, error), to func(*I, commands.Receipt) string, again sheet, more ...option) {
	op := a.pageOperation(http.MethodPost, route, who, name, nil)
	for _, change := range more {
		change(&op)
	}
	a.registerForm(op, again, func(op huma.Operation) {
		huma.Register(a.huma, op, func(ctx context.Context, in *I) (*sent, error) {
			return doing(ctx, a, in, func(ctx context.Context, in *I) (outcome, error) {
				rq := requestOf(ctx)
				got, err := do(ctx, rq.caller(), in)
				if err != nil {
					return outcome{}, err
				}
				a.metrics.appended(op.OperationID, got.Events)
				rq.events = got.Events
				return outcome{To: came(to(in, got), said, got.Position)}, nil
			})
		})
	})
}

// came is a page that shows a position, and says what was done.
func came(to, said string, at eventstore.Position) string {
	u, err := url.Parse(to)
	if err != nil {
		return to
	}
	q := u.Query()
	if said != "" {
		q.Set("done", said)
	}
	if token := positionToken(at); token != "" {
		q.Set("after", token)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// drawn is a page, whole: what fails halfway shows nothing.
func (a *api) drawn(ctx context.Context, status int, page templ.Component) (*sent, error) {
	var b bytes.Buffer
	frame, printer := a.frame(ctx)
	if err := page.Render(text.In(pages.In(ctx, frame), printer), &b); err != nil {
		return nil, a.failed(ctx, err)
	}
	return &sent{Status: status, ContentType: html, Body: b.Bytes()}, nil
}

// parameter is one of the address's, "" if it has none. checkQuery has been there.
func (rq *request) parameter(name string) string {
	u, err := url.Parse(rq.asked)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

// local is the page that was asked for, to come back to; "" for what is sent to it.
func (rq *request) local() string {
	if rq.op == nil || rq.op.Method != http.MethodGet {
		return ""
	}
	return localPath(rq.asked)
}

// localPath is a path on this host with its query, in one form; "" for anything that a browser
// might take for another host, and for what only leads here.
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || len(to) > 1000 || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || u.Fragment != "" ||
		!strings.HasPrefix(u.Path, "/") || strings.ContainsAny(u.Path, "\\\x00\r\n\t") || path.Clean(u.Path) != u.Path {
		return ""
	}
	if u.Path == "/login" || strings.HasPrefix(u.Path, "/login/") || u.Query().Has("token") {
		return ""
	}
	return (&url.URL{Path: u.Path, RawQuery: u.Query().Encode()}).String()
}

// stagePages are where signing in goes on.
var stagePages = map[string]string{
	session.SecondFactor: "/login/second-factor",
	session.Enrol:        "/login/enrol",
	session.Password:     "/login/password",
}

// onwards is where somebody goes who has come a step further.
func onwards(ctx context.Context, s MySession) string {
	next := localPath(requestOf(ctx).parameter("next"))
	if page := stagePages[s.Stage]; page != "" {
		return withNext(page, next)
	}
	return cmp.Or(next, "/")
}

// withNext is a path that leads on to another.
func withNext(to, next string) string {
	if next == "" || next == "/" {
		return to
	}
	return to + "?" + url.Values{"next": {next}}.Encode()
}

// withoutEmpty is a query without the parameters that a form for filters left empty.
func withoutEmpty(u *url.URL) *url.URL {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.RawQuery == "" {
		return u // checkQuery refuses it
	}
	for name, given := range values {
		if len(given) == 1 && given[0] == "" {
			values.Del(name)
		}
	}
	out := *u
	out.RawQuery = values.Encode()
	return &out
}
