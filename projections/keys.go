package projections

import (
	"strings"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// docKey names what has a stream of its own: its id is unique within a tenant.
type docKey struct {
	Tenant string
	ID     uuid.UUID
}

// fundKey names what lives on an account. Its id may have come with a request, and is
// unique within the account only.
type fundKey struct {
	Tenant     string
	ID         uuid.UUID
	CustomerID uuid.UUID
	Currency   string
}

// pairKey names a fund that pays an item.
type pairKey struct {
	Tenant     string
	ItemID     uuid.UUID
	FundID     uuid.UUID
	CustomerID uuid.UUID
	Currency   string
}

// accountKey names an account.
type accountKey struct {
	Tenant     string
	CustomerID uuid.UUID
	Currency   string
}

// logKey is an event's position.
type logKey struct{ Hi, Lo uint64 }

// about is the key of the document that an event's stream is about.
func about(e envelope.Event) docKey { return docKey{e.Meta.Tenant, e.Stream.AggregateID()} }

// ofNobody tells whether an event came to the tenant's lane. A document's row there may be
// ahead: assigned since, and then its customer's lane writes it.
func ofNobody(e envelope.Event) bool { return e.Meta.Route == uuid.Nil }

// ledgerOf is the account that an event's stream is about.
func ledgerOf(e envelope.Event) accountKey {
	_, _, id := e.Stream.Split()
	return accountKey{e.Meta.Tenant, e.Stream.AggregateID(), id[strings.LastIndexByte(id, '-')+1:]}
}

func (k accountKey) doc(id uuid.UUID) docKey { return docKey{k.Tenant, id} }

func (k accountKey) fund(id uuid.UUID) fundKey {
	return fundKey{k.Tenant, id, k.CustomerID, k.Currency}
}

func (k accountKey) pair(item, fund uuid.UUID) pairKey {
	return pairKey{k.Tenant, item, fund, k.CustomerID, k.Currency}
}

// optional is the query argument of an id: null for the nil UUID.
func optional(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// lowered is what searches look into.
func lowered(parts ...string) string { return strings.ToLower(strings.Join(parts, "\n")) }

func position(hi, lo uint64) string { return eventstore.Position{Hi: hi, Lo: lo}.String() }
