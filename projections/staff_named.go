package projections

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/projections/engine"
)

// CustomerName is how staff call a customer.
type CustomerName struct {
	ID     uuid.UUID `db:"id"`
	Number string    `db:"number"`
	Name   string    `db:"name"`
}

const sqlCustomerNames engine.SQL = `select id, number, name from {s}.customers where tenant = @tenant and id = any(@ids)`

// CustomersNamed are the names of customers, for lists that have their ids only; for staff.
func (q *Queries) CustomersNamed(ctx context.Context, v Viewer, ids []uuid.UUID) (map[uuid.UUID]CustomerName, error) {
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return nil, err
	}
	rows, err := many[CustomerName](ctx, q.DB, sqlCustomerNames, s, pgx.NamedArgs{"ids": ids})
	named := make(map[uuid.UUID]CustomerName, len(rows))
	for _, r := range rows {
		named[r.ID] = r
	}
	return named, err
}
