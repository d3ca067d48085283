package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

const (
	maxBody  = 1 << 20 // bytes of a request's body
	maxDepth = 20      // of nested JSON
)

// readBody takes the body in whole, and refuses what is not JSON in good form before
// anything looks at its meaning.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem(http.StatusRequestEntityTooLarge, "request.too_large", fmt.Sprintf("a request has at most %d bytes", maxBody))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem(http.StatusRequestTimeout, "request.timeout", "the body did not come in time")
	case err != nil:
		return nil, problem(http.StatusBadRequest, "request.malformed", "the body ended early")
	}
	if len(body) == 0 {
		return nil, nil
	}
	if err := checkContentType(r.Header); err != nil {
		return nil, err
	}
	return body, checkJSON(body)
}

func checkContentType(h http.Header) error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, given := params["charset"]
	if err != nil || kind != "application/json" || given && !strings.EqualFold(charset, "utf-8") {
		return problem(http.StatusUnsupportedMediaType, "request.unsupported_media_type", "send application/json in UTF-8")
	}
	if e := h.Get("Content-Encoding"); e != "" && e != "identity" {
		return problem(http.StatusUnsupportedMediaType, "request.unsupported_media_type", "send the body without compression")
	}
	return nil
}

// checkQuery refuses queries that two readers could understand in two ways, and
// parameters that nobody would read.
func checkQuery(u *url.URL, known []*huma.Param) error {
	if !utf8.ValidString(u.Path) || strings.ContainsRune(u.Path, 0) {
		return problem(http.StatusBadRequest, "request.malformed", "the path holds bytes that are not text")
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return problem(http.StatusBadRequest, "request.malformed", "the query is not well-formed")
	}
	for name, given := range values {
		at := AtField{Location: "query." + clip(strings.ToValidUTF8(name, "�"), 100)}
		n := slices.IndexFunc(known, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		several := n >= 0 && known[n].Explode != nil && *known[n].Explode
		if len(given) > 1 && !several {
			at.Message = "give it once"
			return problem(http.StatusUnprocessableEntity, "request.repeated_parameter", "a query parameter is given twice", at)
		}
		if n < 0 {
			at.Message = "unknown query parameter"
			return problem(http.StatusUnprocessableEntity, "request.unknown_parameter", "there is no such query parameter", at)
		}
		if badText(name) || slices.ContainsFunc(given, badText) {
			at.Message = "expected UTF-8 without NUL"
			return problem(http.StatusUnprocessableEntity, "request.bad_text", "a query parameter is not text", at)
		}
	}
	return nil
}

func badText(s string) bool { return !utf8.ValidString(s) || strings.ContainsRune(s, 0) }

// checkJSON refuses what encoding/json would let pass, or change: repeated names (of
// which one would silently win), broken text, numbers that are not 64-bit integers
// (Portico has no others: amounts are minor units, quantities are text).
func checkJSON(body []byte) error {
	if !utf8.Valid(body) || !pairedSurrogates(body) {
		return problem(http.StatusUnprocessableEntity, "request.bad_text", "the body is not valid UTF-8")
	}
	c := checker{dec: json.NewDecoder(bytes.NewReader(body))}
	c.dec.UseNumber()
	first, err := c.dec.Token()
	if err == nil && first != json.Delim('{') {
		return problem(http.StatusUnprocessableEntity, "request.invalid", "the body must be a JSON object", AtField{"body", "expected object"})
	}
	if err == nil {
		err = c.object("body", 1)
	}
	if err == nil {
		if _, err = c.dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("there is more after the object")
	}
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return problem(http.StatusBadRequest, "request.malformed",
		fmt.Sprintf("the body is not well-formed JSON, near byte %d", c.dec.InputOffset()))
}

type checker struct{ dec *json.Decoder }

func (c checker) object(at string, depth int) error {
	seen := map[string]bool{}
	for c.dec.More() {
		t, err := c.dec.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string) // the decoder lets nothing else be a name
		here := clip(at+"."+name, 200)
		if strings.ContainsRune(name, 0) {
			return badValue("request.bad_text", "a name in the body is not text", here, "expected no NUL")
		}
		if seen[name] {
			return badValue("request.repeated_field", "a field is given twice", here, "give it once")
		}
		seen[name] = true
		if err := cardField(name, here); err != nil {
			return err
		}
		if err := c.value(here, depth); err != nil {
			return err
		}
	}
	_, err := c.dec.Token() // the closing brace
	return err
}

func (c checker) array(at string, depth int) error {
	for i := 0; c.dec.More(); i++ {
		if err := c.value(at+"["+strconv.Itoa(i)+"]", depth); err != nil {
			return err
		}
	}
	_, err := c.dec.Token()
	return err
}

func (c checker) value(at string, depth int) error {
	t, err := c.dec.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		switch {
		case depth >= maxDepth:
			return badValue("request.too_deep", "the body nests too deeply", at, "expected less nesting")
		case t == '{':
			return c.object(at, depth+1)
		}
		return c.array(at, depth+1)
	case json.Number:
		if _, err := strconv.ParseInt(t.String(), 10, 64); err != nil {
			return badValue("request.number", "a number is not a 64-bit integer", at, "expected a whole number of at most 64 bits, without exponent")
		}
	case string:
		if strings.ContainsRune(t, 0) {
			return badValue("request.bad_text", "a text holds a NUL", at, "expected no NUL")
		}
	}
	return nil
}

func badValue(code, detail, at, message string) error {
	return problem(http.StatusUnprocessableEntity, code, detail, AtField{at, message})
}

// pairedSurrogates tells whether every \uD800 to \uDFFF in JSON is half of a pair.
// encoding/json would make U+FFFD of a lonely one.
func pairedSurrogates(body []byte) bool {
	for i := 0; i < len(body)-1; i++ {
		if body[i] != '\\' {
			continue
		}
		i++ // what is escaped is not itself the start of an escape
		unit, ok := escapedUnit(body[i-1:])
		switch {
		case !ok || unit < 0xD800 || unit > 0xDFFF:
			continue
		case unit >= 0xDC00:
			return false
		}
		low, ok := escapedUnit(body[min(i+5, len(body)):])
		if !ok || low < 0xDC00 || low > 0xDFFF {
			return false
		}
		i += 10 // at the end of the pair
	}
	return true
}

func escapedUnit(b []byte) (uint64, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return unit, err == nil
}
