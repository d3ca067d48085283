package webhook

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

type events = []Event

func TestWebhook(t *testing.T) {
	acme, now := uuid.UUID{2}, time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	because := domain.Because{Reason: domain.Reason{Code: "moved"}}
	erp := Endpoint{URL: "https://erp.example.com/in?key=1", Types: []string{"portico.invoice.*", "portico.payment.received.v1"}}
	at := func(url string) Register { return Register{Endpoint: Endpoint{URL: url}} }
	there := Registered{Endpoint: erp}
	off, gone := Disabled{Why: "staff"}, Removed{}
	hours := func(n int) *int { return &n }
	spec.Run(t, Types, []spec.Case[Webhook]{
		{Name: "the business's own", When: Register{Endpoint: Endpoint{URL: " https://erp.example.com/in?key=1 ", Types: []string{erp.Types[1], erp.Types[0], erp.Types[1]}}}, Then: events{there}},
		{Name: "a customer's", When: Register{erp, &acme}, Then: events{Registered{erp, &acme}}},
		{Name: "once", Given: events{there}, When: Register{Endpoint: erp}, Code: "webhook.exists"},
		{Name: "not again after it was removed", Given: events{there, gone}, When: Register{Endpoint: erp}, Code: "webhook.exists"},
		{Name: "no url", When: at("erp"), Code: "webhook.url"},
		{Name: "no host", When: at("https:///in"), Code: "webhook.url"},
		{Name: "another scheme", When: at("ftp://erp.example.com"), Code: "webhook.url"},
		{Name: "a name and password", When: at("https://me:secret@erp.example.com"), Code: "webhook.url_user"},
		{Name: "a fragment", When: at("https://erp.example.com/#in"), Code: "webhook.url_fragment"},
		{Name: "no type", When: Register{Endpoint: Endpoint{URL: erp.URL, Types: []string{"*"}}}, Code: "webhook.type"},
		{Name: "a star in the middle", When: Register{Endpoint: Endpoint{URL: erp.URL, Types: []string{"portico.*.v1"}}}, Code: "webhook.type"},
		{Name: "change", Given: events{there}, When: Change{Endpoint{URL: "https://b.example.com"}}, Then: events{Changed{Endpoint{URL: "https://b.example.com"}}}},
		{Name: "change nothing", Given: events{there}, When: Change{erp}},
		{Name: "change what is gone", Given: events{there, gone}, When: Change{erp}, Code: "webhook.unknown"},
		{Name: "rotate", Given: events{there}, When: Rotate{Now: now}, Then: events{SecretRotated{2, now.Add(24 * time.Hour)}}},
		{Name: "rotate again", Given: events{there, SecretRotated{2, now}}, When: Rotate{hours(1), now}, Then: events{SecretRotated{3, now.Add(time.Hour)}}},
		{Name: "rotate what has leaked", Given: events{there}, When: Rotate{hours(0), now}, Then: events{SecretRotated{2, now}}},
		{Name: "overlap for ever", Given: events{there}, When: Rotate{hours(169), now}, Code: "webhook.overlap"},
		{Name: "overlap backwards", Given: events{there}, When: Rotate{hours(-1), now}, Code: "webhook.overlap"},
		{Name: "rotate nothing", When: Rotate{Now: now}, Code: "webhook.unknown"},
		{Name: "disable", Given: events{there}, When: Disable{Because: because}, Then: events{off}},
		{Name: "disable once", Given: events{there, off}, When: Disable{Because: because}},
		{Name: "disable without a reason", Given: events{there}, When: Disable{}, Code: "reason.missing"},
		{Name: "disable what fails", Given: events{there}, When: Disable{because, "failing", now}, Then: events{Disabled{"failing", now}}},
		{Name: "enable", Given: events{there, off}, When: Enable{}, Then: events{Enabled{}}},
		{Name: "enable once", Given: events{there}, When: Enable{}},
		{Name: "enable what is gone", Given: events{there, gone}, When: Enable{}, Code: "webhook.unknown"},
		{Name: "remove", Given: events{there, off}, When: Remove{because}, Then: events{gone}},
		{Name: "remove once", Given: events{there, gone}, When: Remove{because}},
		{Name: "remove nothing", When: Remove{because}, Code: "webhook.unknown"},
		{Name: "remove without a reason", Given: events{there}, When: Remove{}, Code: "reason.missing"},
	})
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Webhook](t, Types) }

func TestAnEndpointWantsWhatItNames(t *testing.T) {
	e := Endpoint{Types: []string{"portico.invoice.*", "portico.payment.received.v1"}}
	for typ, want := range map[string]bool{
		"portico.invoice.issued.v1": true, "portico.invoice.voided.v2": true, "portico.payment.received.v1": true,
		"portico.payment.received.v2": false, "portico.payment.received.v11": false, "portico.invoices.x": false, "portico.invoice": false,
	} {
		if e.Wants(typ) != want {
			t.Errorf("%s: %t", typ, !want)
		}
	}
	if !(Endpoint{}).Wants("portico.whatever.v1") {
		t.Error("who names nothing wants all")
	}
}
