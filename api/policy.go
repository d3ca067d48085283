package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

// A policy names the roles that may use a route. The nil policy lets nobody in.
type policy []string

// The policies. Which rows a role sees of what it may ask is for the query to decide, by
// its Viewer.
var (
	owners    = policy{"staff"}                                      // set the business up
	business  = policy{"staff", "integration"}                       // run it
	readers   = policy{"staff", "integration", "auditor"}            // see all of it
	customers = policy{"staff", "integration", "auditor", "contact"} // each sees their own
	watchers  = policy{"staff", "auditor"}                           // see who has access
	auditors  = policy{"auditor"}                                    // see who did what
	public    = policy{"anybody"}                                    // no key needed, no data
)

func (p policy) allows(role string) bool { return slices.Contains(p, role) }

func routeName(method, path string) string { return method + " " + path }

// Handle registers an operation of huma's: it makes api a huma.Adapter, so that no
// operation can be registered around its policy.
func (a *api) Handle(op *huma.Operation, handler func(huma.Context)) {
	who, _ := op.Metadata["policy"].(policy)
	if len(who) > 0 {
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
		if len(a.policies[routeName(method, path)]) == 0 {
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
