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
	post(a, "/v1/tenant", settings, c.RegisterTenant, creates)
	post(a, "/v1/tenant/settings", settings, c.ChangeTenantSettings)
	post(a, "/v1/tenant/payment-policy", settings, c.ChangePaymentPolicy)
	post(a, "/v1/tenant/mail-settings", settings, c.ChangeMailSettings)
	post(a, "/v1/tenant/notification-routes", settings, c.SetNotificationRoute)
	post(a, "/v1/tenant/contact-notices", settings, c.ChangeContactNotices)
	post(a, "/v1/tenant/branding", settings, c.ChangeBranding)
	post(a, "/v1/branches", settings, c.AddBranch, creates)
	postID(a, "/v1/branches/{id}/close", settings, func(ctx context.Context, by commands.Caller, id uuid.UUID, cmd tenant.CloseBranch) (commands.Receipt, error) {
		cmd.BranchID = id
		return c.CloseBranch(ctx, by, cmd)
	}, named("CloseBranch"))
	post(a, "/v1/contractors", settings, c.AddContractor, creates)

	create(a, "/v1/customers", clients, c.RegisterCustomer)
	postID(a, "/v1/customers/{id}/details", clients, c.ChangeCustomerDetails)
	postID(a, "/v1/customers/{id}/move", clients, c.MoveCustomer)
	postID(a, "/v1/customers/{id}/portal", clients, c.SwitchCustomerPortal)
	postID(a, "/v1/customers/{id}/merge", clients, c.MergeCustomers)
	postID(a, "/v1/customers/{id}/close", clients, c.CloseCustomer)

	create(a, "/v1/contacts", people, c.AddContact)
	post(a, "/v1/me/notices", policy{contact: true}, c.ChooseNotices)
	postID(a, "/v1/contacts/{id}/details", people, c.ChangeContactDetails)
	postID(a, "/v1/contacts/{id}/remove", managers, c.RemoveContact)

	create(a, "/v1/invoices", billing, c.IssueInvoice)
	create(a, "/v1/invoice-drafts", billing, c.DraftInvoice)
	postID(a, "/v1/invoices/{id}/publish", billing, c.PublishInvoice)
	postID(a, "/v1/invoices/{id}/reference", billing, c.CorrectInvoiceReference)
	postID(a, "/v1/invoices/{id}/assign", billing, c.AssignInvoice)
	postID(a, "/v1/invoices/{id}/dispute", billing, c.OpenInvoiceDispute)
	postID(a, "/v1/invoices/{id}/dispute/resolve", billing, c.ResolveInvoiceDispute)
	postID(a, "/v1/invoices/{id}/void", billing, c.VoidInvoice)

	create(a, "/v1/credit-memos", billing, c.IssueCreditMemo)
	postID(a, "/v1/credit-memos/{id}/assign", billing, c.AssignCreditMemo)
	postID(a, "/v1/credit-memos/{id}/void", billing, c.VoidCreditMemo)
}

// ledgerRoutes are the commands about a customer's account in a currency.
func (a *api) ledgerRoutes() {
	c := a.Commands
	postLedger(a, "/payments", money, c.RecordPayment, creates)
	postLedger(a, "/payments/begin", money, c.BeginPayment, creates)
	postLedgerID(a, "/payments/{id}/settle", money, c.SettlePayment)
	postLedgerID(a, "/payments/{id}/fail", money, c.FailPayment)
	postLedgerID(a, "/payments/{id}/reverse", money, c.ReversePayment)
	postLedgerID(a, "/payments/{id}/allocate", money, c.AllocatePayment)
	postLedgerID(a, "/payments/{id}/chargeback", money, c.OpenChargeback, creates)
	postLedgerID(a, "/chargebacks/{id}/win", money, c.WinChargeback)
	postLedgerID(a, "/chargebacks/{id}/lose", money, c.LoseChargeback)
	postLedgerID(a, "/credits/{id}/apply", money, c.ApplyCredit)
	postLedgerID(a, "/funds/{id}/deallocate", money, c.Deallocate)
	postLedgerID(a, "/funds/{id}/transfer", money, c.TransferUnapplied, creates)
	postLedgerID(a, "/funds/{id}/refund", money, c.RequestRefund, creates)
	postLedgerID(a, "/refunds/{id}/settle", money, c.SettleRefund)
	postLedgerID(a, "/refunds/{id}/fail", money, c.FailRefund)
	postLedgerID(a, "/invoices/{id}/write-off", money, c.WriteOffInvoice)
}

// keyRoutes are about API keys. Making one goes through auth, which has the secret.
func (a *api) keyRoutes() {
	k := a.Auth
	command(a, "POST", "/v1/api-keys", systems, "IssueAPIKey", []option{creates, withholding("token"), sensitive},
		func(ctx context.Context, by commands.Caller, in *inPlain[auth.NewKey]) (auth.Created, error) {
			return k.Create(ctx, by, in.Body)
		})
	postID(a, "/v1/api-keys/{id}/revoke", systems, func(ctx context.Context, by commands.Caller, id uuid.UUID, cmd apikey.Revoke) (commands.Receipt, error) {
		return k.Revoke(ctx, by, id, cmd)
	}, named("RevokeAPIKey"), sensitive)
}
