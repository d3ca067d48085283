package creditmemo

import "portico/domain/access"

// Item is the credit memo as what decides who sees it: at once.
func (s CreditMemo) Item() access.Item {
	return access.Document(access.Account, s.document.Party, s.Numbered())
}
