package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain"
	"portico/projections"
)

// floor answers the portal page with as little as can be: two statements written for just
// this page in one batch, scanned by hand, encoded by encoding/json.
type floor struct {
	db             *pgxpool.Pool
	invoices, sums string
}

func (p *portal) newFloor(ctx context.Context) (floor, error) {
	schema, err := p.engine.ActiveSchema(ctx, projections.Portal.Name)
	return floor{p.pool, strings.ReplaceAll(sqlFloorInvoices, "{s}", schema), strings.ReplaceAll(sqlFloorSums, "{s}", schema)}, err
}

const (
	sqlFloorInvoices = `
select id, number, kind, customer_id, branch_id, contractor_id, site_id, primary_contact_id, issued_on::text, due_on::text, description, reference,
  currency, gross, payable, open, paid, credited, written_off, published
from {s}.invoices where tenant = $1 and customer_id = $2 and published order by issued_on desc, id desc limit 21`

	sqlFloorSums = `
with x (currency, due_on, open, unapplied, pending) as (
  select currency, null::date, 0::bigint, 0::bigint, 0::bigint from {s}.accounts where tenant = $1 and customer_id = $2
  union all select currency, due_on, open, 0, 0 from {s}.invoices where tenant = $1 and customer_id = $2 and open > 0 and published
  union all select currency, null, 0, paid + credited, 0 from {s}.invoices where tenant = $1 and customer_id = $2 and not published
  union all select currency, null, 0, unapplied, 0 from {s}.payments where tenant = $1 and customer_id = $2 and unapplied <> 0
  union all select currency, null, 0, unapplied, 0 from {s}.credit_memos where tenant = $1 and customer_id = $2 and unapplied <> 0
  union all select currency, null, 0, 0, amount from {s}.payments where tenant = $1 and customer_id = $2 and status = 'initiated' and expires_at > $4
)
select currency, sum(open)::bigint, sum(unapplied)::bigint, sum(pending)::bigint,
  coalesce(sum(open) filter (where due_on < $3::date), 0)::bigint, coalesce(sum(open) filter (where due_on >= $3::date), 0)::bigint,
  coalesce(sum(open) filter (where $3::date - due_on between 1 and 30), 0)::bigint, coalesce(sum(open) filter (where $3::date - due_on between 31 and 60), 0)::bigint,
  coalesce(sum(open) filter (where $3::date - due_on between 61 and 90), 0)::bigint, coalesce(sum(open) filter (where $3::date - due_on > 90), 0)::bigint,
  coalesce(sum(open) filter (where due_on - $3::date between 0 and 14), 0)::bigint, count(*) filter (where open > 0 and due_on < $3::date),
  count(*) filter (where open > 0 and due_on - $3::date between 0 and 14), count(*) filter (where open > 0 and due_on - $3::date > 14)
from x group by currency order by currency`

	sqlFloorKey = `select tenant from portico.api_keys where hash = $1 and revoked_at is null`
)

func (f floor) page(ctx context.Context, of uuid.UUID) (out projections.Overview, err error) {
	now := time.Now().UTC()
	today := domain.DateOf(now)
	out.Balance = &projections.Balance{CustomerID: of, AsOf: today, Currencies: []projections.CurrencyBalance{}}
	var q pgx.Batch
	q.Queue(f.invoices, firstTenant, of).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			i, err := floorInvoice(rows, today)
			if err != nil {
				return err
			}
			out.Invoices.Items = append(out.Invoices.Items, i)
		}
		return rows.Err()
	})
	q.Queue(f.sums, firstTenant, of, string(today), now).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			b, err := floorBalance(rows)
			if err != nil {
				return err
			}
			out.Balance.Currencies = append(out.Balance.Currencies, b)
		}
		return rows.Err()
	})
	err = f.db.SendBatch(ctx, &q).Close()
	out.Invoices.Items = out.Invoices.Items[:min(20, len(out.Invoices.Items))]
	return out, err
}

func floorInvoice(rows pgx.Rows, today domain.Date) (i projections.Invoice, err error) {
	var currency string
	i.CustomerID = new(uuid.UUID)
	err = rows.Scan(&i.ID, &i.Number, &i.Kind, i.CustomerID, &i.BranchID, &i.ContractorID, &i.SiteID, &i.PrimaryContactID, &i.IssuedOn, &i.DueOn, &i.Description, &i.Reference,
		&currency, &i.Gross.Minor, &i.Payable.Minor, &i.Open.Minor, &i.Paid.Minor, &i.Credited.Minor, &i.WrittenOff.Minor, &i.Published)
	for _, m := range []*domain.Money{&i.Gross, &i.Payable, &i.Open, &i.Paid, &i.Credited, &i.WrittenOff} {
		m.Currency = currency
	}
	switch i.Overdue = i.Open.Minor > 0 && i.DueOn < today; {
	case i.Open.Minor == 0:
		i.Status = "paid"
	case i.Open.Minor < i.Payable.Minor:
		i.Status = "part_paid"
	default:
		i.Status = "open"
	}
	return i, err
}

func floorBalance(rows pgx.Rows) (b projections.CurrencyBalance, err error) {
	a := &b.Ageing
	sums := []*domain.Money{&b.Open, &b.UnappliedCredit, &b.Pending, &b.Overdue, &a.NotDue, &a.Days30, &a.Days60, &a.Days90, &a.Over90, &b.Due.Soon}
	into := []any{&b.Currency}
	for _, m := range sums {
		into = append(into, &m.Minor)
	}
	err = rows.Scan(append(into, &b.Due.OverdueItems, &b.Due.SoonItems, &b.Due.LaterItems)...)
	for _, m := range append(sums, &b.Balance, &b.Due.Later) {
		m.Currency = b.Currency
	}
	b.Balance.Minor, b.Due.Later.Minor = b.Open.Minor-b.UnappliedCredit.Minor, a.NotDue.Minor-b.Due.Soon.Minor
	return b, err
}

// handler serves the page at /open, and at /checked to who has a key of the tenant.
func (f floor) handler() http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, r *http.Request) {
		of, err := uuid.Parse(r.URL.Query().Get("customer"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		page, err := f.page(r.Context(), of)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	}
	mux.HandleFunc("/open", answer)
	mux.HandleFunc("/checked", func(w http.ResponseWriter, r *http.Request) {
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		sum := sha256.Sum256([]byte(token))
		var tenant string
		if err := f.db.QueryRow(r.Context(), sqlFloorKey, sum[:]).Scan(&tenant); err != nil || tenant != firstTenant {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		answer(w, r)
	})
	return mux
}

// agree makes sure that Portico and the floor answer the same: else a ratio says nothing.
func (q *asking) agree(ctx context.Context) error {
	for _, c := range q.customers {
		var pages [2]projections.Overview
		for i, url := range []string{q.overview(c), q.floorPage("/checked", c)} {
			status, body, _, err := q.ask(ctx, url, c, "")
			if err != nil {
				return err
			}
			if err := json.Unmarshal(body, &pages[i]); err != nil || status != http.StatusOK {
				return fmt.Errorf("%s answers %d: %.300s", url, status, body)
			}
		}
		ours, _ := json.Marshal(pages[0])
		bare, _ := json.Marshal(pages[1])
		if string(ours) != string(bare) {
			return fmt.Errorf("the floor answers something else for customer %s:\n%.500s\n%.500s", c.id, ours, bare)
		}
	}
	return nil
}
