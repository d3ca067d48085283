package ui

import "portico/domain"

// What Components shows stands for data, not for texts of ours: it is in no catalogue.
var (
	shownChart = Chart{Says: "Invoiced and received by month", When: "Month", First: "Invoiced", Second: "Received", Groups: []ChartGroup{
		{"September", "Sep", domain.Money{Minor: 120000, Currency: "GBP"}, domain.Money{Minor: 90000, Currency: "GBP"}},
		{"October", "Oct", domain.Money{Minor: 80000, Currency: "GBP"}, domain.Money{Minor: 110000, Currency: "GBP"}},
		{"November", "Nov", domain.Money{Minor: -500, Currency: "GBP"}, domain.Money{Currency: "GBP"}},
	}}
	shownAgeing = Ageing{
		Overdue: domain.Money{Minor: 114800, Currency: "GBP"}, Soon: domain.Money{Minor: 184640, Currency: "GBP"},
		Later: domain.Money{Minor: 129200, Currency: "GBP"}, OverdueN: 2, SoonN: 3, LaterN: 1,
	}
	shownItems = []Item{
		{"INV-20431", "18 Nov 2026", "#", "£642.00", "unpaid"},
		{"INV-20418", "31 Oct 2026", "#", "£1,004.00", "overdue"},
		{"INV-20402", "24 Oct 2026", "#", "£318.60", "paid"},
	}
	shownMoments = []Moment{
		{"check", "Payment received", "Priya Raman", "14 Nov 2026, 09:12", OK},
		{"mail", "Reminder sent", "", "7 Nov 2026, 08:00", Info},
		{"receipt-text", "Invoice issued", "Owen Bright", "31 Oct 2026, 16:40", Plain},
	}
	shownPeople      = []Person{{"p1", "Priya Raman"}, {"p2", "Owen Bright"}}
	shownPermissions = []Permissions{{"Account", []Permission{
		{"invoices", "See invoices", map[string]bool{"p1": true, "p2": true}, nil},
		{"payments", "See payments", map[string]bool{"p1": true}, map[string]bool{"p2": true}},
	}}}
	shownEvents = []Recorded{
		{1, "Invoice issued", "£1,404.00, due 14 Nov 2026", "31 Oct 2026, 16:40:02", "Owen Bright", "staff", "203.0.113.7", "web", "", ""},
		{2, "Payment applied", "£400.00, £1,004.00 still to pay", "6 Nov 2026, 12:40:55", "Priya Raman", "contact", "198.51.100.20", "web", "on account", ""},
		{3, "Purchase order set", "blank → NL-88213", "9 Nov 2026, 08:15:31", "Owen Bright", "staff", "203.0.113.7", "web", "asked by telephone", ""},
	}
	shownColumns = []Column{
		{Label: "Select all", Pick: true}, {Label: "Invoice", Href: "#", Sorted: "descending"}, {Label: "Work"}, {Label: "Status"}, {Label: "To pay", End: true},
	}
	shownColours = []string{"b-solid", "b-text", "b-soft", "b-deep", "ink", "ink2", "ink3", "ln", "canvas", "surface", "ok", "warn", "bad", "info"}
	shownStates  = []string{"paid", "part", "unpaid", "due", "overdue", "processing", "draft", "void", "credited", "applied", "open", "received", "reversed", "failed", "disputed", "written_off", "active", "invited", "revoked", "none", "updating"}
	shownViews   = []Link{{Key: "all", Label: "All", Href: "#", Count: "48"}, {Key: "due", Label: "Overdue", Href: "#", Count: "2"}, {Key: "paid", Label: "Paid", Href: "#", Count: "42"}}
	shownWay     = []Link{{Label: "Home", Href: "#"}, {Label: "Invoices", Href: "#"}, {Label: "INV-20418"}}
	shownChoices = []Option{{Value: "a", Label: "Post", Chosen: true}, {Value: "b", Label: "E-mail", Hint: "at once"}, {Value: "c", Label: "Telex", Disabled: true}}
	shownWrong   = Field{Name: "shown-date", Label: "Due date", Value: "12/13/2026", Wrong: "Use a date such as 24/11/2026"}
)
