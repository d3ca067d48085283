package tenant

import (
	"math"
	"strconv"
	"strings"

	"portico/domain"
)

// Branding is how the business looks on its documents and in its portal. Texts of several
// lines are kept as they are to be printed, line by line.
type Branding struct {
	Logo    string `json:"logo,omitempty" pattern:"^([0-9a-f]{64})?$" doc:"SHA-256 of an uploaded PNG or JPEG (S1.39)"`
	Colour  string `json:"colour,omitempty" pattern:"^(#[0-9a-fA-F]{6})?$" example:"#0b5394" doc:"Of headings and rules; dark enough to be read on white"`
	Address string `json:"address,omitempty" maxLength:"800" example:"1 Mill Lane\nLeeds LS1 4AB" doc:"As on a letterhead; 8 lines at most"`
	Contact string `json:"contact,omitempty" maxLength:"800" example:"accounts@example.com\nVAT GB 123 4567 89" doc:"Telephone, e-mail, registration numbers; 8 lines at most"`
	Payment string `json:"payment,omitempty" maxLength:"800" example:"IBAN GB33 BUKB 2020 1555 5555 55" doc:"How to pay, such as bank details; 8 lines at most"`
	Footer  string `json:"footer,omitempty" maxLength:"300" doc:"At the foot of every page of a document; 3 lines at most"`
	Welcome string `json:"welcome,omitempty" maxLength:"1000" doc:"What the portal greets contacts with; 20 lines at most"`
}

// Branding is as last changed.
func (s Tenant) Branding() Branding { return s.branding }

// BrandingChanged replaces the branding. Documents that were published keep the one that
// they were drawn with (S0.9).
type BrandingChanged struct{ Branding }

// Evolve replaces it.
func (e BrandingChanged) Evolve(s Tenant) Tenant {
	s.branding = e.Branding
	return s
}

// ChangeBranding replaces the branding. That the logo is an uploaded image is for the
// caller to know.
type ChangeBranding struct{ Branding }

// Decide changes; the same is nothing.
func (c ChangeBranding) Decide(s Tenant) ([]Event, error) {
	branding, err := c.checked()
	if err == nil {
		err = s.known()
	}
	if err != nil || branding == s.branding {
		return nil, err
	}
	return []Event{BrandingChanged{branding}}, nil
}

func (b Branding) checked() (Branding, error) {
	for _, f := range []struct {
		name string
		text *string
		most int
	}{{"address", &b.Address, 8}, {"contact", &b.Contact, 8}, {"payment", &b.Payment, 8}, {"footer", &b.Footer, 3}, {"welcome", &b.Welcome, 20}} {
		var err error
		if *f.text, err = domain.Lines(*f.text, f.name, f.most); err != nil {
			return b, err
		}
	}
	if hex := strings.Trim(b.Logo, "0123456789abcdef"); hex != "" || len(b.Logo) != 0 && len(b.Logo) != 64 {
		return b, domain.Invalid("tenant.logo", "name the logo by the SHA-256 of an uploaded image, in hex")
	}
	b.Colour = strings.ToLower(b.Colour)
	if b.Colour == "" {
		return b, nil
	}
	contrast, ok := onWhite(b.Colour)
	if !ok {
		return b, domain.Invalid("tenant.colour", "%q is not a colour such as #0b5394", b.Colour)
	}
	if contrast < minContrast {
		return b, domain.Invalid("tenant.colour_contrast", "%s cannot be read on white: its contrast is %.1f, and must be %.1f at least", b.Colour, contrast, minContrast)
	}
	return b, nil
}

// minContrast is that of text by WCAG 2.2, level AA.
const minContrast = 4.5

// onWhite is the contrast of a colour #rrggbb with white, by WCAG's formula.
func onWhite(colour string) (contrast float64, ok bool) {
	value, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil || len(colour) != 7 || colour[0] != '#' {
		return 0, false
	}
	linear := func(shift uint) float64 {
		c := float64(value>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	luminance := 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
	return 1.05 / (luminance + 0.05), true
}
