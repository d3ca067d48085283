package api

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// maxForm is in bytes. Forms are short: files are sent elsewhere.
const maxForm = 64 << 10

// readForm makes a JSON body of what a form says, by the operation's schema: from then on it is
// checked as every other request is.
func (a *api) readForm(rq *request, w http.ResponseWriter, r *http.Request, op *huma.Operation) error {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := params["charset"]
	encoding := r.Header.Get("Content-Encoding")
	if err != nil || kind != "application/x-www-form-urlencoded" || given && !strings.EqualFold(charset, "utf-8") || encoding != "" && encoding != "identity" {
		return problem(http.StatusUnsupportedMediaType, "request.unsupported_media_type", "send what the page's form sends")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, "request.too_large", "this is more than a form may say")
	case err != nil:
		return problem(http.StatusBadRequest, "request.malformed", "the form ended early")
	}
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return problem(http.StatusBadRequest, "request.malformed", "the form is not well-formed")
	}
	if key := values.Get("_key"); key != "" { // the form's own: sent twice, it is decided once
		r.Header.Set("Idempotency-Key", key)
	}
	values.Del("_key")
	plainBreaks(values)
	schema := a.schemaOf(op)
	rq.typed = a.typedInto(values, schema)
	t, err := a.Commands.Tenant(r.Context(), a.tenantOf(r.Context()))
	if err != nil {
		return err
	}
	rq.writes = printerOf(rq, t.Settings().Locale)
	body, err := a.bodyOf(rq, values, schema)
	if err != nil {
		return err
	}
	if rq.body, err = json.Marshal(body); err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	return checkJSON(rq.body)
}

func (a *api) schemaOf(op *huma.Operation) *huma.Schema {
	return a.resolved(op.RequestBody.Content["application/json"].Schema)
}

func (a *api) resolved(s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return a.huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// plainBreaks ends lines as everybody else does: browsers send two characters for one.
func plainBreaks(values url.Values) {
	for _, given := range values {
		for i, v := range given {
			given[i] = strings.ReplaceAll(v, "\r\n", "\n")
		}
	}
}

// secretFields are typed again when a form is refused: whatever opens something.
var secretFields = []string{"password", "current", "new", "code", "recovery_code", "token", "secret"}

// typedInto is what a refused form shows again.
func (a *api) typedInto(values url.Values, schema *huma.Schema) map[string]string {
	typed := map[string]string{}
	for name, given := range values {
		_, isField := schema.Properties[strings.Split(name, ".")[0]]
		if v := strings.Join(given, ","); isField && !slices.Contains(secretFields, name) && !badText(v) && len(v) <= 10_000 {
			typed[name] = v
		}
	}
	return typed
}

// bodyOf gives each field its type. A name such as lines.0.amount stands for a member of a
// member; a field left empty is left out, unless it is needed: then the schema says so, beside
// it. An amount is typed as the reader writes it, with its currency in the field's name +
// ".currency".
func (a *api) bodyOf(rq *request, values url.Values, schema *huma.Schema) (map[string]any, error) {
	root := &member{}
	for name, given := range values {
		at := "body." + clip(strings.ToValidUTF8(name, "�"), 100)
		if slices.ContainsFunc(given, badText) {
			return nil, badValue("request.bad_text", "a field is not text", at, "expected UTF-8 without NUL")
		}
		if !root.put(strings.Split(name, "."), given) {
			return nil, badValue("request.unknown_field", "the form has no such field", at, "unexpected property")
		}
	}
	return a.objectOf(rq, root, schema, "body")
}

// member is what a form says of one member: values, or members of its own.
type member struct {
	given []string
	under map[string]*member
}

const (
	maxNested  = 4
	maxMembers = 200 // of a list
)

func (m *member) put(path []string, given []string) bool {
	if len(path) == 0 {
		m.given = given
		return true
	}
	if len(path) > maxNested || path[0] == "" {
		return false
	}
	if m.under == nil {
		m.under = map[string]*member{}
	}
	next := m.under[path[0]]
	if next == nil {
		next = &member{}
		m.under[path[0]] = next
	}
	return next.put(path[1:], given)
}

func (a *api) valueOf(rq *request, m *member, of *huma.Schema, at string) (any, error) {
	of = a.resolved(of)
	switch {
	case of == nil:
		return nil, badValue("request.unknown_field", "the form has no such field", at, "unexpected property")
	case of.Properties["minor"] != nil && of.Properties["currency"] != nil && m.given != nil:
		return amountOf(rq, m, at)
	case of.Type == huma.TypeArray:
		return a.listOf(rq, m, of, at)
	case m.under != nil:
		return a.objectOf(rq, m, of, at)
	case len(m.given) > 1:
		return nil, badValue("request.repeated_field", "a field is given twice", at, "give it once")
	}
	return leafOf(m.given[0], of), nil
}

func (a *api) objectOf(rq *request, m *member, of *huma.Schema, at string) (map[string]any, error) {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(m.under)) {
		under, schema := m.under[name], of.Properties[name]
		if schema == nil {
			schema, _ = of.AdditionalProperties.(*huma.Schema)
		}
		if schema == nil {
			return nil, badValue("request.unknown_field", "the form has no such field", at+"."+name, "unexpected property")
		}
		if under.empty() && !slices.Contains(of.Required, name) {
			continue
		}
		v, err := a.valueOf(rq, under, schema, at+"."+name)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

// listOf is of members 0, 1, …, of which those left empty are left out, or of a field given
// several times.
func (a *api) listOf(rq *request, m *member, of *huma.Schema, at string) (any, error) {
	out := []any{}
	for _, v := range m.given {
		if v != "" {
			out = append(out, leafOf(v, a.resolved(of.Items)))
		}
	}
	for name := range m.under {
		if i, err := strconv.Atoi(name); err != nil || i < 0 || i >= maxMembers {
			return nil, badValue("request.unknown_field", "a form's list has members 0 to "+strconv.Itoa(maxMembers-1), at+"."+clip(name, 20), "unexpected property")
		}
	}
	for i := range maxMembers {
		under := m.under[strconv.Itoa(i)]
		if under == nil || under.empty() {
			continue
		}
		v, err := a.valueOf(rq, under, of.Items, at+"."+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// empty tells whether nothing was typed: a currency alone is none.
func (m *member) empty() bool {
	for _, v := range m.given {
		if v != "" {
			return false
		}
	}
	for name, under := range m.under {
		if name != "currency" && !under.empty() {
			return false
		}
	}
	return true
}

func amountOf(rq *request, m *member, at string) (any, error) {
	code := ""
	if c := m.under["currency"]; c != nil && len(c.given) == 1 {
		code = c.given[0]
	}
	if len(m.given) != 1 || m.given[0] == "" {
		return nil, badValue("request.invalid", "an amount is needed", at, "expected length >= 1")
	}
	amount, err := rq.writes.Amount(m.given[0], code)
	if err != nil {
		return nil, badValue("request.invalid", err.Error(), at, "expected an amount")
	}
	return amount, nil
}

// leafOf gives a value the type that the schema asks for. What it cannot be stays text, and
// the schema says so beside it.
func leafOf(v string, of *huma.Schema) any {
	switch of.Type {
	case huma.TypeBoolean:
		if v == "on" || v == "true" {
			return true
		}
		if v == "false" {
			return false
		}
	case huma.TypeInteger, huma.TypeNumber:
		if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			return n
		}
	}
	return v
}
