package projections

import (
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/projections/engine"
)

var auditIndex = engine.NewTable[logKey, auditRow]("events")

// auditRow is where an event is, and what auditors look for it by. Insert-only.
type auditRow struct {
	PosHi        uint64     `db:"pos_hi,key"`
	PosLo        uint64     `db:"pos_lo,key"`
	Tenant       string     `db:"tenant"`
	Stream       string     `db:"stream"`
	Version      int64      `db:"version"`
	Type         string     `db:"type"`
	ActorKind    string     `db:"actor_kind"`
	ActorID      uuid.UUID  `db:"actor_id"`
	Impersonator *uuid.UUID `db:"impersonator"`
	CustomerID   *uuid.UUID `db:"customer_id"`
	Command      string     `db:"command"`
	CommandID    uuid.UUID  `db:"command_id"`
	OccurredAt   time.Time  `db:"occurred_at"`
	At           time.Time  `db:"at"`
}

// applyAudit indexes every event of whatever type.
func applyAudit(b *engine.Batch, e envelope.Event) error {
	auditIndex.Insert(b, auditRow{
		PosHi: e.Pos.Hi, PosLo: e.Pos.Lo, Tenant: e.Meta.Tenant, Stream: string(e.Stream), Version: e.Version, Type: e.Type,
		ActorKind: e.Meta.Actor.Kind, ActorID: e.Meta.Actor.ID, Impersonator: e.Meta.Actor.Impersonator,
		CustomerID: optional(e.Meta.Route), Command: e.Meta.Command, CommandID: e.Meta.CommandID,
		OccurredAt: e.Meta.OccurredAt, At: e.At,
	})
	return nil
}
