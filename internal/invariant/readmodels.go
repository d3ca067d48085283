package invariant

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/projections/engine"
)

const (
	sqlLanesBehind = `select a.grp || ' lane ' || l.lane || ' at ' || l.hi || coalesce(', owned by ' || l.owner, '')
		from pj.active a join pj.lane l using (grp, build)
		where l.hi < $1 and a.code_version = (select max(code_version) from pj.active n where n.grp = a.grp)
		union all select 'consumer ' || name || ' at ' || low_hi from portico.consumers where low_hi < $1`
	sqlSchema = `select b.schema from pj.active a join pj.build b using (grp, build)
		where a.grp = $1 order by a.code_version desc limit 1`
)

// settle waits until read models and policies have come to the head of the log. Whoever
// runs them has to be running.
func (s *System) settle(ctx context.Context, r *Report) error {
	var behind []string
	for end := time.Now().Add(s.Patience); ; {
		head, err := s.Store.Head(ctx)
		if err != nil {
			return err
		}
		rows, err := s.DB.Query(ctx, sqlLanesBehind, int64(head.Hi))
		if err != nil {
			return err
		}
		if behind, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
		if len(behind) == 0 {
			return nil
		}
		if time.Now().After(end) {
			for _, b := range behind {
				r.add(RuleBehind, b, "the head is %d", head.Hi)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// fold compares all read models with a fresh fold of the log.
func (s *System) fold(ctx context.Context, r *Report) error {
	found, err := s.Engine.Verify(ctx, nil, nil)
	for _, v := range found {
		r.Rows += v.Rows
		for _, d := range v.First {
			r.add(RuleReadModels, v.Group+"."+d.Table, "%s is %s %s: live %q, fresh %q", d.Key, d.Kind, d.Column, d.Live, d.Fresh)
		}
	}
	return err
}

// money is what a read model says of one thing, or of an account.
type money struct {
	Customer  uuid.UUID
	Currency  string
	ID        uuid.UUID
	Open      int64
	Unapplied int64
}

const (
	sqlEntrySums engine.SQL = `select customer_id, currency, '00000000-0000-0000-0000-000000000000'::uuid,
		sum(open_delta)::bigint, sum(unapplied_delta)::bigint from {s}.entries group by 1, 2`
	sqlTotals engine.SQL = `select customer_id, currency, '00000000-0000-0000-0000-000000000000'::uuid, open, unapplied from {s}.customer_totals`
	sqlOpen   engine.SQL = `select customer_id, currency, id, open, 0::bigint from {s}.invoices where posted`
	sqlFunds  engine.SQL = `select customer_id, currency, id, 0::bigint, unapplied from {s}.payments
		union all select customer_id, currency, id, 0::bigint, unapplied from {s}.credit_memos`
	sqlStaffFunds engine.SQL = `select customer_id, currency, id, 0::bigint, unapplied from {s}.funds`
	sqlUnbalanced engine.SQL = `select customer_id || ' ' || currency from {s}.customer_totals
		where open - unapplied <> invoiced + charged - credited - received + refunded - written_off - transferred`
	sqlUnequal engine.SQL = `select id::text from {s}.invoices where posted and not voided and payable <> open + paid + credited + written_off`
)

// readMoney compares what read models say of money with the ledger.
func (s *System) readMoney(ctx context.Context, log *scan, r *Report) error {
	for _, c := range []struct {
		group string
		sql   engine.SQL
		of    func(*ledger, money) (open, unapplied int64)
	}{
		{"portal", sqlEntrySums, func(l *ledger, _ money) (int64, int64) { return l.totals() }},
		{"staff", sqlTotals, func(l *ledger, _ money) (int64, int64) { return l.totals() }},
		{"portal", sqlOpen, func(l *ledger, m money) (int64, int64) { return l.open[m.ID], 0 }},
		{"portal", sqlFunds, func(l *ledger, m money) (int64, int64) { return 0, l.unapplied[m.ID] }},
		{"staff", sqlStaffFunds, func(l *ledger, m money) (int64, int64) { return 0, l.unapplied[m.ID] }},
	} {
		found, err := ask[money](ctx, s, c.group, c.sql, pgx.RowToStructByPos[money])
		if err != nil {
			return err
		}
		seen := map[accountKey]bool{}
		for _, m := range found {
			l := log.accounts[accountKey{m.Customer, m.Currency}]
			if l == nil {
				l = &ledger{}
			}
			seen[accountKey{m.Customer, m.Currency}] = true
			if open, unapplied := c.of(l, m); open != m.Open || unapplied != m.Unapplied {
				r.add(RuleReadMoney, c.group, "customer %s in %s, %s: %d open and %d unapplied, where the log says %d and %d",
					m.Customer, m.Currency, m.ID, m.Open, m.Unapplied, open, unapplied)
			}
		}
		if c.sql == sqlTotals && len(seen) != len(log.accounts) {
			r.add(RuleReadMoney, "staff", "totals of %d accounts, where the log has %d", len(seen), len(log.accounts))
		}
	}
	return s.unbalanced(ctx, r)
}

// unbalanced finds rows that contradict themselves.
func (s *System) unbalanced(ctx context.Context, r *Report) error {
	for group, sql := range map[string]engine.SQL{"staff": sqlUnbalanced, "portal": sqlUnequal} {
		found, err := ask[string](ctx, s, group, sql, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, f := range found {
			r.add(RuleReadMoney, group, "%s does not add up", f)
		}
	}
	return nil
}

// ask reads from a group's active build.
func ask[T any](ctx context.Context, s *System, group string, sql engine.SQL, row pgx.RowToFunc[T]) ([]T, error) {
	var schema string
	if err := s.DB.QueryRow(ctx, sqlSchema, group).Scan(&schema); err != nil {
		return nil, fmt.Errorf("invariant: where %s is: %w", group, err)
	}
	rows, err := s.DB.Query(ctx, sql.In(schema))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, row)
}
