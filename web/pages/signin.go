package pages

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"portico/commands"
	"portico/web/ui"
)

// App is an authenticator app that is being set up.
type App struct {
	FactorID, Secret, URL string
	Code                  QR
}

// QR is a square code: how many modules wide it is, and the dark ones as an SVG path, one unit
// a module.
type QR struct {
	Size int
	Path string
}

// box is what a QR code is seen in: the standard wants four light modules around it.
func (q QR) box() string { return fmt.Sprintf("-4 -4 %d %[1]d", q.Size+8) }

// Ways are how somebody may sign in beside a password.
type Ways struct {
	Link     bool // contacts, by a link that is mailed to them
	Provider bool // staff, by another provider
}

// inApp opens an authenticator app. The server makes such addresses; any other is none.
func inApp(to string) templ.SafeURL {
	if strings.HasPrefix(to, "otpauth://") {
		return templ.SafeURL(to)
	}
	return ""
}

// hostOf is where an address leads.
func hostOf(to string) string {
	u, err := url.Parse(to)
	if err != nil {
		return ""
	}
	return u.Host
}

// as is a path under which somebody signs in as staff, or as a customer.
func as(path, realm string) string {
	if realm == "staff" {
		return path + "?realm=staff"
	}
	return path
}

// called is what somebody is here as: a customer's name, or that of the business.
func called(ctx context.Context, m commands.Membership) string {
	return cmp.Or(m.Customer, of(ctx).Tenant.Name)
}

// registerAt is where a registration is sent: it says what the form asked for, so that it can
// be shown again.
func registerAt(needsCode bool, realm string) string {
	q := url.Values{"realm": {realm}}
	if needsCode {
		q.Set("needs_code", "true")
	}
	return "/invitation/accept?" + q.Encode()
}

func relabelled(f ui.Field, label string) ui.Field {
	f.Label = label
	return f
}

func hinted(f ui.Field, hint string) ui.Field {
	f.Hint = hint
	return f
}
