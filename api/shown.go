package api

import (
	"net/http"
	"reflect"
	"slices"

	"github.com/google/uuid"
)

// shown notes for the journal what an answer shows: how many things, of which customer.
func (rq *request) shown(body any, customers []uuid.UUID) {
	v := reflect.Indirect(reflect.ValueOf(body))
	if v.Kind() == reflect.Struct {
		for _, name := range []string{"Items", "Events"} {
			if items := v.FieldByName(name); items.IsValid() && items.Kind() == reflect.Slice {
				rq.count, rq.shows = items.Len(), true
			}
		}
		if of := v.FieldByName("CustomerID"); of.IsValid() && rq.target.Customer == uuid.Nil {
			if of.Kind() == reflect.Pointer && !of.IsNil() {
				of = of.Elem()
			}
			rq.target.Customer, _ = of.Interface().(uuid.UUID)
		}
	}
	if len(customers) == 1 && rq.target.Customer == uuid.Nil {
		rq.target.Customer = customers[0]
	}
}

// filtersOf are the names of what a query narrows down by. Their values may be personal.
func filtersOf(r *http.Request) (names []string) {
	for name := range r.URL.Query() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
