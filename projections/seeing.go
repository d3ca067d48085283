package projections

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/projections/engine"
)

// A contact whose grants are of some branches only, or of what it is the main contact of, or
// who is denied some things, sees some of a customer's rows. Statements mark where that is to
// be decided: /*see invoice i*/ after a condition of row i. Who sees all of the kinds that a
// statement marks, which is nearly everybody, is answered by the statement as it stands; for
// others each mark becomes a condition over the contact's grants. What the conditions say is
// what access.May says: TestQueriesShowWhatAccessAllows compares them over random worlds.

// kind is what a mark is of: the module and action that are needed, and whether its rows
// have a place: branch, contractor, site, main contact. What has none is in no branch's scope
// (E38).
type kind struct {
	module access.Module
	action access.Action
	placed bool
}

var kinds = map[string]kind{
	"invoice":      {access.Invoices, access.View, true},
	"invoice_file": {access.Invoices, access.Download, true},
	"memo":         {access.Account, access.View, true},
	"memo_file":    {access.Account, access.Download, true},
	"payment":      {access.Account, access.View, false},
	"file":         {access.Documents, access.View, false},
	"file_of":      {access.Documents, access.View, true}, // that hangs on a document
	"bytes":        {access.Documents, access.Download, false},
	"bytes_of":     {access.Documents, access.Download, true},
}

// Statements that were issued, and what happened, are decided by several kinds.
const (
	statementMark = "statement"
	activityMark  = "activity"
)

var activityKinds = []string{"invoice", "memo", "payment"}

var marks = regexp.MustCompile(`/\*see (\w+) (\w+)\*/`)

var markedKinds sync.Map // of engine.SQL to []string: the kinds that a statement marks

func kindsIn(sql engine.SQL) []string {
	if known, ok := markedKinds.Load(sql); ok {
		return known.([]string)
	}
	var all []string
	for _, m := range marks.FindAllStringSubmatch(string(sql), -1) {
		if m[1] == activityMark {
			all = append(all, activityKinds...)
		} else {
			all = append(all, m[1])
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	markedKinds.Store(sql, all)
	return all
}

// sight is what a contact sees of some customers. It is of one reading.
type sight struct {
	standing  *access.Standing
	customers []uuid.UUID
	grants    string // as the marks' conditions read them, once they are asked for
}

// sightOf is nil for who sees all.
func sightOf(s *access.Standing, customers []uuid.UUID) *sight {
	if s == nil {
		return nil
	}
	return &sight{standing: s, customers: customers}
}

// whole tells whether all of a kind is seen, of all of the customers.
func (w *sight) whole(name string) bool {
	see := func(c uuid.UUID) bool { return w.standing.Money(access.Download, c) }
	if name != statementMark {
		k := kinds[name]
		see = func(c uuid.UUID) bool { return w.standing.All(k.module, k.action, c) }
	}
	return !slices.ContainsFunc(w.customers, func(c uuid.UUID) bool { return !see(c) })
}

// rules are the grants as the marks' conditions read them.
func (w *sight) rules() string {
	if w.grants == "" {
		w.grants = rulesOf(w.standing, w.customers)
	}
	return w.grants
}

// rule is a grant as the marks' conditions read it: of one customer, and one kind.
type rule struct {
	Kind        string      `json:"kind"`
	Customer    uuid.UUID   `json:"customer"`
	Rank        int         `json:"rank"`
	Deny        bool        `json:"deny"`
	Branches    []uuid.UUID `json:"branches"`
	Contractors []uuid.UUID `json:"contractors"`
	Sites       []uuid.UUID `json:"sites"`
	Main        *uuid.UUID  `json:"main"` // contact: of what it is the main contact of (S4.4)
}

func rulesOf(s *access.Standing, customers []uuid.UUID) string {
	rules := []rule{}
	for _, c := range customers {
		for name, k := range kinds {
			for _, g := range s.At(k.module, k.action, c) {
				r := rule{name, c, g.Scope.Specificity(), g.Deny, g.Scope.Branches, g.Scope.Contractors, g.Scope.Sites, nil}
				if g.Scope.PrimaryContact {
					r.Main = &s.ContactID
				}
				if g.Scope.CreatedByMe || !k.placed && (len(r.Branches)+len(r.Contractors)+len(r.Sites) > 0 || r.Main != nil) {
					continue // it speaks of nothing of this kind
				}
				rules = append(rules, r)
			}
		}
		if s.Money(access.Download, c) {
			rules = append(rules, rule{Kind: statementMark, Customer: c})
		}
	}
	text, err := json.Marshal(rules)
	if err != nil {
		panic(err) // of our own types: it never fails
	}
	return string(text)
}

// narrows tells whether a statement's marks must be decided row by row.
func (w *sight) narrows(sql engine.SQL) bool {
	return w != nil && slices.ContainsFunc(kindsIn(sql), func(kind string) bool { return !w.whole(kind) })
}

// decided is a statement whose marks are conditions.
func decided(sql string) string {
	return marks.ReplaceAllStringFunc(sql, func(mark string) string {
		m := marks.FindStringSubmatch(mark)
		if m[1] == activityMark {
			return " and " + seenActivity
		}
		return " and " + seen(m[1], m[2]+".customer_id", m[2])
	})
}

// seen is the condition for a row: of the grants that speak of it the most specific one
// decides, and of those a denial (access.Grants.Allows).
func seen(kind, customer, row string) string {
	sql := grantsOfKind
	if kinds[kind].placed {
		sql = grantsOfPlace
	}
	return strings.NewReplacer("{kind}", kind, "{customer}", customer, "{row}", row).Replace(sql)
}

const (
	grantsRead = `coalesce((select not g.deny
  from jsonb_to_recordset(@grants::jsonb) g (kind text, customer uuid, rank int, deny boolean, branches uuid[], contractors uuid[], sites uuid[], main uuid)
  where g.kind = '{kind}' and g.customer = {customer}`
	grantsDecide  = ` order by g.rank desc, g.deny desc limit 1), false)`
	grantsOfKind  = grantsRead + grantsDecide
	grantsOfPlace = grantsRead + `
    and (g.branches is null or {row}.branch_id = any(g.branches))
    and (g.contractors is null or {row}.contractor_id = any(g.contractors))
    and (g.sites is null or {row}.site_id = any(g.sites))
    and (g.main is null or {row}.primary_contact_id = g.main)` + grantsDecide
)

// Of activity a: whether what it is about is seen. What goes back of a credit memo is told as of
// money that came, under the credit memo's id: it is the credit memo's all the same.
var seenActivity = `case a.ref_kind
  when 'invoice' then exists (select from {s}.invoices ai where ai.tenant = a.tenant and ai.id = a.ref_id and ` + seen("invoice", "a.customer_id", "ai") + `)
  when 'credit_memo' then exists (select from {s}.credit_memos am where am.tenant = a.tenant and am.id = a.ref_id and ` + seen("memo", "a.customer_id", "am") + `)
  else coalesce((select ` + seen("memo", "a.customer_id", "am") + ` from {s}.credit_memos am where am.tenant = a.tenant and am.id = a.ref_id),
    ` + seen("payment", "a.customer_id", "a") + `) end`

// mustSeeMoney refuses whoever may not see the account of the customers asked for: what is
// on it are sums over everything.
func (s scope) mustSeeMoney() error {
	if s.sight == nil || s.sight.money(s.customers) {
		return nil
	}
	return domain.Forbidden("access.account", "this is a sum over all invoices and payments of the customer, of which you may see some only")
}

func (w *sight) money(customers []uuid.UUID) bool {
	return w == nil || !slices.ContainsFunc(customers, func(c uuid.UUID) bool { return !w.standing.Money(access.View, c) })
}

// profile tells whether the viewer may see the details of a customer.
func (s scope) profile(customer uuid.UUID) bool {
	of := access.Item{Module: access.Profile, Customers: []uuid.UUID{customer}, Published: true}
	return s.sight == nil || access.May(*s.sight.standing, access.View, of, s.today)
}

// hides tells whether a field is hidden from the viewer.
func (s scope) hides(entity, field string) bool {
	return slices.Contains(s.hidden, access.Field{Entity: entity, Name: field})
}
