package invoice

import "portico/domain/access"

// Item is the invoice as what decides who sees it.
func (s Invoice) Item() access.Item {
	return access.Document(access.Invoices, s.document.Party, s.published > 0)
}
