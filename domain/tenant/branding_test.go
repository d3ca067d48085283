package tenant

import (
	"strings"
	"testing"

	"portico/domain/spec"
)

func TestBranding(t *testing.T) {
	logo := strings.Repeat("0f", 32)
	whole := Branding{logo, "#0b5394", "1 Mill Lane\nLeeds", "accounts@example.com", "IBAN GB33", "Registered in England", "Welcome"}
	coloured := func(c string) ChangeBranding { return ChangeBranding{Branding{Colour: c}} }
	spec.Run(t, Types, []spec.Case[Tenant]{
		{Name: "change", Given: events{registered}, When: ChangeBranding{whole}, Then: events{BrandingChanged{whole}}},
		{Name: "change nothing", Given: events{registered, BrandingChanged{whole}}, When: ChangeBranding{whole}},
		{Name: "back to none", Given: events{registered, BrandingChanged{whole}}, When: ChangeBranding{}, Then: events{BrandingChanged{}}},
		{Name: "settings stay", Given: events{registered, BrandingChanged{whole}}, When: ChangeSettings{settings}},
		{Name: "lines are trimmed", Given: events{registered}, When: ChangeBranding{Branding{Address: " 1 Mill Lane \r\n Leeds "}},
			Then: events{BrandingChanged{Branding{Address: "1 Mill Lane\nLeeds"}}}},
		{Name: "of a tenant", When: ChangeBranding{whole}, Code: "tenant.unknown"},
		{Name: "not too many lines", Given: events{registered}, When: ChangeBranding{Branding{Footer: "1\n2\n3\n4"}}, Code: "field.too_many_lines"},
		{Name: "black can be read", Given: events{registered}, When: coloured("#000000"), Then: events{BrandingChanged{Branding{Colour: "#000000"}}}},
		{Name: "grey just so", Given: events{registered}, When: coloured("#767676"), Then: events{BrandingChanged{Branding{Colour: "#767676"}}}},
		{Name: "one way of writing it", Given: events{registered}, When: coloured("#0B5394"), Then: events{BrandingChanged{Branding{Colour: "#0b5394"}}}},
		{Name: "lighter grey cannot", Given: events{registered}, When: coloured("#777777"), Code: "tenant.colour_contrast"},
		{Name: "nor yellow", Given: events{registered}, When: coloured("#ffff00"), Code: "tenant.colour_contrast"},
		{Name: "no names", Given: events{registered}, When: coloured("black"), Code: "tenant.colour"},
		{Name: "no script", Given: events{registered}, When: coloured("#00000g"), Code: "tenant.colour"},
		{Name: "no sign", Given: events{registered}, When: coloured("#+12345"), Code: "tenant.colour"},
		{Name: "the logo is named by its hash", Given: events{registered}, When: ChangeBranding{Branding{Logo: "logo.png"}}, Code: "tenant.logo"},
		{Name: "all of it", Given: events{registered}, When: ChangeBranding{Branding{Logo: logo[1:]}}, Code: "tenant.logo"},
	})
}
