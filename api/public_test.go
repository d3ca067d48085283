package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

func TestHealthAndReadinessNeedNoKeyAndTellNoDetails(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.a.Clock = func() time.Time { return now }
	var failing error
	asked := 0
	w.a.Checks = []Check{
		{"database", func(ctx context.Context) error { asked++; return w.db.Ping(ctx) }},
		{"projections", func(context.Context) error { return failing }},
	}
	w.call("", "GET", "/healthz", "").is(200, "")
	if got := w.call("", "GET", "/readyz", "").is(200, "").Body.String(); !strings.Contains(got, `"projections":"ok"`) {
		t.Error(got)
	}
	failing = errors.New("secret host is down")
	w.call("", "GET", "/readyz", "").is(200, "") // for a second it is not asked again
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	now = now.Add(time.Second)
	got := w.call("", "GET", "/readyz", "")
	if got.Code != 503 || strings.Contains(got.Body.String(), "secret") || !strings.Contains(got.Body.String(), `"projections":"failing"`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if !strings.Contains(w.log.String(), "secret host is down") {
		t.Error("the log does not say why")
	}
}

func TestMetricsCountWhatHappened(t *testing.T) {
	w := newWorld(t)
	d := w.a.Deps
	d.Progress = func(context.Context) ([]Progress, error) {
		return []Progress{{Kind: "group", Name: "portal", Lag: 1500 * time.Millisecond, Events: 7, Parked: 2, Fenced: 3,
			Batches: 4, BatchSeconds: 0.5, Lanes: map[int]time.Duration{1: time.Second}}}, nil
	}
	d.Room = func(context.Context) (float64, error) { return 0.75, nil }
	w.a.metrics = newMetrics(d)
	w.a.router.Get("/metrics2", w.a.metrics.handler().ServeHTTP)
	w.call("staff", "POST", "/v1/customers", nine).is(201, "")
	w.call("staff", "POST", "/v1/customers", `{}`).is(422, "")
	w.call("", "GET", "/v1/"+strings.Repeat("x", 50), "").is(404, "")
	w.call("", "GET", "/metrics", "").is(200, "")
	got := w.call("", "GET", "/metrics2", "").is(200, "").Body.String()
	for _, want := range []string{
		`portico_http_request_seconds_count{operation="RegisterCustomer",status="201"} 1`,
		`portico_http_request_seconds_count{operation="RegisterCustomer",status="422"} 1`,
		`portico_http_request_seconds_count{operation="none",status="404"} 1`,
		`portico_events_appended_total{operation="RegisterCustomer"} 1`,
		`portico_lag_seconds{kind="group",name="portal"} 1.5`, `portico_lag_events{kind="group",name="portal"} 7`,
		`portico_parked{kind="group",name="portal"} 2`, `portico_fenced_total{kind="group",name="portal"} 3`, `go_goroutines`,
		`portico_batches_total{kind="group",name="portal"} 4`, `portico_batch_seconds_total{kind="group",name="portal"} 0.5`,
		`portico_lane_lag_seconds{kind="group",lane="1",name="portal"} 1`, `portico_log_room_partitions 0.75`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestTheReadingPageLoadsNothingFromElsewhere(t *testing.T) {
	w := newWorld(t)
	page := w.call("", "GET", "/docs", "").is(200, "")
	policy := page.Header().Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy %s", policy)
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1) {
		if !strings.HasPrefix(m[1], "/") || strings.HasPrefix(m[1], "//") {
			t.Errorf("the page refers to %s", m[1])
		}
		if got := w.call("", "GET", m[1], "").is(200, ""); got.Body.Len() < 100 || strings.HasPrefix(got.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %s, %d bytes", m[1], got.Header().Get("Content-Type"), got.Body.Len())
		}
	}
	if got := w.call("", "GET", "/docs/", ""); got.Code != 404 {
		t.Errorf("/docs/ lists files: %d", got.Code)
	}
}

func TestTheDocumentIsTheSameInJSONAndYAML(t *testing.T) {
	w := newWorld(t)
	got := w.call("", "GET", "/openapi.yaml", "").is(200, "")
	doc, err := openapi3.NewLoader().LoadFromData(got.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	fromYAML, err1 := doc.MarshalJSON()
	fromJSON, err2 := w.doc.MarshalJSON()
	if err := errors.Join(err1, err2); err != nil || string(fromYAML) != string(fromJSON) {
		t.Errorf("%v\n%s\n%s", err, fromYAML, fromJSON)
	}
}

// TestTheDocumentSaysWhatIsSecretOrExact: no field could hold a card number, no amount is
// a floating-point number, ids and dates say that they are.
func TestTheDocumentSaysWhatIsSecretOrExact(t *testing.T) {
	w := newWorld(t)
	if err := w.a.checkSchemas(); err != nil {
		t.Error(err)
	}
	card := regexp.MustCompile(`(?i)(^|_)(pan|cvv|cvc|card_?number|track)(_|$)`)
	for name, s := range w.doc.Components.Schemas {
		for field, of := range s.Value.Properties {
			if card.MatchString(field) {
				t.Errorf("%s.%s", name, field)
			}
			if f := of.Value; f.Type.Is("string") && strings.HasSuffix(field, "_on") && f.Format != "date" || field == "id" && f.Format != "uuid" {
				t.Errorf("%s.%s has format %q", name, field, f.Format)
			}
		}
	}
}

func TestTheServerOutwaitsNobody(t *testing.T) {
	s := Server(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("%+v", s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.ReadHeaderTimeout = 100 * time.Millisecond
	go func() { _ = s.Serve(listener) }()
	defer s.Close()
	for name, request := range map[string]string{"slow": "GET / HTTP/1.1\r\nHost: x\r\nX: ", "large": "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"} {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, request) // the server may hang up meanwhile
		_ = conn.SetReadDeadline(time.Now().Add(3 * time.Second))
		answer, err := io.ReadAll(conn)
		var late net.Error
		if errors.As(err, &late) && late.Timeout() || strings.Contains(string(answer), "200 OK") || strings.Contains(string(answer), "404") {
			t.Errorf("%s: %v %s", name, err, answer)
		}
		conn.Close()
	}
}
