package eventstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// notSent wraps a failure to get a connection: nothing can have been written.
type notSent struct{ err error }

func (e *notSent) Error() string { return e.err.Error() }
func (e *notSent) Unwrap() error { return e.err }

// serverError is the server's own refusal of a statement, which undid it. A FATAL error
// is none: the session may have ended after the commit.
func serverError(err error) *pgconn.PgError {
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.SeverityUnlocalized == "ERROR" {
		return pe
	}
	return nil
}

// passing are the classes of errors that trying again may cure: transaction rollback,
// resources, locks, the operator. Class 25 is a database that is read-only for now.
func passing(pe *pgconn.PgError) bool {
	switch pe.Code[:2] {
	case "25", "40", "53", "55", "57":
		return true
	}
	return false
}

// refused tells whether the server would refuse the same call again.
func refused(err error) bool {
	pe := serverError(err)
	return pe != nil && !passing(pe)
}

// noPartition is how PostgreSQL says that no partition takes a row: as a check violation,
// and es.append can meet no other.
func noPartition(err error) bool {
	pe := serverError(err)
	return pe != nil && pe.Code == "23514"
}

// errMissed says that a session shows no events where there are some.
var errMissed = errors.New("the log is known to go on, and shows no more events")

// cutShort is how es.read_stream says that it sees less of a stream than its record does.
func cutShort(err error) bool {
	pe := serverError(err)
	return pe != nil && pe.Code == "55000"
}

// beingMade tells whether es.ensure_partitions gave up waiting, for 3 s, for somebody who
// makes partitions and takes their time.
func beingMade(err error) bool {
	pe := serverError(err)
	return pe != nil && pe.Code == "55P03"
}

// otherSession tells whether a statement that was prepared is not there, or one to be
// prepared is: the connection is not always the same session. Nothing was executed.
func otherSession(err error) bool {
	pe := serverError(err)
	return pe != nil && (pe.Code == "26000" || pe.Code == "42P05")
}

// appendFailed tells a caller what its append came to.
func appendFailed(err error) error {
	var unsent *notSent
	switch pe := serverError(err); {
	case errors.As(err, &unsent), pgconn.SafeToRetry(err), pe != nil && passing(pe):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case pe != nil:
		return fmt.Errorf("eventstore: append: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
}

// readFailed tells a reader whether trying again may help.
func readFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("eventstore: read: %w", ctx.Err())
	}
	if refused(err) || cutShort(err) { // in ten sessions: the stream is not whole
		return fmt.Errorf("eventstore: read: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
