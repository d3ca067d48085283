package projections

import (
	_ "embed"

	"portico/internal/envelope"
	"portico/projections/engine"
)

//go:embed portal.sql
var portalDDL string

//go:embed staff.sql
var staffDDL string

//go:embed access.sql
var accessDDL string

//go:embed audit.sql
var auditDDL string

// Portal is what customers see. Documents that are nobody's, and drafts, are not in it:
// they may still become another customer's, whose events another lane folds.
var Portal = engine.Group{
	Name: "portal", Version: 5, Lanes: 4, DDL: portalDDL,
	Of: []string{"tenant.", "customer.", "invoice.", "credit_memo.", "account.", "attachment.", "statement.", "subject."},
	Tables: []engine.AnyTable{
		tenants, customers, accounts, invoices, invoiceLines, creditMemos, creditMemoLines,
		payments, refunds, chargebacks, allocations, entries, activities, versions, attachments,
		renderings, statements,
	},
	Apply: inTurn(applyTenant, applyCustomer, applyInvoice, applyInvoiceMoney, applyCreditMemo,
		applyPayment, applyReturns, applyAllocation, applyEntry, applyActivity, applyVersion,
		applyAttachment, applyRendering, applyStatement,
		applyErasedCustomer),
}

// Staff is what only staff see, across customers.
var Staff = engine.Group{
	Name: "staff", Version: 6, Lanes: 1, DDL: staffDDL,
	Of:     []string{"tenant.", "customer.", "invoice.", "credit_memo.", "account.", "import.", "subject."},
	Tables: []engine.AnyTable{staffCustomers, customerTotals, monthTotals, funds, documents, imports, notificationSettings},
	Apply: inTurn(applyStaffCustomer, applyTotals, applyFund, applyDocument, applyImport, applyNotificationSettings,
		applyErasedStaffCustomer),
}

// Access is who may come in, and which systems are told what.
var Access = engine.Group{
	Name: "access", Version: 3, Lanes: 1, DDL: accessDDL,
	Of:     []string{"contact.", "api_key.", "webhook.", "staff.", "invitation.", "subject."},
	Tables: []engine.AnyTable{contacts, apiKeys, webhooks, members, invitations},
	Strict: true, // a right that was taken away must not stay because of another event
	Apply: inTurn(applyContact, applyAPIKey, applyWebhook, applyMember, applyInvitation,
		applyErasure),
}

// Audit finds events by stream, actor, customer, type and time.
var Audit = engine.Group{
	Name: "audit", Version: 1, Lanes: 1, DDL: auditDDL, Envelopes: true, Strict: true,
	Tables: []engine.AnyTable{auditIndex},
	Apply:  applyAudit,
}

// Groups are all of them.
func Groups() []engine.Group { return []engine.Group{Portal, Staff, Access, Audit} }

// inTurn applies writers one after the other: a later one sees what earlier ones wrote.
func inTurn(writers ...func(*engine.Batch, envelope.Event) error) func(*engine.Batch, envelope.Event) error {
	return func(b *engine.Batch, e envelope.Event) error {
		for _, apply := range writers {
			if err := apply(b, e); err != nil {
				return err
			}
		}
		return nil
	}
}
