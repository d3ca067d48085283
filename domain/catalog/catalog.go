// Package catalog lists every event type that Portico stores.
package catalog

import (
	"portico/domain"
	"portico/domain/account"
	"portico/domain/apikey"
	"portico/domain/attachment"
	"portico/domain/contact"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/guard"
	"portico/domain/importrun"
	"portico/domain/invitation"
	"portico/domain/invoice"
	"portico/domain/login"
	"portico/domain/reservation"
	"portico/domain/roster"
	"portico/domain/staff"
	"portico/domain/statement"
	"portico/domain/subject"
	"portico/domain/tenant"
	"portico/domain/webhook"
)

// New is the whole vocabulary, an aggregate a line.
func New() *domain.Catalog {
	return domain.NewCatalog(
		tenant.Types,
		customer.Types,
		contact.Types,
		invoice.Types,
		creditmemo.Types,
		account.Types,
		reservation.Types,
		apikey.Types,
		importrun.Types,
		statement.Types,
		attachment.Types,
		webhook.Types,
		subject.Types,
		login.Types,
		staff.Types,
		roster.Types,
		invitation.Types,
		guard.Types,
	)
}
