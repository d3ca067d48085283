package importer

import (
	"slices"
	"strings"

	"portico/domain"
	"portico/internal/csvfile"
)

// Profile says how a system writes its invoices into a file. One row is one line of a
// document, the document's own fields repeated or left blank after its first row.
type Profile struct {
	Name     string
	System   string              // names the source in ids
	Columns  map[string][]string // field → its headers, the usual one first
	Needed   []string            // fields without which the file is refused
	Statuses map[string]string   // what the source writes, in lower case → issued, void, deleted or skip
	Types    map[string]string   // likewise → invoice, credit_memo or skip
	Jobs     bool                // customers are written Customer:Job (S0.7)
}

// The states of a document in its source.
const (
	issued  = "issued"
	void    = "void"
	deleted = "deleted"
	skip    = "skip" // not owed yet, or not a receivable: left alone
)

// profiles are the saved ones (DOMAIN part e).
var profiles = []Profile{
	{
		Name: "xero-invoices", System: "xero",
		Columns: map[string][]string{
			"number": {"InvoiceNumber", "Invoice No"}, "customer": {"ContactName", "Contact"}, "country": {"POCountry"},
			"reference": {"Reference"}, "issued": {"InvoiceDate", "Date"}, "due": {"DueDate"}, "total": {"Total"}, "tax_total": {"TaxTotal"},
			"paid": {"InvoiceAmountPaid"}, "sku": {"InventoryItemCode"}, "text": {"Description"}, "quantity": {"Quantity"},
			"price": {"UnitAmount"}, "discount": {"Discount"}, "amount": {"LineAmount"}, "tax_code": {"TaxType"}, "tax": {"TaxAmount"},
			"track1": {"TrackingOption1"}, "track2": {"TrackingOption2"}, "currency": {"Currency"}, "type": {"Type"}, "status": {"Status"},
		},
		Needed: []string{"number", "customer", "issued", "text", "quantity", "price", "status"},
		Statuses: map[string]string{
			"authorised": issued, "awaiting payment": issued, "paid": issued, "voided": void,
			"deleted": deleted, "draft": skip, "submitted": skip, "awaiting approval": skip,
		},
		Types: map[string]string{
			"": invoiceType, "accrec": invoiceType, "sales invoice": invoiceType,
			"accreccredit": creditType, "sales credit note": creditType, "credit note": creditType,
			"accpay": skip, "bill": skip, "accpaycredit": skip, "bill credit note": skip,
			"aroverpayment": skip, "sales overpayment": skip, "arprepayment": skip, "sales prepayment": skip,
		},
	},
	{
		Name: "qbo-invoices", System: "qbo", Jobs: true,
		Columns: map[string][]string{
			"number": {"Invoice number", "InvoiceNo", "Invoice", "Num"}, "customer": {"Customer", "Customer:Job", "Customer full name"},
			"issued": {"Invoice date", "Date"}, "due": {"Due date"}, "description": {"Memo"}, "sku": {"Item (Product/Service)", "Item", "Product/Service"},
			"text": {"Item description", "Description"}, "quantity": {"Item quantity", "Qty"}, "price": {"Item rate", "Rate"},
			"amount": {"Item amount", "Amount"}, "tax_code": {"Item tax code"}, "tax": {"Item tax amount"}, "currency": {"Currency"},
		},
		Needed: []string{"number", "customer", "issued", "due", "amount"},
	},
	{
		Name: "generic", System: "generic",
		Columns: map[string][]string{
			"number": {"Number", "Invoice number", "Invoice no", "Invoice", "Document number", "Document"}, "customer": {"Customer", "Customer name", "Client", "Name"},
			"account": {"Customer number", "Customer id", "Customer no", "Account number", "Account"}, "country": {"Country"},
			"reference": {"Reference", "PO number", "Purchase order"}, "description": {"Memo", "Notes"}, "issued": {"Issue date", "Invoice date", "Date", "Issued on"},
			"due": {"Due date", "Due", "Due on"}, "total": {"Total", "Gross", "Invoice total"}, "tax_total": {"Tax total", "Total tax"}, "paid": {"Paid", "Amount paid"},
			"sku": {"Item code", "SKU", "Item", "Code"}, "text": {"Description", "Line description", "Text", "Item description"}, "quantity": {"Quantity", "Qty"},
			"price": {"Unit price", "Price", "Rate", "Unit amount"}, "discount": {"Discount percent", "Discount"}, "amount": {"Line amount", "Amount", "Line total"},
			"tax_code": {"Tax code"}, "tax_rate": {"Tax rate", "Tax percent", "VAT rate"}, "tax": {"Tax amount", "Line tax"}, "track1": {"Branch"}, "track2": {"Contractor"},
			"currency": {"Currency"}, "type": {"Type", "Document type"}, "status": {"Status"},
		},
		Needed: []string{"number", "customer", "issued", "text"},
		Statuses: map[string]string{
			"": issued, "issued": issued, "open": issued, "sent": issued, "approved": issued, "unpaid": issued, "overdue": issued,
			"part paid": issued, "partially paid": issued, "paid": issued, "void": void, "voided": void, "cancelled": void,
			"deleted": deleted, "draft": skip,
		},
		Types: map[string]string{
			"": invoiceType, "invoice": invoiceType, "credit memo": creditType, "credit_memo": creditType, "credit note": creditType, "credit": creditType,
		},
	},
}

const (
	invoiceType = "invoice"
	creditType  = "credit_memo"
)

// Profiles names the saved profiles.
func Profiles() []string {
	var names []string
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

func profileOf(name string) (Profile, error) {
	at := slices.IndexFunc(profiles, func(p Profile) bool { return p.Name == name })
	if at < 0 {
		return Profile{}, domain.Invalid("import.profile", "profiles are %s, not %q", strings.Join(Profiles(), ", "), name)
	}
	return profiles[at], nil
}

// state is what a document is in its source.
func (p Profile) state(status string) (string, error) {
	return known(p.Statuses, issued, "status", status)
}

// kind is what a document is.
func (p Profile) kind(typ string) (string, error) {
	return known(p.Types, invoiceType, "type", typ)
}

func known(of map[string]string, otherwise, what, value string) (string, error) {
	if of == nil {
		return otherwise, nil
	}
	is, ok := of[strings.ToLower(value)]
	if !ok {
		return "", domain.Invalid("document."+what, "%q is not a %s that this profile knows", csvfile.Clip(value), what)
	}
	return is, nil
}
