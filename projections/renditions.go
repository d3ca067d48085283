package projections

import (
	"encoding/json"

	"portico/projections/engine"
)

// rendition is what contacts see of an invoice while staff see a newer version, which is
// not published yet: its texts, lines and totals (S0.9). What is still owed of it, and
// when, is never frozen.
type rendition struct {
	Description string          `json:"description"`
	Reference   string          `json:"reference"`
	Search      string          `json:"search"`
	Net         int64           `json:"net"`
	Gross       int64           `json:"gross"`
	LinesTotal  int64           `json:"lines_total"`
	Differs     bool            `json:"totals_differ"`
	Withheld    int64           `json:"withheld"`
	Retained    int64           `json:"retained"`
	Lines       json.RawMessage `json:"lines"`
	Tax         json.RawMessage `json:"tax"`
}

// freeze keeps what contacts see of a published invoice, before its content changes.
func (i *invoiceRow) freeze(b *engine.Batch) (err error) {
	if !i.Published || i.Rendition != nil {
		return nil
	}
	lines := invoiceLines.Get(b, docKey{i.Tenant, i.ID})
	if lines == nil {
		return nil // not loaded yet
	}
	i.Rendition, err = json.Marshal(rendition{i.Description, i.Reference, i.Search, i.Net, i.Gross, i.LinesTotal, i.Differs,
		i.Withheld, i.Retained, lines.Lines, lines.Tax})
	return err
}

// asPublished is an invoice, and its lines, as contacts see them.
func (i invoiceRow) asPublished(lines linesRow) (invoiceRow, linesRow, error) {
	if i.Rendition == nil {
		return i, lines, nil
	}
	var r rendition
	err := json.Unmarshal(i.Rendition, &r)
	i.Description, i.Reference, i.Net, i.Gross, i.LinesTotal = r.Description, r.Reference, r.Net, r.Gross, r.LinesTotal
	i.Differs, i.Withheld, i.Retained, lines.Lines, lines.Tax = r.Differs, r.Withheld, r.Retained, r.Lines, r.Tax
	return i, lines, err
}

// shown turns invoices, in place, into what the viewer sees of them.
func (s scope) shown(rows []invoiceRow) (err error) {
	for n := range rows {
		if s.all || err != nil {
			break
		}
		rows[n], _, err = rows[n].asPublished(linesRow{})
	}
	return err
}
