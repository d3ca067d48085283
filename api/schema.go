package api

import (
	"fmt"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/session"
)

// schemaName names a type in the OpenAPI document by its package and name, so that
// invoice.Issue and creditmemo.Issue do not collide.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	pkg := path.Base(t.PkgPath())
	switch {
	case t.Name() == "" || unshared[pkg]:
		return name
	case strings.HasPrefix(strings.ToLower(name), pkg):
		return name
	}
	return strings.ToUpper(pkg[:1]) + pkg[1:] + name
}

// unshared are the packages whose names stand for themselves.
var unshared = map[string]bool{"api": true, "commands": true, "domain": true, "projections": true}

// uuidText stands for uuid.UUID in schemas. huma would take 36 characters with or without
// dashes, braces or urn:uuid:; here there is one form.
type uuidText struct{}

func (uuidText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid",
		Pattern: "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"}
}

// dateText stands for domain.Date.
type dateText struct{}

func (dateText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date", Examples: []any{"2026-03-31"}}
}

func config(version string) huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	registry.RegisterTypeAlias(reflect.TypeFor[uuid.UUID](), reflect.TypeFor[uuidText]())
	registry.RegisterTypeAlias(reflect.TypeFor[domain.Date](), reflect.TypeFor[dateText]())
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Portico", Version: version, Description: description},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"apiKey":  {Type: "http", Scheme: "bearer", Description: "An API key, of a program: portico keys create"},
					"session": {Type: "apiKey", In: "cookie", Name: session.Cookies{}.Name(), Description: "Of people who have signed in. Plain http on one's own machine: portico"},
				},
			},
			Security: []map[string][]string{{"apiKey": {}}, {"session": {}}},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

const description = `A customer portal with an event-sourced core. Commands are POST (or PUT, under an id of
your own) and answer with a receipt; its Portico-Position header, handed to a query, makes
the query show the command's effect. Amounts are whole numbers of the currency's minor
unit; quantities and unit prices are decimal numbers as text. Repeat a command safely by
sending the same Idempotency-Key. Every error is a problem (RFC 9457) with a stable code.
/healthz, /readyz and /metrics need no key: they show counts and times, no data. Programs
send an API key; people sign in, and send their session's cookie. A page that asks by itself
sends Portico-Background: 1, which does not keep its session from running out.`

// operation is what all operations have in common.
func (a *api) operation(method, route string, who policy, name string) huma.Operation {
	section, _, _ := strings.Cut(strings.TrimPrefix(route, "/v1/"), "/")
	if strings.HasPrefix(route, ledgers) {
		section = "accounts"
	}
	return huma.Operation{
		Method: method, Path: route, OperationID: name,
		Security:     who.security(),
		Summary:      inWords(name),
		Description:  "For " + who.inWords() + ".",
		Tags:         []string{section},
		MaxBodyBytes: maxBody + 1, // the guard refuses earlier
		// The body has been read: what is left of its time must not end the request.
		BodyReadTimeout: -1,
		Metadata:        map[string]any{"policy": who},
		Extensions:      map[string]any{"x-access": who.needs()},
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
			http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}
}

// inWords makes "Issue invoice with id" of IssueInvoiceWithID.
func inWords(name string) string {
	var b strings.Builder
	for i, r := range name {
		previous := byte('A')
		if i > 0 {
			previous = name[i-1]
		}
		if unicode.IsUpper(r) && !unicode.IsUpper(rune(previous)) {
			b.WriteByte(' ')
		}
		if i > 0 && unicode.IsUpper(r) && (i+1 >= len(name) || !unicode.IsUpper(rune(name[i+1]))) && !unicode.IsUpper(rune(previous)) {
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// documentSecond documents that what was made before is answered 200.
func documentSecond[B any](a *api, op *huma.Operation) {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[B](), true, "")
	op.Responses = map[string]*huma.Response{strconv.Itoa(http.StatusOK): {
		Description: "It was so already",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}}
}

// mayBeEmpty makes the body optional where nothing in it is required.
func (a *api) mayBeEmpty(body *huma.RequestBody) {
	for _, m := range body.Content {
		schema := m.Schema
		if schema.Ref != "" {
			schema = a.huma.OpenAPI().Components.Schemas.SchemaFromRef(schema.Ref)
		}
		body.Required = len(schema.Required) > 0
	}
}

// checkSchemas refuses to serve types whose JSON could not be checked as readers expect:
// floating-point numbers.
func (a *api) checkSchemas() error {
	for name, s := range a.huma.OpenAPI().Components.Schemas.Map() {
		for field, of := range s.Properties {
			if of.Type == huma.TypeNumber {
				return fmt.Errorf("api: %s.%s is a floating-point number: use integers, or decimals as text", name, field)
			}
		}
	}
	return nil
}
