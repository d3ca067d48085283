package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/apikey"
	"portico/domain/contact"
	"portico/domain/importrun"
	"portico/internal/envelope"
)

// IssueAPIKey records that a key is given out. The key itself is internal/auth's.
func (c *Commands) IssueAPIKey(ctx context.Context, by Caller, id uuid.UUID, cmd apikey.Issue) (Receipt, *uuid.UUID, error) {
	if err := by.May(access.ManageSystem); err != nil {
		return Receipt{}, nil, err
	}
	if cmd.Role == "auditor" && by.Origin.Channel != envelope.ChannelCLI {
		return Receipt{}, nil, domain.Forbidden("api_key.auditor", "who is audited does not make auditors: the operator does, by portico keys create")
	}
	for _, has := range access.Capabilities([]access.Role{access.Role(cmd.Role)}) {
		if by.Origin.Channel != envelope.ChannelCLI && by.May(has) != nil { // whoever has the key may all of it (7.2.1)
			return Receipt{}, nil, domain.Forbidden("api_key.not_held", "you can make a key only for what you may do yourself")
		}
	}
	if cmd.ContactID != nil {
		person, err := peek[contact.Contact](ctx, c, by.Tenant, "contact", *cmd.ContactID)
		if err != nil {
			return Receipt{}, nil, err
		}
		customerID := person.CustomerID()
		if customerID == uuid.Nil {
			return Receipt{}, nil, domain.NotFound("contact.unknown", "there is no contact %s", cmd.ContactID)
		}
		cmd.CustomerID = &customerID
	}
	r, err := run(ctx, c, by, about(by, "IssueAPIKey", "apikey", id), decision[apikey.Key]{cmd: cmd})
	return r, cmd.CustomerID, err
}

// RevokeAPIKey records that a key opens nothing any more.
func (c *Commands) RevokeAPIKey(ctx context.Context, by Caller, id uuid.UUID, cmd apikey.Revoke) (Receipt, error) {
	if err := by.May(access.ManageSystem); err != nil {
		return Receipt{}, err
	}
	return run(ctx, c, by, about(by, "RevokeAPIKey", "apikey", id), decision[apikey.Key]{cmd: cmd})
}

// StartImport records that a file is being imported.
func (c *Commands) StartImport(ctx context.Context, by Caller, id uuid.UUID, cmd importrun.Start) (Receipt, error) {
	if err := by.May(access.ImportLedgers); err != nil {
		return Receipt{}, err
	}
	return run(ctx, c, by, about(by, "StartImport", "import", id), decision[importrun.Run]{cmd: cmd})
}

// FinishImport records what came of it.
func (c *Commands) FinishImport(ctx context.Context, by Caller, id uuid.UUID, cmd importrun.Finish) (Receipt, error) {
	if err := by.May(access.ImportLedgers); err != nil {
		return Receipt{}, err
	}
	return run(ctx, c, by, about(by, "FinishImport", "import", id), decision[importrun.Run]{cmd: cmd})
}
