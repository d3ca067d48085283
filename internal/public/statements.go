package public

import (
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/statement"
	"portico/internal/envelope"
)

// StatementIssued is the data of portico.statement.issued.v1.
type StatementIssued struct {
	StatementID    uuid.UUID   `json:"statement_id"`
	Number         string      `json:"number"`
	From           domain.Date `json:"from,omitempty" doc:"The first day; absent: from the beginning"`
	To             domain.Date `json:"to" doc:"The last day"`
	Opening        Amount      `json:"opening" doc:"Balance before the first line"`
	Closing        Amount      `json:"closing" doc:"Balance after the last line"`
	DocumentSHA256 string      `json:"document_sha256" doc:"SHA-256 of the PDF, hex"`
}

var statementKinds = []Kind{
	of("statement.issued", "portico.statement.issued.v1", Customer, "A statement of account was handed out.",
		func(e envelope.Event, d statement.Issued) StatementIssued {
			return StatementIssued{about(e), d.Number, d.From, d.To, Amount(d.Opening), Amount(d.Closing), d.Rendition.SHA256}
		}),
}
