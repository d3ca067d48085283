package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/internal/documents"
	"portico/internal/pdf"
	"portico/projections"
)

// wireDocuments wires what draws documents and hands statements out.
func (a *app) wireDocuments(s *settings) {
	papers := &documents.Papers{Files: a.files, Draw: pdf.Draw, PublicURL: s.address(), Portal: a.portal(s)}
	a.commands.Papers = papers
	a.statements = &documents.Statements{Papers: papers, Commands: a.commands, Queries: a.queries, Settle: a.settled}
}

// settled waits until what is in the log shows in a customer's read models.
func (a *app) settled(ctx context.Context, customer uuid.UUID) error {
	head, err := a.store.Head(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return a.waiter.Wait(ctx, projections.Portal.Name, customer, head)
}
