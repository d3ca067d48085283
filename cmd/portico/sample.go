package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/apikey"
	"portico/domain/contact"
	"portico/domain/tenant"
	"portico/internal/auth"
	"portico/internal/envelope"
	"portico/internal/importer"
	"portico/internal/sample"
)

// sampleCustomer is the number of the customer whose contact gets a key: a real one of
// the sample, with ten invoices.
const sampleCustomer = "17850"

// loadSample makes this installation a sample business, as far as it is not one yet, and
// prints keys and requests to try it with. The keys are new ones at each start: those of
// the last start end.
func (a *app) loadSample(ctx context.Context, address string, out io.Writer) error {
	by := itself()
	settings := tenant.Settings{Name: "Calder Giftware (sample)", TimeZone: "Europe/London", Currency: "GBP", Locale: "en-GB"}
	if _, err := a.commands.ChangeTenantSettings(ctx, by, tenant.ChangeSettings{Settings: settings}); err != nil {
		return err
	}
	by.Origin.Channel = envelope.ChannelImport
	o := importer.Options{Format: "retail", Name: sample.Name, Open: openSample, By: by}
	if _, err := (&importer.Importer{Commands: a.commands}).Run(ctx, o); err != nil {
		return fmt.Errorf("importing the sample: %w", err)
	}
	customerID := commands.ExternalID(tenantCode, "retail", "customer", sampleCustomer)
	person := contact.Add{CustomerID: customerID, Details: contact.Details{Name: "Robin Sample", Email: "robin@example.com", IsPrimary: true}}
	r, err := a.commands.AddContact(ctx, by, domain.DerivedID(customerID, "sample contact"), person)
	if err != nil {
		return err
	}
	keys, err := a.sampleKeys(ctx, by, r.ID)
	if err != nil {
		return err
	}
	if err := a.settle(ctx); err != nil {
		return err
	}
	return a.printSample(out, address, customerID, keys)
}

func openSample() (io.ReadCloser, error) { return sample.Open(), nil }

// sampleKeys are keys for a staff member, an auditor and the contact, in this order.
func (a *app) sampleKeys(ctx context.Context, by commands.Caller, person uuid.UUID) (tokens []string, err error) {
	const mark = "Sample: "
	old, err := a.keys.List(ctx, tenantCode)
	if err != nil {
		return nil, err
	}
	for _, k := range old {
		if strings.HasPrefix(k.Name, mark) && k.RevokedAt == nil {
			why := apikey.Revoke{Because: domain.Because{Reason: domain.Reason{Code: "sample_restarted"}}}
			if _, err := a.keys.Revoke(ctx, by, k.ID, why); err != nil {
				return nil, err
			}
		}
	}
	for _, k := range []auth.NewKey{{Name: mark + "staff", Role: "staff"}, {Name: mark + "auditor", Role: "auditor"}, {Name: mark + "contact", Role: "contact", ContactID: &person}} {
		made, err := a.keys.Create(ctx, by, k)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, made.Token)
	}
	return tokens, nil
}

func (a *app) printSample(out io.Writer, address string, customerID uuid.UUID, keys []string) error {
	_, err := fmt.Fprintf(out, `
Portico serves a sample business on %[1]s

  read the API    %[1]s/docs
  staff key       %[3]s
  auditor key     %[4]s
  contact key     %[5]s   (Robin, of customer %[6]s)

The main job in three requests:

1. Staff record a payment of £100.00; it pays what is due first.
curl -sS -X POST %[1]s/v1/customers/%[2]s/accounts/GBP/payments -H 'Authorization: Bearer %[3]s' -H 'Idempotency-Key: my-first-payment' -H 'Content-Type: application/json' -d '{"amount":{"minor":10000,"currency":"GBP"},"method":"bank_transfer","oldest_first":true}' -D -

2. The customer's contact asks for the balance (their invoices: /v1/invoices).
curl -sS %[1]s/v1/customers/%[2]s/balance -H 'Authorization: Bearer %[5]s'

3. The auditor reads who did what, when, from where and why.
curl -sS '%[1]s/v1/history?customer_id=%[2]s&limit=5' -H 'Authorization: Bearer %[4]s'

`, address, customerID, keys[0], keys[1], keys[2], sampleCustomer)
	return err
}
