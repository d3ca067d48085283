package api

import (
	"context"

	"portico/domain"
	"portico/domain/access"
	"portico/projections"
)

// queryRoutes are the questions. Each names the group of read models that it reads, which
// is what a position is waited for in.
func (a *api) queryRoutes() {
	q, portal := a.Queries, projections.Portal.Name
	getAll(a, "/v1/tenant", portal, everyone, q.GetTenant)
	getID(a, "/v1/customers/{id}", portal, granted(access.Profile, access.View), q.GetCustomer)
	getOf(a, "/v1/customers/{id}/overview", portal, everyone, q.GetOverview)
	getOf(a, "/v1/customers/{id}/balance", portal, granted(access.Account, access.View), q.GetBalance)
	getOf(a, "/v1/customers/{id}/statement", portal, granted(access.Account, access.View), q.GetStatement)
	get(a, "/v1/invoices", portal, granted(access.Invoices, access.View), q.ListInvoices)
	get(a, "/v1/invoice-places", portal, granted(access.Invoices, access.View), q.ListInvoicePlaces)
	getID(a, "/v1/invoices/{id}", portal, granted(access.Invoices, access.View), q.GetInvoice)
	get(a, "/v1/payments", portal, granted(access.Account, access.View), q.ListPayments)
	getID(a, "/v1/payments/{id}", portal, granted(access.Account, access.View), q.GetPayment)
	get(a, "/v1/credit-memos", portal, granted(access.Account, access.View), q.ListCreditMemos)
	get(a, "/v1/credit-memo-places", portal, granted(access.Account, access.View), q.ListCreditMemoPlaces)
	getID(a, "/v1/credit-memos/{id}", portal, granted(access.Account, access.View), q.GetCreditMemo)
	get(a, "/v1/activity", portal, everyone, q.ListActivity)
	a.listExports()

	query(a, "/v1/receivables/ageing", portal, readers, "GetAgeing", func(ctx context.Context, v projections.Viewer, f ageingFilter) (projections.AgeingReport, error) {
		return q.GetAgeing(ctx, v, f.AsOf)
	})
	staff := projections.Staff.Name
	getAll(a, "/v1/receivables/by-month", staff, readers, q.GetReceivablesByMonth)
	getAll(a, "/v1/receivables/summary", staff, readers, q.GetReceivablesSummary)
	get(a, "/v1/receivables/unapplied", staff, readers, q.ListUnappliedMoney)
	getAll(a, "/v1/me/notices", staff, policy{contact: true}, a.ListMyNotices)
	getAll(a, "/v1/tenant/notifications", staff, settings, q.GetNotificationSettings)
	get(a, "/v1/customers", staff, readers, q.ListCustomers)
	get(a, "/v1/unassigned-documents", staff, readers, q.ListUnassignedDocuments)
	a.importRoutes()

	getAll(a, "/v1/parked-customers", portal, readers, a.ListParkedCustomers)

	get(a, "/v1/contacts", projections.Access.Name, readers, q.ListContacts)
	get(a, "/v1/api-keys", projections.Access.Name, watchers, q.ListAPIKeys)
	get(a, "/v1/history", projections.Audit.Name, auditors, q.GetHistory)
	a.historyExport()
}

type ageingFilter struct {
	AsOf domain.Date `query:"as_of" format:"date" doc:"At the end of this date; today if left out"`
}
