package tenant

import (
	"net/mail"
	"strings"

	"portico/domain"
)

// MailSettings are how the tenant's mails look to whom they go.
type MailSettings struct {
	FromName        string `json:"from_name,omitempty" maxLength:"100" example:"Portico Ltd" doc:"The tenant's name if left out"`
	FromAddress     string `json:"from_address,omitempty" maxLength:"254" example:"billing@example.com" doc:"The server's own sender if left out. The domain must allow the server's relay to send for it (SPF, DKIM)"`
	ReplyTo         string `json:"reply_to,omitempty" maxLength:"254" doc:"Where answers go; left out: to the sender"`
	AttachDocuments bool   `json:"attach_documents,omitempty" doc:"Send the published document along, not only the news of it"`
}

// MailSettingsChanged replaces the mail settings.
type MailSettingsChanged struct{ MailSettings }

// Evolve replaces them.
func (e MailSettingsChanged) Evolve(s Tenant) Tenant {
	s.mail = e.MailSettings
	return s
}

// ChangeMailSettings says how mails look.
type ChangeMailSettings struct{ MailSettings }

// Decide changes; the same is nothing.
func (c ChangeMailSettings) Decide(s Tenant) ([]Event, error) {
	settings, err := c.checked()
	if err == nil {
		err = s.known()
	}
	if err != nil || settings == s.mail {
		return nil, err
	}
	return []Event{MailSettingsChanged{settings}}, nil
}

func (v MailSettings) checked() (MailSettings, error) {
	if v.FromName != "" {
		name, err := domain.Trimmed(v.FromName, "from_name")
		if err != nil {
			return v, err
		}
		v.FromName = name
	}
	for _, address := range []*string{&v.FromAddress, &v.ReplyTo} {
		if *address = strings.TrimSpace(*address); *address == "" {
			continue
		}
		if err := checkAddress(*address); err != nil {
			return v, err
		}
	}
	return v, nil
}

// checkAddress refuses what is not one plain address, without a name.
func checkAddress(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 || strings.ContainsAny(s, ", ;\"<>") {
		return domain.Invalid("tenant.mail_address", "%q is not an e-mail address", s)
	}
	return nil
}
