package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/account"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/internal/auth"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// portal is a business of some size: its events are in the log, sealed as commands seal
// them, and its read models were folded from those.
type portal struct {
	*app
	customers []benchCustomer // those with a contact's key
}

type benchCustomer struct {
	id  uuid.UUID
	key string // its contact's
}

const (
	perCustomer  = 20 // invoices
	benchKeys    = 64 // customers whose contacts ask
	benchWriters = 64 // who append at once: group commit makes that fast
)

// newPortal fills the log and waits for the read models. Only the engine runs: what
// policies would append is in the log already.
func (a *app) newPortal(ctx context.Context, invoices int) (*portal, error) {
	p := &portal{app: a}
	ids := make([]uuid.UUID, max(1, invoices/perCustomer))
	work := make(chan int)
	failed := make(chan error, benchWriters)
	var writing sync.WaitGroup
	for range benchWriters {
		writing.Go(func() {
			for n := range work {
				var err error
				if ids[n], err = p.customer(ctx, n, perCustomer); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	err := feed(ctx, work, len(ids), failed)
	if writing.Wait(); err != nil {
		return nil, err
	}
	for n := range min(benchKeys, len(ids)) {
		key, err := p.contact(ctx, ids[n])
		if err != nil {
			return nil, err
		}
		p.customers = append(p.customers, benchCustomer{ids[n], key})
	}
	return p, p.fold(ctx)
}

// feed hands out 0 to n-1 until somebody fails.
func feed(ctx context.Context, work chan<- int, n int, failed <-chan error) error {
	defer close(work)
	for i := range n {
		select {
		case work <- i:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// fold waits until the read models show all that is in the log, and lets PostgreSQL know
// how large its tables have become, as autovacuum would after a while.
func (p *portal) fold(ctx context.Context) error {
	head, err := p.store.Head(ctx)
	if err != nil {
		return err
	}
	for _, g := range p.engine.Groups {
		if err := p.engine.WaitAll(ctx, g.Name, head); err != nil {
			return err
		}
	}
	owner, err := pgx.Connect(ctx, p.url)
	if err != nil {
		return err
	}
	defer owner.Close(ctx)
	_, err = owner.Exec(ctx, "vacuum analyze")
	return err
}

// customer writes the n-th customer, its invoices and its account. Of the invoices some
// are paid, one in part; the dates are spread over two years.
func (p *portal) customer(ctx context.Context, n, invoices int) (uuid.UUID, error) {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	id := domain.DerivedID(uuid.NameSpaceOID, "bench customer", fmt.Sprint(n))
	settled := account.RecordPayment{CustomerID: id, PaymentID: domain.DerivedID(id, "payment"), On: "2026-01-10", Method: "bank_transfer", OldestFirst: true,
		Amount: domain.Money{Minor: 1, Currency: "GBP"}}
	var posts []domain.Command[account.Account]
	for i := range invoices {
		on := time.Date(2024, 1, 1+random.IntN(730), 0, 0, 0, 0, time.UTC)
		issue := invoice.Issue{Publish: true, Content: invoice.Content{
			Number: fmt.Sprintf("B-%d-%d", n, i), Party: domain.Party{CustomerID: &id}, Calculation: domain.Calculation{Currency: "GBP"},
			IssuedOn: domain.DateOf(on), DueOn: domain.DateOf(on.AddDate(0, 0, 30)), Description: "Service visit and parts", Reference: fmt.Sprintf("PO-%d", random.IntN(1e6)),
			Lines: []domain.LineInput{{Text: "Work", Quantity: "1", UnitPrice: domain.Decimal(fmt.Sprintf("%d.50", 10+random.IntN(500)))}},
		}}
		doc := domain.DerivedID(id, "invoice", fmt.Sprint(i))
		issued, err := write(ctx, p, eventstore.Stream(firstTenant, "invoice", doc.String()), id, issue)
		if err != nil {
			return id, err
		}
		d, _ := issued.Posted()
		posts = append(posts, account.PostInvoice{CustomerID: id, InvoiceID: doc, Number: d.Number, Payable: d.Payable(), On: d.IssuedOn, DueOn: d.DueOn})
		settled.Amount.Minor += d.Payable().Minor * 7 / 10
	}
	if _, err := write(ctx, p, eventstore.Stream(firstTenant, "account", account.ID(id, "GBP")), id, append(posts, settled)...); err != nil {
		return id, err
	}
	_, err := write[customer.Customer](ctx, p, eventstore.Stream(firstTenant, "customer", id.String()), id,
		customer.Register{Number: fmt.Sprint("B-", n), Details: customer.Details{LegalName: fmt.Sprintf("Customer %d of the bench", n), Currency: "GBP", TermsDays: 30}})
	return id, err
}

// contact adds a person to a customer and makes a key for them.
func (p *portal) contact(ctx context.Context, of uuid.UUID) (key string, err error) {
	r, err := p.commands.AddContact(ctx, itselfOf(firstTenant), uuid.Nil, contact.Add{CustomerID: of, Details: contact.Details{Name: "Robin Bench"}, Grants: access.BeforeGrants()})
	if err != nil {
		return "", err
	}
	made, err := p.keys.Create(ctx, itselfOf(firstTenant), auth.NewKey{Name: "bench", Role: envelope.Contact, ContactID: &r.ID})
	return made.Token, err
}

// write decides commands in turn on a new stream and appends all that follows.
func write[S any](ctx context.Context, p *portal, stream eventstore.StreamName, route uuid.UUID, decisions ...domain.Command[S]) (s S, err error) {
	var sealed []eventstore.Event
	for _, c := range decisions {
		events, err := c.Decide(s)
		if err != nil {
			return s, err
		}
		for _, e := range events {
			made, err := p.sealed(ctx, stream, route, e)
			if err != nil {
				return s, err
			}
			sealed = append(sealed, made)
		}
		s = domain.Fold(s, events...)
	}
	version := eventstore.NoStream
	for part := range slices.Chunk(sealed, 500) { // below what one append takes
		if _, err := p.store.Append(ctx, stream, version, part...); err != nil {
			return s, err
		}
		version += int64(len(part))
	}
	return s, nil
}

// sealed is an event as commands seal it.
func (p *portal) sealed(ctx context.Context, stream eventstore.StreamName, route uuid.UUID, e any) (eventstore.Event, error) {
	by, id := itselfOf(firstTenant), uuid.Must(uuid.NewV7())
	meta := envelope.Meta{Tenant: firstTenant, Actor: by.Actor, Origin: by.Origin, OccurredAt: time.Now(), CommandID: id, Command: "Bench",
		CorrelationID: id, CausationID: id, Route: route}
	meta.Origin.Node = p.commands.Node
	return p.codec.Seal(ctx, stream, uuid.New(), meta, e)
}
