package projections

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/statement"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var statements = engine.NewTable[docKey, statementRow]("statements")

// statementRow is a statement that was handed out. Insert-only.
type statementRow struct {
	Tenant      string      `db:"tenant,key"`
	ID          uuid.UUID   `db:"id,key"`
	CustomerID  uuid.UUID   `db:"customer_id"`
	Number      string      `db:"number"`
	Currency    string      `db:"currency"`
	From        domain.Date `db:"from_on"`
	To          domain.Date `db:"to_on"`
	KnownAt     string      `db:"known_at"`
	Opening     int64       `db:"opening"`
	Closing     int64       `db:"closing"`
	ContentHash string      `db:"content_hash"`
	SHA256      string      `db:"sha256"`
	PaperHash   string      `db:"paper_hash"`
	Size        int64       `db:"size"`
	Pages       int         `db:"pages"`
	IssuedAt    time.Time   `db:"issued_at"`
	PosHi       uint64      `db:"pos_hi"`
	PosLo       uint64      `db:"pos_lo"`
}

func applyStatement(b *engine.Batch, e envelope.Event) error {
	d, ok := e.Data.(statement.Issued)
	if !ok {
		return nil
	}
	k := about(e)
	statements.Put(b, statementRow{k.Tenant, k.ID, d.CustomerID, d.Number, d.Currency, d.From, d.To, d.KnownAt,
		d.Opening.Minor, d.Closing.Minor, d.ContentHash, d.Rendition.SHA256, d.Rendition.PaperHash, d.Rendition.Size, d.Rendition.Pages,
		e.At, e.Pos.Hi, e.Pos.Lo})
	return nil
}

// IssuedStatement is a statement that was handed out, frozen as a document.
type IssuedStatement struct {
	ID          uuid.UUID    `json:"id"`
	CustomerID  uuid.UUID    `json:"customer_id"`
	Number      string       `json:"number"`
	Currency    string       `json:"currency"`
	From        domain.Date  `json:"from,omitempty" format:"date" doc:"Absent: from the beginning"`
	To          domain.Date  `json:"to" format:"date"`
	KnownAt     string       `json:"known_at" doc:"GetStatement of the same period with known_at answers the same figures for good"`
	Opening     domain.Money `json:"opening"`
	Closing     domain.Money `json:"closing"`
	IssuedAt    time.Time    `json:"issued_at"`
	ContentHash string       `json:"content_hash" doc:"SHA-256 of its figures"`
	Document    Document     `json:"document"`
}

func (r statementRow) view() IssuedStatement {
	m := func(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: r.Currency} }
	return IssuedStatement{r.ID, r.CustomerID, r.Number, r.Currency, r.From, r.To, r.KnownAt, m(r.Opening), m(r.Closing), r.IssuedAt.UTC(),
		r.ContentHash, Document{r.SHA256, r.PaperHash, r.Size, r.Pages, 1}}
}

const (
	sqlStatements engine.SQL = `
select t.* from {s}.statements t where t.tenant = @tenant and t.customer_id = @customer
  and (@first or (t.pos_hi, t.pos_lo) < (@hi::numeric, @lo::numeric))
order by t.pos_hi desc, t.pos_lo desc limit @limit`
	sqlIssuedStatement engine.SQL = `
select t.* from {s}.statements t where t.tenant = @tenant and t.id = @id and (@all or t.customer_id = any(@customers)/*see statement t*/)`
	sqlCountStatements engine.SQL = `
select count(*) as n, count(*) filter (where t.issued_at > @now::timestamptz - interval '1 day') as recent from {s}.statements t where t.tenant = @tenant and t.customer_id = @customer`
)

// ListStatements lists the statements that a customer was given, latest first.
func (q *Queries) ListStatements(ctx context.Context, v Viewer, customer uuid.UUID, f Paging) (Page[IssuedStatement], error) {
	var none Page[IssuedStatement]
	after, some, err := f.position()
	if err != nil {
		return none, err
	}
	var rows []statementRow
	s, err := q.readOf(ctx, v, customer, func(r *reading) error {
		want(r, sqlStatements, pgx.NamedArgs{"customer": customer, "first": !some, "hi": after.Hi, "lo": after.Lo, "limit": f.limit() + 1}, &rows)
		return nil
	})
	if err == nil {
		err = s.mustSeeMoney()
	}
	if err != nil {
		return none, err
	}
	return page(f, rows, statementRow.view, func(r statementRow) string { return cursorOf(position(r.PosHi, r.PosLo)) }), nil
}

// GetStatementDocument is the file of a statement.
func (q *Queries) GetStatementDocument(ctx context.Context, v Viewer, id uuid.UUID) (DocumentFile, error) {
	var row *statementRow
	_, err := q.read(ctx, v, uuid.Nil, func(r *reading) error {
		wantOne(r, sqlIssuedStatement, pgx.NamedArgs{"id": id}, &row)
		return nil
	})
	if err == nil && row == nil {
		err = domain.NotFound("statement.unknown", "there is no such statement")
	}
	if err != nil {
		return DocumentFile{}, err
	}
	return DocumentFile{row.view().Document, row.Number}, nil
}

// StatementToIssue is what a statement to a customer says, what is owed at its end, and how
// many the customer has been given.
type StatementToIssue struct {
	Statement
	Owed   CurrencyBalance
	Issued int
	Recent int // of them, within a day
}

type countRow struct {
	N      int `db:"n"`
	Recent int `db:"recent"`
}

// StatementToIssue is the customer's own view whoever asks: what is not published is on no
// document (I3).
func (q *Queries) StatementToIssue(ctx context.Context, v Viewer, customer uuid.UUID, o StatementOptions) (out StatementToIssue, err error) {
	var issued *countRow
	var open []balanceRow
	out.Statement, err = q.statement(ctx, v, customer, o, func(r *reading) error {
		r.all = false
		wantOne(r, sqlCountStatements, pgx.NamedArgs{"customer": customer}, &issued)
		return r.wantBalance(BalanceOptions{AsOf: cmp.Or(o.To, r.today)}, nil, &open)
	})
	if err != nil {
		return out, err
	}
	out.Issued, out.Recent, out.Owed = issued.N, issued.Recent, balanceRow{Currency: out.Currency}.view()
	for _, b := range open {
		if b.Currency == out.Currency {
			out.Owed = b.view()
		}
	}
	return out, nil
}
