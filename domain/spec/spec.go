// Package spec runs given/when/then cases against an aggregate.
package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"portico/domain"
)

// Case reads: given these events, when this command, then these events, or this refusal.
type Case[S any] struct {
	Name  string
	Given []domain.Event[S]
	When  domain.Command[S]
	Then  []domain.Event[S]
	Code  string
}

// Run checks each case, and that every event named in one survives its stored form.
func Run[S any](t *testing.T, types domain.Types, cases []Case[S]) {
	t.Helper()
	catalog := domain.NewCatalog(types)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var zero S
			got, err := c.When.Decide(domain.Fold(zero, stored(t, catalog, c.Given)...))
			if code := domain.CodeOf(err); code != c.Code {
				t.Fatalf("error = %v, want code %q", err, c.Code)
			}
			if diff := cmp.Diff(c.Then, stored(t, catalog, got)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func stored[S any](t *testing.T, catalog *domain.Catalog, events []domain.Event[S]) (out []domain.Event[S]) {
	t.Helper()
	for _, e := range events {
		typ, data, err := catalog.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := catalog.Decode(typ.Name, typ.Version, data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, back.(domain.Event[S]))
	}
	return out
}
