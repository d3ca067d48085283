package invariant

import (
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/internal/envelope"
)

// ledger is an account as arithmetic on its events gives it.
type ledger struct {
	open      map[uuid.UUID]int64 // by item, minor units
	unapplied map[uuid.UUID]int64 // by fund
	sums      sums
}

// sums are what was posted to an account, by kind, minor units. By I4, what is open less
// what is unapplied is invoiced + charged - credited - received + refunded - writtenOff -
// transferred.
type sums struct{ invoiced, charged, credited, received, refunded, writtenOff, transferred int64 }

func (s sums) owed() int64 {
	return s.invoiced + s.charged - s.credited - s.received + s.refunded - s.writtenOff - s.transferred
}

type accountKey struct {
	customer uuid.UUID
	currency string
}

// ledger follows an event of an account.
func (s *scan) ledger(e envelope.Event, r *Report) {
	_, cat, id := e.Stream.Split()
	if cat != "account" || len(id) < 40 {
		return
	}
	key := accountKey{e.Stream.AggregateID(), id[37:]}
	l := s.accounts[key]
	if l == nil {
		l = &ledger{map[uuid.UUID]int64{}, map[uuid.UUID]int64{}, sums{}}
		s.accounts[key] = l
	}
	l.documents(e.Data)
	l.money(e.Data)
	for _, stated := range l.moves(e.Data) {
		if stated.is != stated.says.Minor {
			r.add(RuleMoney, e.Stream, "version %d says that %d remain of %s, and it is %d", e.Version, stated.says.Minor, stated.of, stated.is)
		}
	}
}

// documents follows what is owed, and credit memos.
func (l *ledger) documents(data any) {
	switch d := data.(type) {
	case account.InvoicePosted:
		l.open[d.InvoiceID] += d.Payable.Minor
		l.sums.invoiced += d.Payable.Minor
	case account.InvoiceAdjusted:
		l.open[d.InvoiceID] += d.Difference.Minor
		l.sums.invoiced += d.Difference.Minor
	case account.InvoiceReversed:
		l.open[d.InvoiceID] -= d.Amount.Minor
		l.sums.invoiced -= d.Amount.Minor
	case account.InvoiceWrittenOff:
		l.open[d.InvoiceID] -= d.Amount.Minor
		l.sums.writtenOff += d.Amount.Minor
	case account.WriteOffReversed:
		l.open[d.InvoiceID] += d.Amount.Minor
		l.sums.writtenOff -= d.Amount.Minor
	case account.ChargePosted:
		l.open[d.ChargeID] += d.Amount.Minor
		l.sums.charged += d.Amount.Minor
	case account.CreditPosted:
		l.unapplied[d.CreditID] += d.Amount.Minor
		l.sums.credited += d.Amount.Minor
	case account.CreditAdjusted:
		l.sums.credited += d.Difference.Minor
		l.takenBack(d.CreditID, d.ChargeID, -d.Difference.Minor, d.Shortfall)
	case account.CreditReversed:
		l.unapplied[d.CreditID] -= d.Amount.Minor
		l.sums.credited -= d.Amount.Minor
	}
}

// money follows what came and went.
func (l *ledger) money(data any) {
	switch d := data.(type) {
	case account.PaymentReceived:
		l.unapplied[d.PaymentID] += d.Amount.Minor
		l.sums.received += d.Amount.Minor
	case account.PaymentFailed:
		l.sums.received -= d.Amount.Minor
		l.takenBack(d.PaymentID, d.ChargeID, d.Amount.Minor, d.Shortfall)
	case account.PaymentReversed:
		l.sums.received -= d.Amount.Minor
		l.takenBack(d.PaymentID, d.ChargeID, d.Amount.Minor, d.Shortfall)
	case account.ChargebackOpened:
		l.sums.received -= d.Amount.Minor
		l.takenBack(d.PaymentID, d.ChargeID, d.Amount.Minor, d.Shortfall)
	case account.ChargebackReversed:
		l.unapplied[d.PaymentID] += d.Amount.Minor
		l.sums.received += d.Amount.Minor
	case account.RefundRequested:
		l.unapplied[d.FundID] -= d.Amount.Minor
		l.sums.refunded += d.Amount.Minor
	case account.RefundFailed:
		l.unapplied[d.FundID] += d.Amount.Minor
		l.sums.refunded -= d.Amount.Minor
	case account.UnappliedTransferredOut:
		l.unapplied[d.FundID] -= d.Amount.Minor
		l.sums.transferred -= d.Amount.Minor
	case account.UnappliedTransferredIn:
		l.unapplied[d.TransferID] += d.Amount.Minor
		l.sums.transferred += d.Amount.Minor
	}
}

// takenBack takes an amount out of a fund; what was spent of it is owed, as a charge.
func (l *ledger) takenBack(fund uuid.UUID, charge *uuid.UUID, amount int64, shortfall domain.Money) {
	l.unapplied[fund] -= amount - shortfall.Minor
	if charge != nil {
		l.open[*charge] += shortfall.Minor
	}
}

// stated is what an event says is left of something, and what is.
type stated struct {
	of   uuid.UUID
	is   int64
	says domain.Money
}

// moves follows which fund pays which item.
func (l *ledger) moves(data any) []stated {
	move := func(item, fund uuid.UUID, amount, open, unapplied domain.Money, sign int64) []stated {
		l.open[item] -= sign * amount.Minor
		l.unapplied[fund] -= sign * amount.Minor
		return []stated{{item, l.open[item], open}, {fund, l.unapplied[fund], unapplied}}
	}
	switch d := data.(type) {
	case account.PaymentAllocated:
		return move(d.InvoiceID, d.PaymentID, d.Amount, d.Open, d.Unapplied, 1)
	case account.PaymentDeallocated:
		return move(d.InvoiceID, d.PaymentID, d.Amount, d.Open, d.Unapplied, -1)
	case account.CreditApplied:
		return move(d.InvoiceID, d.CreditID, d.Amount, d.Open, d.Unapplied, 1)
	case account.CreditUnapplied:
		return move(d.InvoiceID, d.CreditID, d.Amount, d.Open, d.Unapplied, -1)
	}
	return nil
}

// totals are all that is open and all that is unapplied of an account.
func (l *ledger) totals() (open, unapplied int64) {
	for _, o := range l.open {
		open += o
	}
	for _, u := range l.unapplied {
		unapplied += u
	}
	return open, unapplied
}

// checkLedgers finds accounts whose money does not add up.
func (s *scan) checkLedgers(r *Report) {
	for key, l := range s.accounts {
		for id, o := range l.open {
			if o < 0 {
				r.add(RuleMoney, key.customer, "item %s is %d below zero", id, -o)
			}
		}
		for id, u := range l.unapplied {
			if u < 0 {
				r.add(RuleMoney, key.customer, "fund %s is %d below zero", id, -u)
			}
		}
		if open, unapplied := l.totals(); open-unapplied != l.sums.owed() {
			r.add(RuleMoney, key.customer, "in %s, %d open less %d unapplied is not %d, the sum of what was posted",
				key.currency, open, unapplied, l.sums.owed())
		}
	}
}
