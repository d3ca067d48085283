package projections

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/eventstore"
	"portico/projections/engine"
)

// Statement is a customer's ledger in one currency between two dates. Opening plus the
// debits less the credits of adjustments and lines is Closing.
type Statement struct {
	CustomerID  uuid.UUID       `json:"customer_id"`
	Currency    string          `json:"currency"`
	From        domain.Date     `json:"from,omitempty" format:"date" doc:"Absent: from the beginning"`
	To          domain.Date     `json:"to" format:"date"`
	Opening     domain.Money    `json:"opening" doc:"Balance before the first line"`
	Adjustments []StatementLine `json:"adjustments" nullable:"false" doc:"Recorded after the earlier statement named by since, and dated before from (E16)"`
	Lines       []StatementLine `json:"lines" nullable:"false"`
	Debits      domain.Money    `json:"debits" doc:"Of adjustments and lines"`
	Credits     domain.Money    `json:"credits" doc:"Of adjustments and lines"`
	Closing     domain.Money    `json:"closing"`
	Position    string          `json:"position" doc:"Ask again with known_at=position and the statement is the same for good; with since=position the next one shows what was added to this one later"`
}

// StatementLine is one posting.
type StatementLine struct {
	On         domain.Date  `json:"on" format:"date" doc:"Effective date"`
	Kind       string       `json:"kind" doc:"Such as invoice, credit_memo, payment, refund"`
	RefID      uuid.UUID    `json:"ref_id" doc:"The invoice, credit memo or payment"`
	Number     string       `json:"number,omitempty"`
	Debit      domain.Money `json:"debit" doc:"More is owed"`
	Credit     domain.Money `json:"credit" doc:"Less is owed"`
	Balance    domain.Money `json:"balance" doc:"After this line"`
	RecordedAt time.Time    `json:"recorded_at"`
	Position   string       `json:"position" doc:"Place in the log"`
}

// StatementOptions say which statement.
type StatementOptions struct {
	Currency string      `query:"currency" pattern:"^([A-Z]{3})?$" doc:"The customer's if left out"`
	From     domain.Date `query:"from" format:"date" doc:"First day; left out: from the beginning"`
	To       domain.Date `query:"to" format:"date" doc:"Last day; today if left out"`
	KnownAt  string      `query:"known_at" maxLength:"50" doc:"Only what was recorded up to this position: an old statement again"`
	Since    string      `query:"since" maxLength:"50" doc:"Position of an earlier statement: what was recorded later but dated before from is listed as adjustments"`
}

// maxStatementLines bounds one answer.
const maxStatementLines = 20_000

type lineRow struct {
	entryRow
	Debit     int64 `db:"debit"`
	Credit    int64 `db:"credit"`
	Balance   int64 `db:"balance"`
	Adjusting bool  `db:"adjusting"`
	Opening   bool  `db:"opening"`
}

// lines are a customer's postings that the viewer may see: an invoice's once it was
// published, as of when it was. late tells that one came after an earlier statement.
const statementLines = `
with line as (
  select e.*, e.open_delta - e.unapplied_delta as net,
    (e.pos_hi, e.pos_lo) > (@since_hi::numeric, @since_lo::numeric)
      or not @all and (coalesce(i.published_hi, 0), coalesce(i.published_lo, 0)) > (@since_hi::numeric, @since_lo::numeric) as late
  from {s}.entries e left join {s}.invoices i on i.tenant = e.tenant and i.id = e.item_id
  where e.tenant = @tenant and e.customer_id = @customer and e.currency = ` + statementCurrency + ` and e.line
    and e.on_date <= @to::date and (e.pos_hi, e.pos_lo) <= (@known_hi::numeric, @known_lo::numeric)
    and (@all or e.item_id is null or i.published and (i.published_hi, i.published_lo) <= (@known_hi::numeric, @known_lo::numeric))
), sorted as (
  select *, on_date < @from::date and not (@adjusting and late) as opening, on_date < @from::date and @adjusting and late as adjusting from line
)`

// The customer's own currency if none is asked for.
const statementCurrency = `coalesce(nullif(@currency::text, ''), (select currency from {s}.customers where tenant = @tenant and id = @customer), '')`

const (
	// What was before the first line, and the last line, or publication that showed earlier
	// ones, that the viewer sees.
	sqlOpening engine.SQL = statementLines + `
select ` + statementCurrency + ` as currency, (select coalesce(sum(net), 0)::bigint from sorted where opening) as opening,
  coalesce((select hi::text || '.' || lo::text from (
    select e.pos_hi as hi, e.pos_lo as lo from {s}.entries e left join {s}.invoices i on i.tenant = e.tenant and i.id = e.item_id
      where e.tenant = @tenant and e.customer_id = @customer and e.currency = ` + statementCurrency + ` and e.line and (@all or e.item_id is null or i.published)
    union all select i.published_hi, i.published_lo from {s}.invoices i
      where i.tenant = @tenant and i.customer_id = @customer and i.currency = ` + statementCurrency + ` and i.published) x
  where (hi, lo) <= (@known_hi::numeric, @known_lo::numeric)
  order by hi desc, lo desc limit 1), '0.0') as position`
	sqlStatement engine.SQL = statementLines + `
select pos_hi, pos_lo, tenant, customer_id, currency, on_date, kind, ref_id, number, item_id, fund_id, open_delta, unapplied_delta,
  line, recorded_at, adjusting, opening, greatest(net, 0) as debit, greatest(-net, 0) as credit,
  (sum(net) over (order by adjusting desc, on_date, pos_hi, pos_lo))::bigint as balance
from sorted where not opening order by adjusting desc, on_date, pos_hi, pos_lo limit @limit`
)

type openingRow struct {
	Opening  int64  `db:"opening"`
	Position string `db:"position"`
	Currency string `db:"currency"`
}

// GetStatement is a customer's statement between two dates, or up to one.
func (q *Queries) GetStatement(ctx context.Context, v Viewer, customer uuid.UUID, o StatementOptions) (Statement, error) {
	return q.statement(ctx, v, customer, o, func(*reading) error { return nil })
}

// statement is a statement as of a reading that the caller may narrow, or ask for more.
func (q *Queries) statement(ctx context.Context, v Viewer, customer uuid.UUID, o StatementOptions, with func(*reading) error) (st Statement, err error) {
	var opening *openingRow
	var lines []lineRow
	s, err := q.readOf(ctx, v, customer, func(r *reading) error {
		if err := with(r); err != nil {
			return err
		}
		args, err := o.args(r.today)
		if err != nil {
			return err
		}
		args["customer"], args["currency"] = customer, o.Currency
		st = Statement{CustomerID: customer, From: o.From, To: domain.Date(args["to"].(string)),
			Adjustments: []StatementLine{}, Lines: []StatementLine{}}
		wantOne(r, sqlOpening, args, &opening)
		want(r, sqlStatement, args, &lines)
		return nil
	})
	if err == nil {
		err = s.mustSeeMoney()
	}
	if err == nil && len(lines) > maxStatementLines {
		err = domain.Invalid("statement.too_long", "this is more than %d lines: ask for a shorter period", maxStatementLines)
	}
	if err == nil {
		st.fill(s, *opening, lines)
	}
	return st, err
}

func (o StatementOptions) args(today domain.Date) (pgx.NamedArgs, error) {
	if o.To == "" {
		o.To = today
	}
	from, to, err := dates(o.From, o.To)
	if err != nil {
		return nil, err
	}
	if o.From > o.To {
		return nil, domain.Invalid("statement.period", "the period ends on %s, before it begins on %s", o.To, o.From)
	}
	known, since := eventstore.Position{Hi: 1<<63 - 1, Lo: 1<<63 - 1}, eventstore.Position{}
	for _, p := range []struct {
		given string
		to    *eventstore.Position
	}{{o.KnownAt, &known}, {o.Since, &since}} {
		if p.given == "" {
			continue
		}
		if *p.to, err = eventstore.ParsePosition(p.given); err != nil {
			return nil, domain.Invalid("position.malformed", "%q is not a position such as 1234.0", p.given)
		}
	}
	return pgx.NamedArgs{"from": from, "to": to, "known_hi": known.Hi, "known_lo": known.Lo, "since_hi": since.Hi, "since_lo": since.Lo,
		"adjusting": o.Since != "", "limit": maxStatementLines + 1}, nil
}

func (st *Statement) fill(s scope, before openingRow, lines []lineRow) {
	opening := before.Opening
	st.Currency, st.Position = before.Currency, before.Position
	m := func(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: st.Currency} }
	st.Opening, st.Debits, st.Credits, st.Closing = m(opening), m(0), m(0), m(opening)
	for _, l := range lines {
		line := StatementLine{l.On, l.Kind, l.RefID, s.number(l), m(l.Debit), m(l.Credit), m(opening + l.Balance), l.RecordedAt.UTC(), position(l.PosHi, l.PosLo)}
		if l.Adjusting {
			st.Adjustments = append(st.Adjustments, line)
		} else {
			st.Lines = append(st.Lines, line)
		}
		st.Debits, st.Credits, st.Closing = st.Debits.Plus(line.Debit), st.Credits.Plus(line.Credit), line.Balance
	}
}
