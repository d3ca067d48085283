package api

import (
	"net/http/httptest"
	"strings"

	"github.com/google/uuid"
)

// narrow asks for lists of another's: they are as empty, or as unknown, as nobody's.
func (m *matrix) narrow(o listed, who somebody) {
	m.t.Helper()
	op := m.doc.Paths.Value(o.path).GetOperation(o.method)
	if op.Parameters.GetByInAndName("query", "customer_id") == nil {
		return
	}
	answers := map[string]*httptest.ResponseRecorder{}
	for _, form := range m.forms[1:] {
		id := m.ids["customers"][form]
		if id == uuid.Nil {
			id = uuid.New()
		}
		answers[form] = m.asked(who, o.method, m.path(o, "own")+"?customer_id="+id.String(), "")
	}
	for _, form := range m.forms[1:3] {
		if anonymised(answers[form]) != anonymised(answers["unknown"]) {
			m.t.Errorf("%s as %s: narrowed to %s it is unlike nobody's: %s, %s", o.id, who.name, form, answers[form].Body, answers["unknown"].Body)
		}
	}
}

// attempts are bodies that an operation takes which contacts may use.
var attempts = map[string]string{
	"IssueStatement":       `{"currency":"GBP"}`,
	"ChangeContactAccess":  `{"preset":"read_only"}`,
	"RevokeContactModule":  `{"module":"jobs","reason":{"code":"test"}}`,
	"RevokeContactAccess":  `{"reason":{"code":"test"}}`,
	"RemoveContact":        `{"reason":{"code":"test"}}`,
	"InviteContact":        `{"confirm":"Confirm","name":"X","email":"x@example.com"}`,
	"ChangeContactDetails": `{"name":"X"}`,
}

// attempt has a contact do to others' things what it may do to its own.
func (m *matrix) attempt(o listed, who somebody) {
	m.t.Helper()
	body, known := attempts[o.id]
	if !known || !strings.Contains(o.path, "{id}") {
		return
	}
	answers := map[string]*httptest.ResponseRecorder{}
	for _, form := range m.forms[1:] {
		answers[form] = m.asked(who, o.method, m.path(o, form), body)
	}
	for _, form := range m.forms[1:3] {
		if got := answers[form]; got.Code < 400 || anonymised(got) != anonymised(answers["unknown"]) {
			m.t.Errorf("%s as %s to %s: %d %s, to nothing: %s", o.id, who.name, form, got.Code, got.Body, answers["unknown"].Body)
		}
	}
}
