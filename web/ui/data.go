package ui

import (
	"strconv"

	"portico/domain"
)

// Column heads a table's column.
type Column struct {
	Label  string
	End    bool   // amounts
	Silent bool   // its label is only read out
	Pick   bool   // rows are ticked in it; its label is of the tick for all of them
	Href   string // sorts by it; "": nothing sorts by it
	Sorted string // ascending or descending, as aria-sort has it; "": not by it
}

// Ageing is what is owed, by when it is due.
type Ageing struct {
	Overdue, Soon, Later    domain.Money
	OverdueN, SoonN, LaterN int // invoices
}

// bar is one part of the ageing bar, of a hundred.
type part struct{ class, at, width string }

// bars leave one unit between parts, and none for a part in which nothing is.
func (a Ageing) bars() (parts []part) {
	total := max(0, a.Overdue.Minor) + max(0, a.Soon.Minor) + max(0, a.Later.Minor)
	at := 0.0
	for _, p := range []struct {
		class string
		minor int64
	}{{"f-bad", a.Overdue.Minor}, {"f-warn", a.Soon.Minor}, {"f-soft", a.Later.Minor}} {
		if p.minor <= 0 {
			continue
		}
		width := float64(p.minor) / float64(total) * 100
		parts = append(parts, part{p.class, tenth(at), tenth(max(0.5, width-0.5))})
		at += width
	}
	return parts
}

func tenth(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// Item is one row of a list: of a glance card, or of what waits.
type Item struct {
	Title, Detail string
	Href          string // "": it leads nowhere
	Amount        string
	Status        string // of Chip; "": none
}

// Moment is one entry of a timeline.
type Moment struct {
	Icon, What, Who, When string
	Tone                  Tone
}

// File is one that can be had.
type File struct {
	Name, Detail string
	Href         string // "": it cannot be had yet
	Done, Total  int64  // of its upload; Total 0: none is going on
}
