package importer

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/customer"
	"portico/domain/tenant"
	"portico/internal/eventstore"
)

// place is what an importer needs to know of its tenant.
type place struct {
	zone        *time.Location
	currency    string
	branches    map[string]uuid.UUID // open ones, by code and by name, in lower case
	contractors map[string]uuid.UUID // by name, in lower case
}

func readTenant(ctx context.Context, c *commands.Commands, code string) (p place, err error) {
	var t tenant.Tenant
	p.branches, p.contractors = map[string]uuid.UUID{}, map[string]uuid.UUID{}
	stream := eventstore.Stream(code, "tenant", commands.TenantID(code).String())
	err = history(ctx, c, stream, func(event any) {
		t = event.(tenant.Event).Evolve(t)
		switch e := event.(type) {
		case tenant.BranchAdded:
			p.branches[strings.ToLower(e.Code)], p.branches[strings.ToLower(e.Name)] = e.BranchID, e.BranchID
		case tenant.BranchClosed:
			for name, id := range p.branches {
				if id == e.BranchID {
					delete(p.branches, name)
				}
			}
		case tenant.ContractorAdded:
			p.contractors[strings.ToLower(e.Name)] = e.ContractorID
		}
	})
	if err == nil && !t.Known() {
		err = domain.NotFound("tenant.unknown", "register the tenant first")
	}
	p.zone, p.currency = t.Zone(), t.Settings().Currency
	return p, err
}

// history gives a stream's events to f, from the first on.
func history(ctx context.Context, c *commands.Commands, stream eventstore.StreamName, f func(event any)) error {
	const page = 500
	for from := int64(0); ; {
		records, err := c.Store.ReadStream(ctx, stream, from, page)
		if err != nil {
			return err
		}
		for _, r := range records {
			e, err := c.Codec.Open(ctx, r)
			if err != nil {
				return err
			}
			f(e.Data)
			from = r.Version + 1
		}
		if len(records) < page {
			return nil
		}
	}
}

// party is a customer that the file's documents name.
type party struct {
	id      uuid.UUID
	number  string
	details customer.Details
	newest  string // when its newest document is of: that one's details count
	at      time.Time
	parent  *party

	mu   sync.Mutex
	done bool
	err  error
}

// party is the one customer for a key of the source.
func (r *run) party(key string) *party {
	p, known := r.customers[key]
	if !known {
		p = &party{id: r.externalID("customer", key)}
		r.customers[key] = p
	}
	return p
}

// ensure registers or updates a customer, once in a run, before its first document.
func (r *run) ensure(ctx context.Context, p *party) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return p.err
	}
	p.err = r.register(ctx, p)
	p.done = p.err == nil || final(p.err)
	return p.err
}

func (r *run) register(ctx context.Context, p *party) error {
	if len(p.details.LegalName) > 200 {
		return domain.Invalid("customer.name_too_long", "a customer's name has at most 200 bytes")
	}
	if p.parent != nil {
		if err := r.ensure(ctx, p.parent); err != nil {
			return err
		}
		known, err := r.c.Store.ReadStream(ctx, eventstore.Stream(r.o.By.Tenant, "customer", p.id.String()), 0, 1)
		if err != nil {
			return err
		}
		if len(known) == 0 { // later it may have been moved: it stays where it is
			_, err := r.c.RegisterCustomer(ctx, r.by(p.at), p.id, customer.Register{Number: p.number, Details: p.details, ParentID: &p.parent.id})
			return err
		}
	}
	_, err := r.c.ImportCustomer(ctx, r.by(p.at), p.id, customer.Import{Number: p.number, Details: p.details})
	return err
}

// instant is the beginning of a day in a zone: when what is dated so happened, as far as
// the source says.
func instant(d domain.Date, zone *time.Location) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, string(d), zone)
	if err != nil {
		return time.Time{}
	}
	return t
}
