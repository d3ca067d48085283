package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

const sqlForgetPerson text = `update portico.api_keys set name = '' where tenant = $1 and contact_id = $2 and name <> ''`

// ForgetPerson takes a person's name from the keys they were given. That the keys open
// nothing any more follows from history.
func (k *Keys) ForgetPerson(ctx context.Context, tenant string, subject uuid.UUID) error {
	if _, err := k.DB.Exec(ctx, string(sqlForgetPerson), tenant, subject); err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	return nil
}
