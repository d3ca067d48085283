package api

import (
	"context"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/apikey"
	"portico/domain/tenant"
	"portico/internal/auth"
)

// commandRoutes are the commands about the tenant, customers, contacts and documents.
func (a *api) commandRoutes() {
	c := a.Commands
	post(a, "/v1/tenant", owners, c.RegisterTenant, creates)
	post(a, "/v1/tenant/settings", owners, c.ChangeTenantSettings)
	post(a, "/v1/tenant/payment-policy", owners, c.ChangePaymentPolicy)
	post(a, "/v1/tenant/mail-settings", owners, c.ChangeMailSettings)
	post(a, "/v1/tenant/notification-routes", owners, c.SetNotificationRoute)
	post(a, "/v1/tenant/contact-notices", owners, c.ChangeContactNotices)
	post(a, "/v1/tenant/branding", owners, c.ChangeBranding)
	post(a, "/v1/branches", owners, c.AddBranch, creates)
	postID(a, "/v1/branches/{id}/close", owners, func(ctx context.Context, by commands.Caller, id uuid.UUID, cmd tenant.CloseBranch) (commands.Receipt, error) {
		cmd.BranchID = id
		return c.CloseBranch(ctx, by, cmd)
	}, named("CloseBranch"))
	post(a, "/v1/contractors", owners, c.AddContractor, creates)

	create(a, "/v1/customers", business, c.RegisterCustomer)
	postID(a, "/v1/customers/{id}/details", business, c.ChangeCustomerDetails)
	postID(a, "/v1/customers/{id}/move", business, c.MoveCustomer)
	postID(a, "/v1/customers/{id}/portal", business, c.SwitchCustomerPortal)
	postID(a, "/v1/customers/{id}/merge", business, c.MergeCustomers)
	postID(a, "/v1/customers/{id}/close", business, c.CloseCustomer)

	create(a, "/v1/contacts", business, c.AddContact)
	postID(a, "/v1/contacts/{id}/details", business, c.ChangeContactDetails)
	postID(a, "/v1/contacts/{id}/remove", business, c.RemoveContact)

	create(a, "/v1/invoices", business, c.IssueInvoice)
	create(a, "/v1/invoice-drafts", business, c.DraftInvoice)
	postID(a, "/v1/invoices/{id}/publish", business, c.PublishInvoice)
	postID(a, "/v1/invoices/{id}/reference", business, c.CorrectInvoiceReference)
	postID(a, "/v1/invoices/{id}/assign", business, c.AssignInvoice)
	postID(a, "/v1/invoices/{id}/dispute", business, c.OpenInvoiceDispute)
	postID(a, "/v1/invoices/{id}/dispute/resolve", business, c.ResolveInvoiceDispute)
	postID(a, "/v1/invoices/{id}/void", business, c.VoidInvoice)

	create(a, "/v1/credit-memos", business, c.IssueCreditMemo)
	postID(a, "/v1/credit-memos/{id}/assign", business, c.AssignCreditMemo)
	postID(a, "/v1/credit-memos/{id}/void", business, c.VoidCreditMemo)
}

// ledgerRoutes are the commands about a customer's account in a currency.
func (a *api) ledgerRoutes() {
	c := a.Commands
	postLedger(a, "/payments", business, c.RecordPayment, creates)
	postLedger(a, "/payments/begin", business, c.BeginPayment, creates)
	postLedgerID(a, "/payments/{id}/settle", business, c.SettlePayment)
	postLedgerID(a, "/payments/{id}/fail", business, c.FailPayment)
	postLedgerID(a, "/payments/{id}/reverse", business, c.ReversePayment)
	postLedgerID(a, "/payments/{id}/allocate", business, c.AllocatePayment)
	postLedgerID(a, "/payments/{id}/chargeback", business, c.OpenChargeback, creates)
	postLedgerID(a, "/chargebacks/{id}/win", business, c.WinChargeback)
	postLedgerID(a, "/chargebacks/{id}/lose", business, c.LoseChargeback)
	postLedgerID(a, "/credits/{id}/apply", business, c.ApplyCredit)
	postLedgerID(a, "/funds/{id}/deallocate", business, c.Deallocate)
	postLedgerID(a, "/funds/{id}/transfer", business, c.TransferUnapplied, creates)
	postLedgerID(a, "/funds/{id}/refund", business, c.RequestRefund, creates)
	postLedgerID(a, "/refunds/{id}/settle", business, c.SettleRefund)
	postLedgerID(a, "/refunds/{id}/fail", business, c.FailRefund)
	postLedgerID(a, "/invoices/{id}/write-off", business, c.WriteOffInvoice)
}

// keyRoutes are about API keys. Making one goes through auth, which has the secret.
func (a *api) keyRoutes() {
	k := a.Auth
	command(a, "POST", "/v1/api-keys", owners, "IssueAPIKey", []option{creates, withholding("token")},
		func(ctx context.Context, by commands.Caller, in *inPlain[auth.NewKey]) (auth.Created, error) {
			return k.Create(ctx, by, in.Body)
		})
	postID(a, "/v1/api-keys/{id}/revoke", owners, func(ctx context.Context, by commands.Caller, id uuid.UUID, cmd apikey.Revoke) (commands.Receipt, error) {
		return k.Revoke(ctx, by, id, cmd)
	}, named("RevokeAPIKey"))
}
