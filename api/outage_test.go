package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"portico/domain"
)

// A database that is away is a reason to try again, not a fault of ours.
func TestOutagesAreNotFaults(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{&pgconn.PgError{Code: "57P01"}, 503},
		{&pgconn.PgError{Code: "08006"}, 503},
		{io.ErrUnexpectedEOF, 503},
		{pgconn.ErrConnClosed, 503},
		{&pgconn.PgError{Code: "42601"}, 500}, // a mistake in our SQL
		{errors.New("anything else"), 500},
	} {
		if got := problemOf(fmt.Errorf("wrapped: %w", c.err)); got.Status != c.status {
			t.Errorf("%v: status %d, want %d", c.err, got.Status, c.status)
		}
	}
}

// What is not found may only not show yet: then the answer says so.
func TestProblemsSayThatTheyAreStale(t *testing.T) {
	a := &api{}
	for _, stale := range []bool{true, false} {
		ctx := context.WithValue(t.Context(), requestKey{}, &request{stale: stale})
		p := a.failed(ctx, domain.NotFound("payment.unknown", "none")).(*Problem)
		if got := p.GetHeaders().Get("Portico-Stale") == "1"; got != stale {
			t.Errorf("stale %v is told as %v", stale, got)
		}
	}
}
