// Package pdf draws invoices, credit memos and statements. It is pure: the same paper
// gives the same bytes, on any machine at any time. Fonts are in the program, and embedded
// in each file with the signs that it uses. A file has text, lines and the issuer's logo,
// and nothing that acts: no links, scripts, forms or attachments (SECURITY §4). It neither
// computes amounts nor decides what is on a paper.
package pdf

import "portico/domain"

// Paper is what a document says, ready to be drawn. Amounts are minor units of Currency.
// Text may be anything: characters that do not print are left out, and one that no font
// has shows as a replacement sign.
type Paper struct {
	Kind     string // invoice, credit_memo or statement
	Language string // BCP 47, such as en-GB, de or ar: of labels, dates and numbers; English if it is unknown
	Currency string // ISO 4217
	Issuer   Issuer
	Customer Customer
	Number   string
	// Facts are what stands beside the number: dates, references. Their labels are keys of
	// the label catalogue, such as issued_on. The first date is also the file's.
	Facts []Fact
	Note  string // free text above the lines
	Lines []domain.Line
	Tax   []domain.TaxLine
	Net   int64
	Gross int64
	// PricesIncludeTax says so below the lines (domain.Calculation).
	PricesIncludeTax bool
	Sums             []Sum   // below the total: withheld, retained, to pay. The last stands out
	Entries          []Entry // of a statement, in place of lines
	Opening          int64   // of a statement
	Closing          int64
	Ageing           []Sum // of a statement, if any
	// Hash identifies the content, and is printed with VerifyURL so that anybody can ask
	// whether the document is genuine. It is not the hash of the bytes drawn.
	Hash      string
	VerifyURL string
}

// Issuer is the business, as it wants to look.
type Issuer struct {
	Name    string
	Address []string // a line each
	Contact []string // phone, e-mail, web, registration numbers: a line each
	Payment []string // how to pay: bank details, a line each; not said on a credit memo
	Footer  string   // on every page; what exceeds three lines is cut
	Colour  string   // #rrggbb of headings and rules; "" for the default. Darkened until it can be read
	Logo    []byte   // PNG or JPEG; nil for none. What cannot be decoded, or is larger than 16 megapixels, is left out
}

// Customer is whom it is addressed to.
type Customer struct {
	Name    string
	Number  string
	Address []string
}

// Fact is one labelled value.
type Fact struct {
	Label string // key of the label catalogue
	Value string // text as it is, unless Date
	Date  domain.Date
}

// Sum is one labelled amount.
type Sum struct {
	Label string // key of the label catalogue
	Minor int64
}

// Entry is one line of a statement.
type Entry struct {
	On      domain.Date
	Kind    string // invoice, payment, …: key of the label catalogue
	Number  string
	Text    string
	Minor   int64 // what it adds to the balance; negative: what it takes off
	Balance int64 // after it
}

// Drawn is a paper as a file.
type Drawn struct {
	Bytes []byte
	Pages int
}
