package commands

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
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
