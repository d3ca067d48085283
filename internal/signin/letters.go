package signin

import (
	"github.com/google/uuid"
)

// Letter is a mail to a login that carries a link. It names ids only: the secret in the link is
// made of ID when the mail is sent, and is kept nowhere (docs/signing-in.md).
type Letter struct {
	ID     uuid.UUID // of the mail
	Tenant string
	Topic  string    // password_reset, sign_in_link, email_confirm, email_changed
	Login  uuid.UUID // of nobody's, nothing is sent
	Change uuid.UUID // of e-mail
}
