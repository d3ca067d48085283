package jobs

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Payloads name people by ids only; what a server said may name them otherwise.
const sqlForgetPerson = `
update portico.jobs set error = 'erased'
where tenant = $1 and error is not null and error <> 'erased' and position(convert_to($2, 'UTF8') in payload) > 0`

// ForgetPerson removes what attempts at jobs about a person have failed with.
func (s *Store) ForgetPerson(ctx context.Context, tenant string, subject uuid.UUID) error {
	if _, err := s.DB.Exec(ctx, sqlForgetPerson, tenant, subject.String()); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	return nil
}
