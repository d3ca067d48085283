package session

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCookies(t *testing.T) {
	for url, want := range map[string]string{
		"https://portal.example.com": "__Host-portico=t; Path=/; HttpOnly; Secure; SameSite=Lax",
		"http://portal.example.com":  "__Host-portico=t; Path=/; HttpOnly; Secure; SameSite=Lax",
		"http://10.0.0.1:8080":       "__Host-portico=t; Path=/; HttpOnly; Secure; SameSite=Lax",
		"":                           "__Host-portico=t; Path=/; HttpOnly; Secure; SameSite=Lax",
		"http://127.0.0.1:8080":      "portico=t; Path=/; HttpOnly; SameSite=Lax",
		"http://[::1]:8080":          "portico=t; Path=/; HttpOnly; SameSite=Lax",
		"http://localhost:8080":      "portico=t; Path=/; HttpOnly; SameSite=Lax",
		"https://localhost":          "__Host-portico=t; Path=/; HttpOnly; Secure; SameSite=Lax",
	} {
		c := CookiesFor(url)
		if got := c.Set("t"); got != want {
			t.Errorf("%s: %s", url, got)
		}
		if !strings.Contains(c.Clear(), "Max-Age=0") {
			t.Error(c.Clear())
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Add("Cookie", "__Host-portico=a")
	if got := (Cookies{}).Token(r); got != "a" {
		t.Error(got)
	}
	r.Header.Add("Cookie", "__Host-portico=b")
	if got := (Cookies{}).Token(r); got == "a" || got == "b" {
		t.Errorf("of two, %s is taken", got)
	}
}
