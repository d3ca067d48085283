package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"portico/internal/eventstore"
	"portico/projections"
)

// shown is how a query is answered.
type shown[R any] struct {
	Status   int
	ETag     string `header:"ETag" doc:"Send it as If-None-Match with the same request: 304 says that the answer would be the same. For contacts only"`
	Position string `header:"Portico-Position" example:"s1.42.0" doc:"The answer shows at least what happened up to here; absent if nothing was asked for"`
	Stale    string `header:"Portico-Stale" doc:"1 if the answer does not yet show the position asked for; repair if an event of this customer cannot be applied, so that the answer shows how things were before it"`
	Body     R
}

// get is a query without an id. F's fields are its filters.
func get[F, R any](a *api, path, group string, who policy, f func(context.Context, projections.Viewer, F) (R, error)) {
	query(a, path, group, who, nameOf(f), f)
}

// getAll is a query without filters.
func getAll[R any](a *api, path, group string, who policy, f func(context.Context, projections.Viewer) (R, error)) {
	query(a, path, group, who, nameOf(f), func(ctx context.Context, v projections.Viewer, _ struct{}) (R, error) {
		return f(ctx, v)
	})
}

// getID is a query about the thing whose id is in the path.
func getID[R any](a *api, path, group string, who policy, f func(context.Context, projections.Viewer, uuid.UUID) (R, error)) {
	query(a, path, group, who, nameOf(f), func(ctx context.Context, v projections.Viewer, _ struct{}) (R, error) {
		return f(ctx, v, pathID(ctx))
	})
}

// getOf is a filtered query about the thing whose id is in the path.
func getOf[F, R any](a *api, path, group string, who policy, f func(context.Context, projections.Viewer, uuid.UUID, F) (R, error)) {
	query(a, path, group, who, nameOf(f), func(ctx context.Context, v projections.Viewer, filter F) (R, error) {
		return f(ctx, v, pathID(ctx), filter)
	})
}

// queryTime bounds a query, the wait for a position included.
const queryTime = 15 * time.Second

func query[F, R any](a *api, path, group string, who policy, name string, f func(context.Context, projections.Viewer, F) (R, error)) {
	op := a.operation(http.MethodGet, path, who, name)
	_, takesAfter := reflect.TypeFor[F]().FieldByName("After") // as a page's cursor: history
	op.Parameters = a.queryParameters(path, takesAfter)
	op.Metadata["after"] = !takesAfter
	if who.contacts() {
		op.Responses = map[string]*huma.Response{strconv.Itoa(http.StatusNotModified): {Description: "The client has this answer already"}}
	}
	ofCustomer := strings.HasPrefix(path, "/v1/customers/{id}")
	huma.Register(a.huma, op, func(ctx context.Context, filter *F) (*shown[R], error) {
		rq := requestOf(ctx)
		id, err := pathIDOf(ctx)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		ctx, cancel := context.WithTimeout(ctx, queryTime)
		defer cancel()
		out := &shown[R]{Status: http.StatusOK}
		customers := concerned(rq, ofCustomer, id, filter)
		out.Position, out.Stale = a.awaited(ctx, rq, group, customers)
		var unchanged bool
		if out.ETag, unchanged, err = a.unchanged(ctx, rq); err != nil {
			return nil, a.failed(ctx, err)
		}
		if unchanged {
			rq.shown(nil, customers)
			out.Status = http.StatusNotModified
			return out, nil
		}
		viewer, version := rq.viewer(), projections.Version("")
		viewer.Version = &version
		if out.Body, err = f(ctx, viewer, *filter); err != nil {
			return nil, a.failed(ctx, err)
		}
		rq.shown(out.Body, customers)
		out.ETag = rq.etag(version)
		return out, nil
	})
}

// awaited waits for the position asked for, if one was, and says what the answer will show.
func (a *api) awaited(ctx context.Context, rq *request, group string, customers []uuid.UUID) (position, stale string) {
	if rq.after != (eventstore.Position{}) {
		position = positionToken(rq.after)
		if !a.await(ctx, group, rq.after, patience, customers...) {
			position, stale, rq.stale = "", "1", true
		}
	}
	if a.parked(ctx, group, customers) {
		stale, rq.stale = "repair", true
	}
	return position, stale
}

// parked tells whether one of the customers is, whom an answer concerns.
func (a *api) parked(ctx context.Context, group string, customers []uuid.UUID) bool {
	return slices.ContainsFunc(customers, func(c uuid.UUID) bool {
		is, err := a.Engine.IsParked(ctx, group, c)
		return err == nil && is // who cannot be asked about is not there to be read either
	})
}

// concerned are the customers whose part of the read models an answer is made of: what
// must show the position. None stands for everybody's.
func concerned(rq *request, ofCustomer bool, id uuid.UUID, filter any) []uuid.UUID {
	if rq.op != nil && strings.HasPrefix(rq.op.Path, "/v1/tenant") {
		return nil // of the business: no customer's part holds it
	}
	if rq.who.Standing != nil {
		return rq.who.Standing.Seen()
	}
	if ofCustomer {
		return []uuid.UUID{id}
	}
	if f := reflect.ValueOf(filter).Elem().FieldByName("CustomerID"); f.IsValid() {
		if asked, ok := f.Interface().(uuid.UUID); ok && asked != uuid.Nil {
			return []uuid.UUID{asked}
		}
	}
	return nil
}

// queryParameters are those that huma does not find in the filter: an id in the path, and
// the position to show.
func (a *api) queryParameters(path string, takesAfter bool) []*huma.Param {
	token := &huma.Schema{Type: huma.TypeString, Pattern: `^s1\.[0-9]{1,20}\.[0-9]{1,20}$`}
	asked := "Show at least what happened up to this position: the query waits up to 2 seconds for it, and says Portico-Stale: 1 if that does not suffice"
	all := []*huma.Param{
		{Name: "Portico-Position", In: "header", Description: asked, Schema: token},
		{Name: "If-None-Match", In: "header", Description: "The ETag of an answer to the same request that the client still has", Schema: &huma.Schema{Type: huma.TypeString}},
	}
	if !takesAfter {
		all = append(all, &huma.Param{Name: "after", In: "query", Description: asked + ". The header's twin", Schema: token})
	}
	if strings.Contains(path, "{id}") {
		id := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[uuid.UUID](), true, "")
		all = append(all, &huma.Param{Name: "id", In: "path", Required: true, Schema: id})
	}
	return all
}

// pathIDOf is the id in the path, in its one form; the nil UUID if the path has none.
func pathIDOf(ctx context.Context) (uuid.UUID, error) {
	text := chi.URLParamFromCtx(ctx, "id")
	if text == "" {
		return uuid.Nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return id, problem(http.StatusUnprocessableEntity, "request.invalid", "validation failed", AtField{"path.id", "expected a UUID"})
	}
	return id, nil
}

func pathID(ctx context.Context) uuid.UUID {
	id, _ := pathIDOf(ctx) // checked before the query was called
	return id
}
