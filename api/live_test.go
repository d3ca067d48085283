package api

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain/access"
)

// A page that follows changes is told when its reader's account changes, and not of others'.
func TestAPageIsToldOfChanges(t *testing.T) {
	w := newWorld(t).live()
	who, _ := w.contactSession()
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	events := w.follows(server.URL, who)
	if got := <-events; got != "follows" {
		t.Fatal(got)
	}
	w.pays(w.theirs.customer)
	select {
	case got := <-events:
		t.Errorf("told %q of another customer's payment", got)
	case <-time.After(1500 * time.Millisecond):
	}
	w.pays(w.ours.customer)
	select {
	case got := <-events:
		if got != "changed" {
			t.Errorf("told %q", got)
		}
	case <-time.After(5 * time.Second):
		t.Error("told nothing of a payment")
	}
}

// More windows of one session than anybody looks at are not told.
func TestWindowsThatFollowAreBounded(t *testing.T) {
	w := newWorld(t).live()
	who, _ := w.contactSession()
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	for range livePerHere {
		<-w.follows(server.URL, who)
	}
	if got := w.as(who, "GET", "/live", ""); got.Code != http.StatusTooManyRequests {
		t.Errorf("%d", got.Code)
	}
}

// Staff are told when an import comes further, and not of what customers see.
func TestStaffAreToldOfImports(t *testing.T) {
	w := newWorld(t).live()
	who, _ := w.staffed(access.Viewer)
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	events := w.follows(server.URL, who)
	if got := <-events; got != "follows" {
		t.Fatal(got)
	}
	w.pays(w.ours.customer)
	select {
	case got := <-events:
		t.Errorf("told %q of a payment", got)
	case <-time.After(1500 * time.Millisecond):
	}
	w.call("integration", "POST", "/v1/imports?format=invoices&profile=generic&name=a.csv", someLedger, "Content-Type", "text/csv").is(202, "")
	select {
	case got := <-events:
		if got != "changed" {
			t.Errorf("told %q", got)
		}
	case <-time.After(5 * time.Second):
		t.Error("told nothing of an import")
	}
}

// Changes are told to pages of those who have signed in, and to nobody else.
func TestChangesAreToldToPages(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		who    requester
		status int
	}{{requester{}, 401}, {w.cookie("bad", "nothing"), 401}, {byKey("staff", w.keys["staff"]), 403}, {byKey("contact", w.keys["contact"]), 403}} {
		if got := w.as(c.who, "GET", "/live", ""); got.Code != c.status {
			t.Errorf("%s: %d, want %d", c.who.name, got.Code, c.status)
		}
	}
	who, _ := w.contactSession()
	if got := w.as(who, "HEAD", "/live", ""); got.Code != 200 {
		t.Errorf("HEAD: %d", got.Code)
	}
}

// follows reads events until the test ends.
func (w *world) follows(base string, who requester) <-chan string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "GET", base+"/live", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set(who.header, who.value)
	got, err := http.DefaultClient.Do(r)
	if err != nil || got.StatusCode != 200 || got.Header.Get("Content-Type") != "text/event-stream" {
		w.t.Fatal(err, got)
	}
	events := make(chan string, 10)
	go func() {
		defer got.Body.Close()
		for lines := bufio.NewScanner(got.Body); lines.Scan(); {
			if name, is := strings.CutPrefix(lines.Text(), "event: "); is {
				events <- name
			}
		}
	}()
	return events
}

func (w *world) pays(customer uuid.UUID) {
	w.t.Helper()
	got := w.call("staff", "POST", "/v1/customers/"+customer.String()+"/accounts/GBP/payments", `{"amount":{"minor":100,"currency":"GBP"},"method":"cash","oldest_first":true}`, "", "")
	if got.Code != http.StatusCreated {
		w.t.Fatal(got.Code, got.Body)
	}
}
