package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"portico/domain/access"
	"portico/internal/auth"
	"portico/internal/envelope"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
)

// A policy says who may use a route: staff with a capability, contacts with a grant, or
// everybody. The zero policy lets nobody in.
type policy struct {
	staff   access.Capability
	orStaff access.Capability // with which staff may too
	module  access.Module     // in which contacts need action
	action  access.Action
	contact bool // any contact: there is nothing in it but what each may see
	public  bool // no key needed, no data
	self    bool // whoever signed in, about themselves
	halfway bool // who has not come to the end of signing in, too
	looking bool // who sees the portal as somebody else, too, though it changes something
}

// The policies. Which rows somebody sees of what they may ask is for the query to decide,
// by its Viewer.
var (
	clients  = policy{staff: access.ManageCustomers}
	people   = policy{staff: access.ManagePeople}
	billing  = policy{staff: access.ManageBilling}
	money    = policy{staff: access.ManageMoney}
	ledgered = policy{staff: access.ImportLedgers}
	settings = policy{staff: access.ManageSettings}
	systems  = policy{staff: access.ManageSystem}
	readers  = policy{staff: access.ReadBusiness}
	watchers = policy{staff: access.ReadSystem}
	auditors = policy{staff: access.ReadHistory}
	everyone = policy{staff: access.ReadBusiness, contact: true}
	public   = policy{public: true}
	self     = policy{self: true}
	halfway  = policy{self: true, halfway: true}
	leaving  = policy{self: true, halfway: true, looking: true} // ending what was begun
)

// granted is for contacts with a grant, and for staff who see the business.
func granted(m access.Module, a access.Action) policy { return readers.granted(m, a) }

// granted lets contacts with a grant use a route of staff.
func (p policy) granted(m access.Module, a access.Action) policy {
	p.module, p.action = m, a
	return p
}

// contacts tells whether some contact may use the route.
func (p policy) contacts() bool { return p.contact || p.module != "" }

func (p policy) allows(who auth.Principal) bool {
	if p.self && who.Session != uuid.Nil {
		return true
	}
	if who.Kind == envelope.Contact {
		if p.module == access.Users && who.Session == uuid.Nil {
			return false // staff can make a contact's key: only the human looks after people
		}
		return p.contact || p.module != "" && who.Standing != nil && who.Standing.Open(p.module, p.action)
	}
	return p.staff != "" && access.Can(who.Roles, p.staff) || p.orStaff != "" && access.Can(who.Roles, p.orStaff)
}

// needs are a capability of staff and a grant of contacts, each of which suffices.
func (p policy) needs() (s []string) {
	if p.staff != "" {
		s = append(s, string(p.staff))
	}
	if p.orStaff != "" {
		s = append(s, string(p.orStaff))
	}
	switch {
	case p.public:
		s = append(s, "anybody")
	case p.self:
		s = append(s, "self")
	case p.contact:
		s = append(s, "contact")
	case p.module != "":
		s = append(s, "contact:"+string(p.module)+"/"+string(p.action))
	}
	return s
}

// security are the ways in, for the document; nil stands for all.
func (p policy) security() []map[string][]string {
	switch {
	case p.public:
		return []map[string][]string{{}}
	case p.self:
		return []map[string][]string{{"session": {}}}
	}
	return nil
}

// inWords is for the reading page.
func (p policy) inWords() string {
	var s []string
	for _, need := range p.needs() {
		switch grant, isGrant := strings.CutPrefix(need, "contact:"); {
		case isGrant:
			s = append(s, "contacts with the grant "+grant)
		case need == "self":
			s = append(s, "whoever has signed in, about themselves")
		case need == "contact":
			s = append(s, "contacts")
		case need == "anybody":
			s = append(s, need)
		default:
			s = append(s, "staff whose role may do "+need)
		}
	}
	return strings.Join(s, ", and ")
}

func routeName(method, path string) string { return method + " " + path }

// Handle registers an operation of huma's: it makes api a huma.Adapter, so that no
// operation can be registered around its policy.
func (a *api) Handle(op *huma.Operation, handler func(huma.Context)) {
	who, _ := op.Metadata["policy"].(policy)
	if who != (policy{}) {
		a.policies[routeName(op.Method, op.Path)] = who
	}
	run := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(humachi.NewContext(op, r, w)) })
	a.router.Method(op.Method, op.Path, a.guard(op, who, run))
}

// open registers a route for everybody. It must not show anybody's data.
func (a *api) open(path, operation string, handler http.Handler) {
	a.policies[routeName(http.MethodGet, path)] = public
	a.router.Method(http.MethodGet, path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requestOf(r.Context()).operation = operation
		handler.ServeHTTP(w, r)
	}))
}

// checkPolicies walks the routes that there are, and refuses those that nobody wrote a
// policy for.
func (a *api) checkPolicies() error {
	var without []string
	err := chi.Walk(a.router, func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if a.policies[routeName(method, path)] == (policy{}) {
			without = append(without, routeName(method, path))
		}
		return nil
	})
	if err == nil && len(without) > 0 {
		slices.Sort(without)
		err = fmt.Errorf("api: no policy says who may use: %s", strings.Join(without, ", "))
	}
	return err
}
