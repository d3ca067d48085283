package session

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Cookies makes the cookie that carries a token. The zero Cookies is for https; Plain is
// for trying Portico out on one's own machine.
type Cookies struct{ Plain bool }

// CookiesFor are those for a configured public URL. Only plain http to this machine itself
// goes without Secure: anywhere else a token would be read on its way.
func CookiesFor(publicURL string) Cookies {
	u, err := url.Parse(publicURL)
	if err != nil || u.Scheme != "http" {
		return Cookies{}
	}
	at, err := netip.ParseAddr(u.Hostname())
	return Cookies{Plain: u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost") || err == nil && at.IsLoopback()}
}

// Name is the cookie's. A browser takes __Host- from this very host over https only, and
// sends it nowhere else.
func (c Cookies) Name() string {
	if c.Plain {
		return "portico"
	}
	return "__Host-portico"
}

// Set is a Set-Cookie that carries a token until the browser is closed.
func (c Cookies) Set(token string) string { return c.cookie(token, 0).String() }

// Clear is a Set-Cookie that takes it away.
func (c Cookies) Clear() string { return c.cookie("", -1).String() }

func (c Cookies) cookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: c.Name(), Value: value, Path: "/", MaxAge: age, Secure: !c.Plain, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// Token is what a request carries; "": nothing. Who sends two has planted one.
func (c Cookies) Token(r *http.Request) string {
	switch sent := r.CookiesNamed(c.Name()); len(sent) {
	case 0:
		return ""
	case 1:
		return sent[0].Value
	}
	return "two"
}

// deviceFor is how long a browser keeps that somebody signed in on it, in seconds.
const deviceFor = 180 * 24 * 3600

func (c Cookies) deviceName() string { return c.Name() + "-device" }

// SetDevice is a Set-Cookie that marks a device as one that its owner has signed in on. It
// opens nothing: strangers who guess passwords elsewhere do not shut it out.
func (c Cookies) SetDevice(token string) string {
	cookie := c.cookie(token, deviceFor)
	cookie.Name, cookie.SameSite = c.deviceName(), http.SameSiteStrictMode
	return cookie.String()
}

// Device is the mark that a request carries; "": none.
func (c Cookies) Device(r *http.Request) string {
	if sent := r.CookiesNamed(c.deviceName()); len(sent) == 1 {
		return sent[0].Value
	}
	return ""
}

// providerFor is how long somebody may be at another provider, in seconds.
const providerFor = 5 * 60

func (c Cookies) providerName() string { return c.Name() + "-provider" }

// SetProvider is a Set-Cookie that ties what comes back from another provider to the browser
// that was sent there. The way back comes from another site: Lax.
func (c Cookies) SetProvider(token string) string {
	cookie := c.cookie(token, providerFor)
	cookie.Name = c.providerName()
	return cookie.String()
}

// Provider is the token of somebody who was sent to another provider; "": nobody was.
func (c Cookies) Provider(r *http.Request) string {
	if sent := r.CookiesNamed(c.providerName()); len(sent) == 1 {
		return sent[0].Value
	}
	return ""
}
