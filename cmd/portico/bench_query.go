package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/internal/envelope"
	"portico/internal/importer"
	"portico/internal/sample"
	"portico/projections"
)

// benchQuery asks for the last 20 invoices and the balance of a sample customer, with
// every permission check; the floor asks PostgreSQL for the same rows and sums and nothing else.
func benchQuery(ctx context.Context, a *app, o benchOptions) (results []result, err error) {
	defer a.run()()
	if err := a.engine.Ensure(ctx); err != nil {
		return nil, err
	}
	in := importer.Options{Format: "retail", Name: sample.Name, Open: openSample, By: itself()}
	if _, err := (&importer.Importer{Commands: a.commands}).Run(ctx, in); err != nil {
		return nil, err
	}
	if err := a.settle(ctx); err != nil {
		return nil, err
	}
	of := commands.ExternalID(tenantCode, "retail", "customer", sampleCustomer)
	viewer := projections.Viewer{Tenant: tenantCode, Kind: envelope.Staff}
	schema, err := a.engine.ActiveSchema(ctx, projections.Portal.Name)
	if err != nil {
		return nil, err
	}
	rows := fmt.Sprintf(`select * from %s.invoices where tenant = $1 and customer_id = $2 order by issued_on desc, id desc limit 20`, schema)
	sums := fmt.Sprintf(`select sum(open) from %s.invoices where tenant = $1 and customer_id = $2 and open > 0`, schema)
	asked := func(ctx context.Context, _, _ int) error {
		f := projections.InvoiceFilter{CustomerID: of}
		f.Limit = 20
		if _, err := a.queries.ListInvoices(ctx, viewer, f); err != nil {
			return err
		}
		_, err := a.queries.GetBalance(ctx, viewer, of, projections.BalanceOptions{})
		return err
	}
	bare := func(ctx context.Context, _, _ int) error {
		for _, sql := range []string{rows, sums} {
			r, err := a.pool.Query(ctx, sql, tenantCode, of)
			if err != nil {
				return err
			}
			if _, err := pgx.CollectRows(r, func(row pgx.CollectableRow) ([]any, error) { return row.Values() }); err != nil {
				return err
			}
		}
		return nil
	}
	for _, clients := range []int{1, 16} {
		v, f, ratio, err := o.beside(
			func() (float64, error) { return o.rate(ctx, clients, asked) },
			func() (float64, error) { return o.rate(ctx, clients, bare) })
		if err != nil {
			return nil, err
		}
		results = append(results, result{"query", "invoices and balance beside bare SQL", clients, v, "pages/s", f, ratio})
	}
	return results, nil
}
