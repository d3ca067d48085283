package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	htmltext "html"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/domain"
	"portico/domain/invoice"
	"portico/internal/eventstore"
	"portico/projections"
	"portico/web/pages"
	"portico/web/text"
	"portico/web/ui"
)

var (
	inputs   = regexp.MustCompile(`(?s)<input ([^>]*)>|<textarea ([^>]*)>(.*?)</textarea>|<select ([^>]*)>(.*?)</select>`)
	attr     = regexp.MustCompile(`(?s)([a-z-]+)(?:="([^"]*)")?`)
	selected = regexp.MustCompile(`<option value="([^"]*)" selected`)
)

// asBrowser is what a browser sends of the last form of what a page is about, which nobody has touched.
func asBrowser(page string) url.Values {
	page, _, _ = strings.Cut(page, "</main>")
	out := url.Values{}
	for _, m := range inputs.FindAllStringSubmatch(page[strings.LastIndex(page, "<form "):], -1) {
		has := map[string]string{}
		for _, a := range attr.FindAllStringSubmatch(m[1]+m[2]+m[4], -1) {
			has[a[1]] = htmltext.UnescapeString(a[2])
		}
		value := has["value"]
		_, checked := has["checked"]
		switch {
		case has["type"] == "checkbox" && !checked:
			continue
		case m[2] != "":
			value = strings.TrimPrefix(htmltext.UnescapeString(m[3]), "\n")
		case m[4] != "":
			value = ""
			if s := selected.FindStringSubmatch(m[5]); s != nil {
				value = htmltext.UnescapeString(s[1])
			}
		case has["type"] != "hidden":
			value = strings.ReplaceAll(value, "\n", "")
		}
		out.Set(has["name"], strings.ReplaceAll(value, "\n", "\r\n"))
	}
	return out
}

// anything fills in a value, whatever fields it has: those of next year too.
func anything(t *rapid.T, v reflect.Value, field reflect.StructField) {
	switch v.Interface().(type) {
	case domain.Date:
		v.SetString(rapid.SampledFrom([]string{"2026-02-28", "2027-12-31"}).Draw(t, field.Name))
		return
	case uuid.UUID:
		v.Set(reflect.ValueOf(uuid.New()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		said := rapid.StringN(0, 40, -1).Filter(func(s string) bool { return !strings.ContainsAny(s, "\r\x00") })
		if enum := field.Tag.Get("enum"); enum != "" {
			said = rapid.SampledFrom(append(strings.Split(enum, ","), ""))
		} else if field.Name == "Currency" {
			said = rapid.SampledFrom([]string{"GBP", "JPY", "KWD"})
		} else if field.Name == "Text" {
			said = said.Filter(func(s string) bool { return s != "" }) // a line that says nothing is none
		}
		v.SetString(said.Draw(t, field.Name))
	case reflect.Int64:
		v.SetInt(rapid.Int64Min(0).Draw(t, field.Name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, field.Name))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, field.Name) {
			v.Set(reflect.New(v.Type().Elem()))
			anything(t, v.Elem(), field)
		}
	case reflect.Slice:
		for range rapid.IntRange(map[bool]int{true: 1}[field.Name == "Lines"], 4).Draw(t, field.Name) {
			one := reflect.New(v.Type().Elem()).Elem()
			anything(t, one, field)
			v.Set(reflect.Append(v, one))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Tag.Get("json") != "-" {
				anything(t, v.Field(i), f)
			}
		}
	default:
		t.Fatalf("what is a %s?", v.Type())
	}
}

// A draft that is opened and saved as it is stays what it was, whoever wrote it.
func TestAnEditedDraftLosesNothing(t *testing.T) {
	w := newWorld(t)
	schemaFor := func(of reflect.Type) *huma.Schema {
		return w.a.resolved(w.a.huma.OpenAPI().Components.Schemas.Schema(of, true, ""))
	}
	schema, sketched := schemaFor(reflect.TypeFor[typedInvoice]()), schemaFor(reflect.TypeFor[sketch]())
	for _, language := range []string{"en-GB", "de"} {
		t.Run(language, rapid.MakeCheck(func(t *rapid.T) {
			var d invoice.Draft
			anything(t, reflect.ValueOf(&d).Elem(), reflect.StructField{})
			p := text.For(language)
			typed, err := typedOf(d, p)
			if err != nil {
				t.Fatal(err)
			}
			e := pages.Editor{Draft: uuid.New(), Currency: d.Currency, Nobodys: d.CustomerID == nil, Rows: len(d.Lines)}
			if !e.Nobodys {
				e.Of = &projections.CustomerName{ID: *d.CustomerID}
			}
			if rapid.Bool().Draw(t, "branches") {
				e.Branches = []projections.Place{{ID: uuid.New(), Name: "Leeds"}}
			}
			rq := &request{writes: p}
			for _, of := range []string{"opened", "worked out"} {
				var b bytes.Buffer
				ctx := text.In(pages.In(context.Background(), &pages.Frame{View: ui.View{Shell: ui.Staff}, Form: pages.Form{Typed: typed}}), text.For("en"))
				if err := pages.WriteDocument(e).Render(ctx, &b); err != nil {
					t.Fatal(err)
				}
				values := asBrowser(b.String())
				values.Del("_key")
				plainBreaks(values)
				body, err := w.a.bodyOf(rq, values, schema)
				if err != nil {
					t.Fatalf("%s: %v", of, err)
				}
				raw, _ := json.Marshal(body)
				var back typedInvoice
				if err := json.Unmarshal(raw, &back); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(d.Content, back.content()); diff != "" {
					t.Fatalf("%s: %s", of, diff)
				}
				if _, err := w.a.bodyOf(rq, values, sketched); err != nil {
					t.Fatalf("%s again: %v", of, err)
				}
				typed = w.a.typedInto(values, sketched)
				pages.Compact(typed)
			}
		}))
	}
}

// The same by hand: what programs write of a draft is there when staff have saved it.
func TestADraftOfAProgramIsEditedOnThePage(t *testing.T) {
	b := newBooks(t)
	id, position := uuid.NewString(), ""
	body := func(lines int) string {
		line := `{"sku":"A-1","text":"Two\nlines","quantity":"2","unit_price":"19.995","discount_percent":"10","tax_code":"VAT20","tax_rate_percent":"20"}`
		return `{"number":"INV-77","kind":"adjustment","customer_id":"` + b.ours.customer.String() + `","site_id":"` + uuid.NewString() + `","currency":"GBP",
			"rounding":"half_even","tax_rounding":"per_line","prices_include_tax":true,"issued_on":"2026-02-01","due_on":"2026-03-01","description":"Boiler","reference":"PO 9",
			"lines":[` + strings.TrimSuffix(strings.Repeat(line+",", lines), ",") + `],"withheld":1250,"retained":5,"given_totals":{"net":3000,"tax":[{"rate_percent":"20","net":3000,"minor":600}],"gross":3600}}`
	}
	drafted := func(lines int) {
		if got := b.as(b.who, "PUT", "/v1/invoice-drafts/"+id, body(lines)); got.Code/100 != 2 {
			t.Fatalf("%d %s", got.Code, got.Body)
		} else {
			position = got.Header().Get("Portico-Position")
		}
	}
	edit := func(query string) answer {
		return b.as(b.who, "GET", "/staff/invoices/"+id+"/edit?after="+position+query, "")
	}
	written := func() (out []any) {
		events, err := b.store.ReadStream(t.Context(), eventstore.Stream("main", "invoice", id), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			out = append(out, asJSON(t, e.Data))
		}
		return out
	}
	drafted(3)
	at := "/staff/invoices/" + id
	page := edit("").says(t, 200, `value="12.50"`, `value="0.05"`, "PO 9", "Two\nlines", "The total is given as £36.00", `name="rounding" value="half_even"`)
	values := asBrowser(page)
	if got := b.send(b.who, at+"/draft", values); got.Code != 303 {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	if got := written(); len(got) != 2 || !reflect.DeepEqual(got[0], got[1]) {
		t.Errorf("%v", got)
	}
	b.send(b.who, at+"/preview?without=1", values).says(t, 200, `name="lines.1.text"`, "!PO 10")
	left := asBrowser(b.send(b.who, at+"/preview?without=1", values).Body.String())
	if left.Get("lines.1.sku") != "A-1" || left.Get("lines.2.sku") != "" || left.Get("withheld_amount") != "12.50" {
		t.Errorf("%v", left)
	}
	b.send(b.who, at+"/preview?ungiven=1", values).says(t, 200, "!The total is given", "!given_totals")
	values.Set("withheld_amount", "a lot")
	b.send(b.who, at+"/draft", values).says(t, 422, `value="a lot"`, `role="alert"`, "12.50", "PO 9")
	b.send(b.who, at+"/preview", url.Values{"lines.200.text": {"cut?"}}).says(t, 422, `role="alert"`)
	drafted(pages.MostLines + 1)
	edit("").says(t, 200, fmt.Sprintf("This draft has %d lines", pages.MostLines+1), "!savebar")
	edit("&choose=true").says(t, 200, "This draft has")
	drafted(2)
	edit("&choose=true").says(t, 200, "customer_id="+b.ours.customer.String())
}

func asJSON(t *testing.T, raw []byte) (v any) {
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
