package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/apikey"
	"portico/domain/contact"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/auth"
	"portico/internal/envelope"
	"portico/internal/files"
	"portico/internal/importer"
	"portico/internal/sample"
)

// sampleCustomer is the number of the customer whose contact gets a key: a real one of
// the sample, with ten invoices.
const sampleCustomer = "17850"

// loadSample makes this installation a sample business, as far as it is not one yet, and
// prints keys and requests to try it with. The keys are new ones at each start: those of
// the last start end.
func (a *app) loadSample(ctx context.Context, address string, visitors *samplePeople, out io.Writer) error {
	by := a.itself()
	settings := tenant.Settings{Name: "Calder Giftware (sample)", TimeZone: "Europe/London", Currency: "GBP", Locale: "en-GB"}
	if _, err := a.commands.ChangeTenantSettings(ctx, by, tenant.ChangeSettings{Settings: settings}); err != nil {
		return err
	}
	if err := a.sampleBranding(ctx, by); err != nil {
		return err
	}
	by.Origin.Channel = envelope.ChannelImport
	o := importer.Options{Format: "retail", Name: sample.Name, Open: openSample, By: by}
	if _, err := (&importer.Importer{Commands: a.commands}).Run(ctx, o); err != nil {
		return fmt.Errorf("importing the sample: %w", err)
	}
	if err := a.sampleTrade(ctx, by); err != nil {
		return err
	}
	customerID := a.sampleCustomer(sampleCustomer)
	person := contact.Add{CustomerID: customerID, Details: contact.Details{Name: "Robin Sample", Email: "robin@example.com", IsPrimary: true}, Grants: access.Everything()}
	r, err := a.commands.AddContact(ctx, by, domain.DerivedID(customerID, "sample contact"), person)
	if err != nil {
		return err
	}
	by.Origin.Channel = envelope.ChannelCLI // what is imported tells nobody
	keys, err := a.sampleKeys(ctx, by, r.ID)
	if err != nil {
		return err
	}
	invoiceID, err := a.sampleInvoice(ctx, by, customerID)
	if err != nil {
		return err
	}
	if err := visitors.join(ctx, a, r.ID); err != nil {
		return err
	}
	if err := a.settle(ctx); err != nil {
		return err
	}
	return a.printSample(out, address, sampleThings{customerID, invoiceID, keys, visitors.ends})
}

// sampleThings are what the printed requests are about.
type sampleThings struct {
	customerID, invoiceID uuid.UUID
	keys                  []string // of staff, auditor, contact
	ends                  []string // of sign-in addresses: contact, owner, auditor
}

// sampleBranding is how the sample business's documents look.
func (a *app) sampleBranding(ctx context.Context, by commands.Caller) error {
	logo, err := a.files.Accept(ctx, files.Upload{Name: "logo.png", MediaType: "image/png", Body: bytes.NewReader(sample.Logo)})
	if err != nil {
		return err
	}
	if err := a.uploads.Record(ctx, files.Sender{Tenant: by.Tenant, Kind: by.Actor.Kind, ID: by.Actor.ID}, logo); err != nil {
		return err
	}
	_, err = a.commands.ChangeBranding(ctx, by, tenant.ChangeBranding{Branding: tenant.Branding{
		Logo: logo.SHA256, Colour: "#0b5c5c",
		Address: "Unit 4, Calder Wharf\nHebden Bridge HX7 6AA",
		Contact: "+44 1632 960 000\naccounts@calder-giftware.example\nVAT GB 000 0000 00",
		Welcome: "Welcome to your account with us. Your invoices and payments are here, day and night.",
		Payment: "Calder Giftware (sample)\nSort code 00-00-00, account 00000000",
		Footer:  "A sample business: nothing here is owed to anybody.",
	}})
	return err
}

// sampleInvoice is one that staff issue and publish: it is drawn, and its customer's
// contact is told by mail. Starting again is the same request, and so no second invoice.
func (a *app) sampleInvoice(ctx context.Context, by commands.Caller, customerID uuid.UUID) (uuid.UUID, error) {
	by.CommandID = domain.DerivedID(customerID, "sample invoice")
	r, err := a.commands.IssueInvoice(ctx, by, uuid.Nil, invoice.Issue{Publish: true, Content: invoice.Content{
		Number: "CG-1001", Party: domain.Party{CustomerID: &customerID}, Reference: "PO 4711",
		Lines: []domain.LineInput{
			{SKU: "CG-SVC", Text: "Display stand, assembled and delivered", Quantity: "2", UnitPrice: "64.50", TaxCode: "VAT20", TaxRate: "20"},
			{SKU: "CG-GFT", Text: "Gift hamper “Calder Valley”", Quantity: "12", UnitPrice: "18.75", Discount: "5", TaxCode: "VAT20", TaxRate: "20"},
		},
	}})
	return r.ID, err
}

func openSample() (io.ReadCloser, error) { return sample.Open(), nil }

// sampleKeys are keys for a staff member, an auditor and the contact, in this order.
func (a *app) sampleKeys(ctx context.Context, by commands.Caller, person uuid.UUID) (tokens []string, err error) {
	const mark = "Sample: "
	old, err := a.keys.List(ctx, a.tenant)
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

func (a *app) printSample(out io.Writer, address string, t sampleThings) error {
	var ways strings.Builder
	for i, end := range t.ends {
		fmt.Fprintf(&ways, "  %-16s%s/sample/%s\n", []string{"a customer", "the office", "an auditor"}[i], address, end)
	}
	if len(t.ends) > 0 {
		fmt.Fprintln(&ways, "\nEach address signs you in until this server stops; open several in windows of their own.")
	}
	_, err := fmt.Fprintf(out, `
Portico serves a sample business on %[1]s

%[8]s
  read the API    %[1]s/docs
  staff key       %[3]s
  auditor key     %[4]s
  contact key     %[5]s   (Robin, of customer %[6]s)

The main job in five requests:

1. Staff record a payment of £100.00; it pays what is due first.
curl -sS -X POST %[1]s/v1/customers/%[2]s/accounts/GBP/payments -H 'Authorization: Bearer %[3]s' -H 'Idempotency-Key: my-first-payment' -H 'Content-Type: application/json' -d '{"amount":{"minor":10000,"currency":"GBP"},"method":"bank_transfer","oldest_first":true}' -D -

2. The customer's contact asks for the balance (their invoices: /v1/invoices).
curl -sS %[1]s/v1/customers/%[2]s/balance -H 'Authorization: Bearer %[5]s'

3. The auditor reads who did what, when, from where and why.
curl -sS '%[1]s/v1/history?customer_id=%[2]s&limit=5' -H 'Authorization: Bearer %[4]s'

4. The contact downloads the invoice that staff published: always these very bytes.
curl -sS -OJ %[1]s/v1/invoices/%[7]s/document -H 'Authorization: Bearer %[5]s'

5. Staff read the mail that told the contact of it: without --smtp-url mails are kept here.
curl -sS %[1]s/v1/mails -H 'Authorization: Bearer %[3]s'

`, address, t.customerID, t.keys[0], t.keys[1], t.keys[2], sampleCustomer, t.invoiceID, ways.String())
	return err
}
