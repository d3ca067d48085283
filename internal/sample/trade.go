package sample

import (
	"cmp"
	"fmt"
	"slices"
)

// A Customer of the sample, by its number in the ledger, with a name and an address that are
// made up: the ledger has none.
type Customer struct {
	Number, Name, Address string
	Terms, Pays           int   // days from issue to the due date, and to the day on which it pays
	Buys                  int   // boxes of each thing at a time
	Owes                  []int // how many months ago it bought what it does not pay
	Half                  bool  // it pays half of that
}

// Customers are those that go on buying until the day on which the sample is made.
var Customers = []Customer{
	{"17850", "Hebden Home & Garden Ltd", "12 Bridge Gate\nHebden Bridge HX7 8EX", 30, 28, 3, []int{1}, false},
	{"13777", "Pennine Department Stores", "Market Place\nHuddersfield HD1 2AN", 30, 33, 14, []int{2}, true},
	{"14849", "The Gift Cabin", "3 Shambles Court\nYork YO1 7LZ", 14, 13, 4, nil, false},
	{"14911", "Liffey Trading", "Ormond Quay\nDublin 7", 30, 41, 9, []int{3, 4}, false},
	{"16013", "Saltaire Interiors", "41 Victoria Road\nShipley BD18 3LA", 30, 30, 6, nil, false},
	{"16029", "Northern Museum Shops", "Castle Yard\nDurham DH1 3RW", 45, 44, 8, []int{3}, false},
	{"15311", "Wharfedale Farm Shop", "Otley Road\nIlkley LS29 8JX", 14, 20, 2, []int{5}, false},
	{"13448", "Canal Street Books", "7 Canal Street\nSkipton BD23 1JT", 30, 29, 2, []int{7}, true},
}

// A Line of a sale.
type Line struct{ SKU, Text, Quantity, Price string }

var things = []Line{
	{"22423", "Regency cake stand, three tiers", "", "12.75"},
	{"85123A", "White hanging heart T-light holder", "", "2.55"},
	{"47566", "Party bunting", "", "4.65"},
	{"84879", "Assorted colour bird ornament", "", "1.69"},
	{"22720", "Set of three cake tins, pantry design", "", "4.95"},
	{"20725", "Lunch bag, red retrospot", "", "1.65"},
	{"21212", "Pack of 72 retrospot cake cases", "", "0.55"},
	{"22469", "Heart of wicker, small", "", "1.65"},
	{"22086", "Paper chain kit", "", "2.95"},
}

// seasons are how much more than ordinary is bought, in tenths, by how many months ago.
var seasons = [13]int{4, 2, 0, 1, -2, -1, 2, 1, -3, -2, 0, 6, 3}

// A Sale of the year before the sample is made. Days are counted back from that day.
type Sale struct {
	Number, Reference string
	Of                Customer
	DaysAgo           int
	Lines             []Line
	PaidAgo           int  // 0: it is not paid
	Half              bool // of it is paid
}

// Trade is a year of sales, oldest first: each customer buys once a month, and who buys much twice.
func Trade() (all []Sale) {
	for c, of := range Customers {
		for month, season := range seasons {
			for visit := range 1 + of.Buys/8 {
				owed := visit == 0 && slices.Contains(of.Owes, month)
				s := Sale{
					Of: of, DaysAgo: month*30 + 2 + (c*3+24)%27 + visit*5, Reference: fmt.Sprintf("PO %d", 4139+c*100-month*3+visit),
					Lines: lines(c, month+visit, of.Buys+(of.Buys*season+5)/10), Half: owed && of.Half,
				}
				if s.DaysAgo > of.Pays && (!owed || of.Half) {
					s.PaidAgo = s.DaysAgo - of.Pays
				}
				all = append(all, s)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Sale) int { return cmp.Compare(b.DaysAgo, a.DaysAgo) })
	for i := range all {
		all[i].Number = fmt.Sprintf("CG-%04d", 1001-len(all)+i)
	}
	return all
}

// lines are three to five things, no thing twice.
func lines(c, month, boxes int) (all []Line) {
	for i := range 3 + (c+month)%3 {
		l := things[(c*2+month+i*2)%len(things)]
		l.Quantity = fmt.Sprint(6 * (boxes + (c+month*i)%3))
		all = append(all, l)
	}
	return all
}
