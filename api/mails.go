package api

import (
	"context"

	"github.com/google/uuid"

	"portico/commands"
	"portico/internal/mail"
	"portico/projections"
)

// mailRoutes are about what was said to whom by mail, and what came back. Bounces may be
// told by the hook of whoever delivers our mails: that is what integration keys are for.
func (a *api) mailRoutes() {
	portal := projections.Portal.Name
	get(a, "/v1/mails", portal, watchers, a.ListMails)
	getID(a, "/v1/mails/{id}", portal, watchers, a.GetMail)
	getAll(a, "/v1/mail-blocks", portal, watchers, a.ListMailBlocks)
	post(a, "/v1/mail-blocks/lift", systems, a.LiftMailBlock)
	post(a, "/v1/mail-bounces", people, a.RecordMailBounce)
}

type mailFilter struct {
	projections.Paging
	State      string    `query:"state" enum:"queued,sent,kept,bounced,suppressed,failed" doc:"kept: there is no mail server, and it can be read here. suppressed: mails to this address have bounced, or its reader was not to get it any more"`
	Kind       string    `query:"kind" maxLength:"60" doc:"A topic, such as invoice_published"`
	CustomerID uuid.UUID `query:"customer_id" doc:"About this customer only"`
	Address    string    `query:"address" maxLength:"254" doc:"To this address only"`
}

// ListMails lists mails without their bodies, the latest first. They are kept for 90 days.
func (a *api) ListMails(ctx context.Context, v projections.Viewer, f mailFilter) (projections.Page[mail.Mail], error) {
	all, next, err := a.Mails.List(ctx, v.Tenant, mail.Filter{State: f.State, Kind: f.Kind, Customer: f.CustomerID, Address: f.Address, Cursor: f.Cursor, Limit: f.Limit})
	return projections.Page[mail.Mail]{Items: append([]mail.Mail{}, all...), Next: next}, err
}

// GetMail is one mail as it was written, and what became of it.
func (a *api) GetMail(ctx context.Context, v projections.Viewer, id uuid.UUID) (mail.Shown, error) {
	return a.Mails.Show(ctx, v.Tenant, id)
}

// RecordMailBounce records that a mail did not arrive; the receipt's id is the mail's.
func (a *api) RecordMailBounce(ctx context.Context, by commands.Caller, cmd mail.Bounce) (commands.Receipt, error) {
	done, err := a.Mails.Bounced(ctx, by.Tenant, cmd)
	if err != nil {
		return commands.Receipt{}, err
	}
	return commands.Receipt{ID: *done.Mail}, nil
}

type mailBlocks struct {
	Items []mail.Block `json:"items" nullable:"false"`
}

// ListMailBlocks are the addresses that nothing more is sent to.
func (a *api) ListMailBlocks(ctx context.Context, v projections.Viewer) (mailBlocks, error) {
	all, err := a.Mails.Blocks(ctx, v.Tenant)
	return mailBlocks{append([]mail.Block{}, all...)}, err
}

type liftMailBlock struct {
	Address string `json:"address" maxLength:"254" minLength:"1"`
}

// LiftMailBlock lets mails go to an address again.
func (a *api) LiftMailBlock(ctx context.Context, by commands.Caller, cmd liftMailBlock) (commands.Receipt, error) {
	return commands.Receipt{}, a.Mails.Unblock(ctx, by.Tenant, cmd.Address, by.Actor.ID)
}
