package api

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"portico/domain/access"
	"portico/internal/journal"
	"portico/projections"
)

// 10.2.1.3, 10.2.2: what history shows with some filters is what is handed out with them, all of
// its pages and nothing else, by whom, when, what, from where and how it came off; that too is on record.
func TestHistoryIsHandedOutAsItIsShown(t *testing.T) {
	w := newWorld(t).live()
	auditor, _ := w.staffed(access.Auditor)
	w.issued()
	made := w.call("staff", "POST", "/v1/customers", `{"number":"C-9","legal_name":"=1+1","country":"GB","currency":"GBP"}`, "User-Agent", "=2+2").is(201, "")
	for _, f := range []url.Values{{}, {"actor_id": {bySystem.Actor.ID.String()}}, {"type": {"customer.registered"}}, {"to": {"2020-01-01T00:00:00Z"}}} {
		var want []string
		page := projections.HistoryPage{More: true}
		for page.More {
			q := url.Values{"limit": {"3"}, "after": {page.Next}}
			for name := range f {
				q.Set(name, f.Get(name))
			}
			if page.Next == "" {
				q.Del("after")
			}
			page = projections.HistoryPage{}
			w.call("auditor", "GET", "/v1/history?"+q.Encode(), "", "Portico-Position", made.Header().Get("Portico-Position")).is(200, "").into(&page)
			for _, e := range page.Events {
				line, err := json.Marshal(HistoryLine{e, journal.Success})
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, string(line))
			}
		}
		got := w.as(auditor, "GET", "/v1/history/export?"+f.Encode(), "").is(200, "").Body.String()
		if strings.Join(want, "\n") != strings.TrimSpace(got) || len(want) == 0 && !f.Has("to") {
			t.Errorf("%v: shown are\n%s\nhanded out\n%s", f, strings.Join(want, "\n"), got)
		}
	}

	table, err := csv.NewReader(w.as(auditor, "GET", "/audit/history/export?format=csv&type=customer.registered", "").is(200, "").Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	last := table[len(table)-1]
	at := func(column string) string { return last[slices.Index(table[0], column)] }
	if at("actor_kind") != "staff" || at("actor_id") == "" || at("type") != "customer.registered" || at("recorded_at") == "" || at("outcome") != "success" ||
		at("channel") != "api" || at("ip") == "" || !strings.HasPrefix(at("stream"), "main.customer-") || !strings.Contains(at("data"), "C-9") {
		t.Errorf("of the six fields: %q", last)
	}
	if at("user_agent") != "'=2+2" {
		t.Errorf("a spreadsheet would run %q", at("user_agent"))
	}
	for _, who := range []string{"staff", "contact", "integration"} {
		w.call(who, "GET", "/v1/history/export", "").is(403, "caller.forbidden")
	}
	taken := w.entries(journal.Filter{Kind: "exported"})
	var told []string
	for _, e := range taken {
		told = append(told, fmt.Sprint(e.Outcome, " ", e.Target.Kind, " ", e.Detail["operation"], " ", e.Detail["filter"]))
	}
	if want := []string{"success audit_log DownloadHistory format,type", "success audit_log ExportHistory to", "success audit_log ExportHistory type",
		"success audit_log ExportHistory actor_id", "success audit_log ExportHistory "}; !slices.Equal(told, want) {
		t.Errorf("on record: %q", told)
	}
}

// The buttons of a page hand out what it shows: its filters, and its own last days for want of any.
func TestAPageHandsOutWhatItShows(t *testing.T) {
	w := newWorld(t).live()
	auditor, _ := w.staffed(access.Auditor)
	w.call("contact", "GET", "/v1/customers", "").is(403, "")
	w.call("auditor", "GET", "/v1/customers", "")
	shown := w.as(auditor, "GET", "/audit/journal?outcome=denied", "").says(t, 200, `href="/audit/journal/export?format=csv&amp;outcome=denied"`)
	lines := strings.Split(strings.TrimSpace(w.as(auditor, "GET", "/audit/journal/export?format=ndjson&outcome=denied", "").is(200, "").Body.String()), "\n")
	if rows := strings.Count(shown, "<tr") - 1; rows != len(lines) || rows == 0 {
		t.Errorf("%d rows are shown, %d handed out", rows, len(lines))
	}
	w.as(auditor, "GET", "/audit/history", "").says(t, 200, "The last 7 days", `href="/audit/history?ever=true"`, `"/audit/history/export?format=csv"`)
	w.as(auditor, "GET", "/audit/history?ever=true", "").says(t, 200, "!The last 7 days", "!From (UTC):", `export?ever=true&amp;format=csv`)
	w.as(auditor, "GET", "/audit/history?from=2020-01-01", "").says(t, 200, "From (UTC): 2020-01-01", `href="/audit/history?ever=true"`)
	old := w.a.Clock
	w.a.Clock = func() time.Time { return old().AddDate(0, 0, lastDays+1) }
	w.a.Sessions.Clock = old
	for at, none := range map[string]bool{"/audit/history": true, "/audit/history?ever=true": false} {
		w.as(auditor, "GET", at, "").says(t, 200, map[bool]string{true: "Nothing was recorded", false: "Customer"}[none])
	}
}

// 10.3.4: an auditor sees what came of the last check, not of the one before, and who never made one.
func TestAuditorsSeeWhatCameOfTheLastCheck(t *testing.T) {
	w := newWorld(t)
	auditor, _ := w.staffed(access.Auditor)
	checked := func(kind, outcome, findings string) {
		t.Helper()
		by := bySystem
		if err := w.a.Journal.Write(t.Context(), journal.Record{Tenant: "main", Kind: kind, Outcome: outcome, Actor: by.Actor, Origin: by.Origin,
			Target: journal.Target{Kind: "event_log"}, Detail: map[string]string{"findings": findings, "checked": "4711"}}); err != nil {
			t.Fatal(err)
		}
	}
	w.as(auditor, "GET", "/audit/integrity", "").says(t, 200, "Not checked yet", "portico log verify", "!As it was written")
	checked(journal.LogVerified, journal.Failure, "2")
	checked(journal.LogVerified, journal.Success, "0")
	checked(journal.JournalVerified, journal.Failure, canary)
	w.as(auditor, "GET", "/audit/integrity", "").says(t, 200, "As it was written", "4711 events", "Findings: ", "!Findings: 2", "!"+canary)
}
