package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

func get(t *testing.T, method, url, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAnAssetIsServedForEver(t *testing.T) {
	for name, at := range all().address {
		plain := all().served[at].plain
		for _, encoding := range []string{"", "gzip, deflate", "gzip, br;q=0", "gzip, deflate, br"} {
			res := get(t, http.MethodGet, URL(name), encoding)
			if res.StatusCode != 200 || res.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
				t.Fatalf("%s: %d %v", name, res.StatusCode, res.Header)
			}
			var got []byte
			switch coded := res.Header.Get("Content-Encoding"); coded {
			case "br":
				got = body(t, brotli.NewReader(res.Body))
			case "gzip":
				z, err := gzip.NewReader(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				got = body(t, z)
			default:
				got = body(t, res.Body)
			}
			if !bytes.Equal(got, plain) {
				t.Errorf("%s with %q is something else", name, encoding)
			}
			if text := compressible(res.Header.Get("Content-Type")); text != (res.Header.Get("Vary") == "Accept-Encoding") {
				t.Errorf("%s: %v", name, res.Header)
			}
		}
	}
}

func TestTheCodingIsWhatWasAsked(t *testing.T) {
	for asked, want := range map[string]string{
		"": "", "identity": "", "gzip": "gzip", "br": "br", "gzip, br": "br", "br;q=0, gzip": "gzip",
		"BR;q=0.5": "br", "br; q=0.0": "", "gzip;q=x": "", "zstd": "",
	} {
		if got := get(t, http.MethodGet, URL(Styles), asked).Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q is answered in %q, not %q", asked, got, want)
		}
	}
}

func TestAnotherHashIsNoAddress(t *testing.T) {
	for _, url := range []string{Prefix, Prefix + "portico.css", Prefix + "0000000000000000/portico.css", URL(Styles) + "/", Prefix + "../go.mod"} {
		if res := get(t, http.MethodGet, url, ""); res.StatusCode != 404 || res.Header.Get("Cache-Control") != "" {
			t.Errorf("%s: %d %v", url, res.StatusCode, res.Header)
		}
	}
	head := get(t, http.MethodHead, URL(Script), "br")
	if head.StatusCode != 200 || head.Header.Get("Content-Length") == "0" || len(body(t, head.Body)) > 0 {
		t.Error("HEAD is GET without the body", head.Header)
	}
	if res := get(t, http.MethodPost, URL(Script), ""); res.StatusCode != 405 {
		t.Error("POST", res.StatusCode)
	}
}

// TestBudgets holds the page budgets of docs/pages.md, as compressed by gzip.
func TestBudgets(t *testing.T) {
	size := func(name string) int { return len(all().served[all().address[name]].gzip) }
	styles, scripts := size(Styles), size(Script)+size(Passkey)
	t.Logf("style sheet %d bytes, scripts %d", styles, scripts)
	if styles > 16<<10 || scripts > 20<<10 {
		t.Errorf("style sheet %d > 16 KB or scripts %d > 20 KB", styles, scripts)
	}
	if font := len(all().served[all().address[Font]].plain); font > 50<<10 {
		t.Errorf("font %d", font)
	}
}

// TestNothingIsLoadedFromElsewhere keeps what the content security policy forbids out of the files.
func TestNothingIsLoadedFromElsewhere(t *testing.T) {
	remote := regexp.MustCompile(`data:|@import|https?://|url\(["']?//|\beval\(|new Function|\.style\b|innerHTML`)
	for _, name := range []string{Styles, Script, Passkey} {
		if found := remote.Find(all().served[all().address[name]].plain); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
	for _, url := range regexp.MustCompile(`url\(["']?([^"')]*)`).FindAllSubmatch(all().served[all().address[Styles]].plain, -1) {
		if res := get(t, http.MethodGet, string(url[1]), ""); res.StatusCode != 200 || !strings.HasPrefix(string(url[1]), Prefix) {
			t.Errorf("the style sheet names %s: %d", url[1], res.StatusCode)
		}
	}
}

// TestVendoredFilesAreThoseThatWereReviewed: a new version is a decision, not a download.
func TestVendoredFilesAreThoseThatWereReviewed(t *testing.T) {
	for name, want := range map[string]string{
		Font:                    "3100e775e8616cd2611beecfa23a4263d7037586789b43f035236a2e6fbd4c62",
		"inter-latin-ext.woff2": "34b9c504cab7a73e37b746343a449132e56cf7b5481af2cb81dc74dcff25c956",
	} {
		if got := sha256.Sum256(all().served[all().address[name]].plain); hex.EncodeToString(got[:]) != want {
			t.Errorf("%s is not the file it was: %x", name, got)
		}
	}
}
