package api

import (
	"context"
	"net/url"

	"portico/commands"
	"portico/domain/access"
	"portico/internal/documents"
	"portico/projections"
	"portico/web/pages"
)

// accountPages are what came in on a customer's account, and its statement.
func (a *api) accountPages() {
	portal, q := projections.Portal.Name, a.Queries
	sees := policy{module: access.Account, action: access.View}
	look(a, "/payments", portal, sees, "ShowPayments", a.listedPayments, pages.Payments)
	lookAt(a, "/payments/{id}", portal, sees, "ShowPayment", q.GetPayment, pages.Payment)
	look(a, "/credit-memos", portal, sees, "ShowCreditMemos", a.listedCredits, pages.CreditMemos)
	lookAt(a, "/credit-memos/{id}", portal, sees, "ShowCreditMemo", a.customersCredit, pages.CreditMemo)
	statement := look(a, "/statement", portal, sees, "ShowStatement", a.statement, pages.Statement)
	gives(a, "/statement", policy{module: access.Account, action: access.Download}, "SendStatement", "statement",
		func(ctx context.Context, by commands.Caller, in *inPlain[documents.Period]) (commands.Receipt, error) {
			rq := requestOf(ctx)
			return a.Statements.Issue(ctx, by, rq.viewer(), rq.who.Standing.CustomerID, in.Body)
		},
		func(in *inPlain[documents.Period], _ commands.Receipt) string {
			q := url.Values{}
			for name, v := range map[string]string{"currency": in.Body.Currency, "from": string(in.Body.From), "to": string(in.Body.To)} {
				if v != "" {
					q.Set(name, v)
				}
			}
			return "/statement?" + q.Encode()
		}, statement)
}

// pageLength is how many rows a list shows, unless its address asks for others.
const pageLength = 20

func (a *api) listedPayments(ctx context.Context, v projections.Viewer, f projections.PaymentFilter) (projections.Page[projections.Payment], error) {
	f.Paging = short(ctx, f.Paging)
	return a.Queries.ListPayments(ctx, v, f)
}

func (a *api) listedCredits(ctx context.Context, v projections.Viewer, f projections.CreditMemoFilter) (out pages.CreditList, err error) {
	f.Paging = short(ctx, f.Paging)
	if out.Page, err = a.Queries.ListCreditMemos(ctx, v, f); err == nil {
		out.Places, err = a.Queries.ListCreditMemoPlaces(ctx, v, projections.PlacesFilter{CustomerID: f.CustomerID})
	}
	return out, err
}

// statement is that of the contact's own customer, with those that were made of it before.
func (a *api) statement(ctx context.Context, v projections.Viewer, o projections.StatementOptions) (out pages.AccountStatement, err error) {
	customer := v.Standing.CustomerID
	if out.Statement, err = a.Queries.GetStatement(ctx, v, customer, o); err == nil {
		out.Issued, err = a.Queries.ListStatements(ctx, v, customer, projections.Paging{Limit: 10})
	}
	out.Exports = v.Standing.Open(access.Account, access.Export)
	out.Downloads = v.Standing.Open(access.Account, access.Download)
	return out, err
}
