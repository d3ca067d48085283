package projections

import (
	"errors"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
)

// cut is rows of a statement whose connection was cut before it was answered: they have no
// columns to ask for, only an error.
type cut struct{ pgx.Rows }

func (cut) Close()     {}
func (cut) Err() error { return io.ErrUnexpectedEOF }

func TestRowsThatNeverCameAreAnError(t *testing.T) {
	if _, err := collect[struct{}](cut{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error = %v", err)
	}
}
