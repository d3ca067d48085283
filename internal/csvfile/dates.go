package csvfile

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"portico/domain"
)

// Dates reads calendar dates as a file writes them. ISO dates and those with a month's
// name speak for themselves; whether 03/04/2026 is in March or April is given, or
// inferred from all of the file's dates, or the file is refused.
type Dates struct {
	Order    string // dmy, mdy, iso, or "" until settled
	dmy, mdy string // a date that proves each
	open     string // a date that could be either
	either   string // a date that is the same in both
}

var (
	isoDate   = regexp.MustCompile(`^([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(?:[ T].*)?$`)
	splitDate = regexp.MustCompile(`^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4}|[0-9]{2})(?:[ T].*)?$`)
)

// named are the forms with a month's name.
var named = []string{"2 Jan 2006", "2-Jan-2006", "2-Jan-06", "2 January 2006", "Jan 2, 2006", "January 2, 2006"}

// Note takes one more cell into account.
func (d *Dates) Note(cell string) {
	m := splitDate.FindStringSubmatch(cell)
	if d.Order != "" || m == nil {
		return
	}
	first, _ := strconv.Atoi(m[1])
	second, _ := strconv.Atoi(m[2])
	switch {
	case first > 12:
		d.dmy = cell
	case second > 12:
		d.mdy = cell
	case first != second:
		d.open = cell
	default:
		d.either = cell
	}
}

// Settle decides after the last cell.
func (d *Dates) Settle() error {
	switch {
	case d.Order != "":
	case d.dmy != "" && d.mdy != "":
		return domain.Invalid("import.mixed_dates", "%q has the day first and %q the month: say which is meant (--dates dmy, mdy or iso)", d.dmy, d.mdy)
	case d.dmy != "", d.mdy == "" && d.open == "" && d.either != "":
		d.Order = "dmy"
	case d.mdy != "":
		d.Order = "mdy"
	case d.open != "":
		return domain.Invalid("import.ambiguous_dates", "%q may have the day or the month first, and no other date tells: say which (--dates dmy or mdy)", d.open)
	default:
		d.Order = "iso"
	}
	return nil
}

// Read is the date in a cell. A time of day after it is left out.
func (d *Dates) Read(cell string) (domain.Date, error) {
	var year, month, day string
	if m := isoDate.FindStringSubmatch(cell); m != nil {
		year, month, day = m[1], m[2], m[3]
	} else if m := splitDate.FindStringSubmatch(cell); m != nil && d.Order != "iso" {
		day, month, year = m[1], m[2], m[3]
		if d.Order == "mdy" {
			day, month = month, day
		}
		if len(year) == 2 {
			year = "20" + year
		}
	} else {
		for _, form := range named {
			if t, err := time.Parse(form, cell); err == nil && domain.DateOf(t).Check() == nil {
				return domain.DateOf(t), nil
			}
		}
		return "", domain.Invalid("date.malformed", "%q is not a date in the order %s", Clip(cell), d.Order)
	}
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	n, _ := strconv.Atoi(day)
	date := domain.Date(fmt.Sprintf("%04d-%02d-%02d", y, m, n))
	if err := date.Check(); err != nil {
		return "", domain.Invalid("date.malformed", "%q is not a date in the order %s", Clip(cell), d.Order)
	}
	return date, nil
}
