package commands

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/apikey"
	"portico/internal/envelope"
)

// Who is audited does not make auditors: over HTTP nobody does, at the console the operator.
func TestAuditorsAreMadeByTheOperator(t *testing.T) {
	w := open(t)
	for channel, code := range map[string]string{envelope.ChannelAPI: "api_key.auditor", envelope.ChannelCLI: ""} {
		by := staffMember()
		by.Origin.Channel = channel
		_, _, err := w.IssueAPIKey(w.ctx(), by, uuid.New(), apikey.Issue{Name: "Kay", Role: "auditor"})
		if domain.CodeOf(err) != code {
			t.Errorf("by %s: %v, want code %q", channel, err, code)
		}
	}
}

// PCI DSS v4 7.2.1: nobody comes by a key to what their roles do not let them do.
func TestAKeyMayNoMoreThanWhoMakesIt(t *testing.T) {
	w := open(t)
	for maker, makes := range map[access.Role]map[string]string{
		access.Administrator: {"staff": "api_key.not_held", "integration": "api_key.not_held"},
		access.Owner:         {"staff": "", "integration": ""},
		access.Staff:         {"staff": "", "integration": ""},
	} {
		for role, want := range makes {
			by := staffMember()
			by.Roles, by.Origin.Channel = []access.Role{maker}, envelope.ChannelAPI
			_, _, err := w.IssueAPIKey(w.ctx(), by, uuid.New(), apikey.Issue{Name: "Kay", Role: role})
			if domain.CodeOf(err) != want {
				t.Errorf("%s makes a key for %s: %v", maker, role, err)
			}
		}
	}
}
