package projections

import "portico/domain"

// What an invoice's status may be. It is derived, never written (DOMAIN c.13).
const (
	statusDraft      = "draft"
	statusOpen       = "open"
	statusPartPaid   = "part_paid"
	statusPaid       = "paid"
	statusSettled    = "settled" // nothing was ever owed (E15)
	statusDisputed   = "disputed"
	statusWrittenOff = "written_off"
	statusVoid       = "void"
)

// status is what an issued invoice comes to. A charge-back disputes only what it left
// open (E7).
func (i invoiceRow) status() string {
	switch {
	case i.Voided:
		return statusVoid
	case i.Disputed, i.ChargedBack > 0 && i.Open > 0:
		return statusDisputed
	case i.Payable == 0:
		return statusSettled
	case i.Open == 0 && i.WrittenOff > 0:
		return statusWrittenOff
	case i.Open == 0:
		return statusPaid
	case i.Open < i.Payable:
		return statusPartPaid
	}
	return statusOpen
}

// overdue tells whether something is open after the due date's end in the tenant's zone
// (E43).
func (i invoiceRow) overdue(today domain.Date) bool {
	return i.Open > 0 && !i.Voided && i.DueOn < today
}

// invoiceStatus and invoiceOverdue are the same in SQL; a test compares them.
const (
	invoiceStatus = `case when i.voided then 'void'
  when i.disputed or i.charged_back > 0 and i.open > 0 then 'disputed'
  when i.payable = 0 then 'settled'
  when i.open = 0 and i.written_off > 0 then 'written_off'
  when i.open = 0 then 'paid'
  when i.open < i.payable then 'part_paid'
  else 'open' end`
	invoiceOverdue = `(i.open > 0 and not i.voided and i.due_on < @today::date)`
)
