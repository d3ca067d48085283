package idempotency

import (
	"context"

	"github.com/google/uuid"
)

// A refusal repeats what was refused. The same request is refused the same way again.
const sqlForgetPerson text = `
delete from portico.idempotency where tenant = $1 and state = 'done' and (actor = $2 or status >= 400)`

// ForgetPerson forgets what a person was answered, and every refusal: it may quote them.
// Commands are not decided twice for that (see the package's comment).
func (s *Store) ForgetPerson(ctx context.Context, tenant string, subject uuid.UUID) error {
	return s.exec(ctx, sqlForgetPerson, tenant, subject)
}
