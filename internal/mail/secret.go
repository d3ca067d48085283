package mail

import (
	"context"
	"strings"
)

// SecretMark stands in what is written and kept where the mail that is sent has a secret: the
// end of a link that opens something for its reader. Nobody who reads kept mails can use it.
const SecretMark = "only-in-the-mail"

// revealed is the message as its reader gets it.
func (p *Post) revealed(ctx context.Context, m Message) (Message, error) {
	if p.Secret == nil || !strings.Contains(m.Text, SecretMark) {
		return m, nil
	}
	secret, err := p.Secret(ctx, m.Tenant, m.ID)
	if err != nil {
		return m, err
	}
	m.Text, m.HTML = strings.ReplaceAll(m.Text, SecretMark, secret), strings.ReplaceAll(m.HTML, SecretMark, secret)
	return m, nil
}
