package projections

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/projections/engine"
)

var versions = engine.NewTable[versionKey, versionRow]("versions")

type versionKey struct {
	Tenant     string
	CustomerID uuid.UUID
}

// versionRow is the last event that was applied of a customer, or under the nil UUID of the
// tenant: while it stays, so does every row that its events write.
type versionRow struct {
	Tenant     string    `db:"tenant,key"`
	CustomerID uuid.UUID `db:"customer_id,key"`
	PosHi      uint64    `db:"pos_hi"`
	PosLo      uint64    `db:"pos_lo"`
}

func applyVersion(b *engine.Batch, e envelope.Event) error {
	versions.Put(b, versionRow{e.Meta.Tenant, e.Meta.Route, e.Pos.Hi, e.Pos.Lo})
	return nil
}

// Version names a state of all that a contact can be shown: while it is the same, so is the
// answer to the same query. Empty where there is no such promise: for who sees everybody.
type Version string

// What an answer to a contact depends on beside its own and the tenant's events: on the
// date (E43), and on how many payments that were begun are still waited for.
const versionColumns = marksColumn + `,
  (select count(*) from {s}.payments
    where tenant = @tenant and customer_id = any(@customers) and status = 'initiated' and expires_at > @now) as pending`

const marksColumn = `
  array(select concat(pos_hi, '.', pos_lo) from {s}.versions
    where tenant = @tenant and customer_id = any(@marked::uuid[]) order by customer_id) as marks`

// marked are the customers, and the tenant, whose events a viewer's answers are made of.
func (v Viewer) marked(s scope) []uuid.UUID {
	of := v.customers()
	if v.Kind != envelope.Contact {
		of = s.customers
	}
	return append([]uuid.UUID{uuid.Nil}, of...)
}

// version is that of what the database told of a viewer. A portal that is shut or opened
// is an event of its customer.
func (is *resolved) version(s scope) Version {
	if is.of.Kind != envelope.Contact {
		return ""
	}
	standing, err := json.Marshal(is.of.Standing)
	if err != nil {
		return ""
	}
	return Version(fmt.Sprint(s.schema, s.tenant, string(standing), s.today, is.Pending, strings.Join(is.Marks, " ")))
}
