package files

import (
	"context"
	"errors"

	"portico/internal/pg"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Uploads are who has handed in what. A command may name a file only if its own tenant has
// handed it in: knowing a SHA-256 is no right to the bytes.
type Uploads struct{ DB pg.DB }

// Sender is who hands a file in: the kind and id of an actor.
type Sender struct {
	Tenant string
	Kind   string
	ID     uuid.UUID
}

// Record remembers that a file was handed in. Again by the same sender is nothing.
func (u *Uploads) Record(ctx context.Context, by Sender, f File) error {
	_, err := u.DB.Exec(ctx, `insert into portico.files (tenant, sha256, size, media_type, actor_kind, actor_id)
		values ($1, $2, $3, $4, $5, $6) on conflict do nothing`, by.Tenant, f.SHA256, f.Size, f.MediaType, by.Kind, by.ID)
	return err
}

// Find is a file as a tenant has handed it in; ErrMissing if it has not.
func (u *Uploads) Find(ctx context.Context, tenant, sha256 string) (File, error) {
	f := File{SHA256: sha256}
	err := u.DB.QueryRow(ctx, `select size, media_type from portico.files where tenant = $1 and sha256 = $2
		order by made_at, actor_id limit 1`, tenant, sha256).Scan(&f.Size, &f.MediaType)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrMissing
	}
	return f, err
}
