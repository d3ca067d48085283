//go:build linux

package torture

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/invariant"
)

// post asks a node to make something, and answers its id.
func (w *world) post(n *node, path, body string) uuid.UUID {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, n.address+path, strings.NewReader(body))
	must(w.t, err)
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer got.Body.Close()
	var made struct{ ID uuid.UUID }
	if err := json.NewDecoder(got.Body).Decode(&made); err != nil || got.StatusCode != http.StatusCreated {
		w.t.Fatalf("%s: %d, %v", path, got.StatusCode, err)
	}
	return made.ID
}

// erase erases a contact in a process of its own, which dies of it.
func (w *world) erase(id uuid.UUID, env ...string) {
	w.t.Helper()
	cmd := w.command("subject", "erase", id.String(), "--reason", "request", "--confirm", "Erase")
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err == nil {
		w.t.Fatalf("%v: it did not die: %s", env, out)
	}
}

// SECURITY §3.4: killed at each boundary of an erasure, the next process finishes it before
// it reads anything; nodes that had the keys in memory beside it show a tombstone.
func TestKilledDuringAnErasureTheNextFinishesIt(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	n := w.serve()
	customer := w.post(n, "/v1/customers", `{"number":"C-1","legal_name":"Acme"}`)
	contact := func(of int) uuid.UUID {
		return w.post(n, "/v1/contacts", fmt.Sprintf(`{"customer_id":%q,"name":"Jane Planted %d","email":"planted%d@jane.example"}`, customer, of, of))
	}
	var all []uuid.UUID
	for no, place := range []string{"privacy.after_request", "privacy.after_keys", "privacy.after_forgetting", "privacy.after_erased"} {
		id := contact(no)
		all = append(all, id)
		w.erase(id, "PORTICO_FAILPOINT="+place)
		told := string(w.run("history", "--customer", "C-1", "--json"))
		if strings.Contains(strings.ToLower(told), "planted") {
			t.Errorf("%s: history still shows her: %s", place, told)
		}
		for _, typ := range []string{"subject.erasure_requested", "subject.erased", "contact.removed"} {
			if strings.Count(told, `"type":"`+typ+`"`) != len(all) {
				t.Errorf("%s: after %d erasures: %s", place, len(all), told)
			}
		}
	}
	eventually(t, 30*time.Second, "tombstones on the node beside it", func() bool {
		r, _ := http.NewRequest(http.MethodGet, n.address+"/v1/contacts?removed=true&limit=200", nil)
		r.Header.Set("Authorization", "Bearer "+w.token)
		got, err := http.DefaultClient.Do(r)
		must(t, err)
		defer got.Body.Close()
		var page struct{ Items []struct{ Name string } }
		must(t, json.NewDecoder(got.Body).Decode(&page))
		shown := 0
		for _, c := range page.Items {
			if c.Name == "Erased person" {
				shown++
			}
		}
		return shown == len(all)
	})
	w.sound()
	if said, err := os.ReadFile(n.log); err != nil || strings.Contains(strings.ToLower(string(said)), "planted") {
		t.Errorf("the node's log names her: %v", err)
	}
	// The control: keys first, and death before history knows of it. The tombstone is lost.
	w.patience = 5 * time.Second
	w.erase(contact(9), "PORTICO_BREAK=privacy.keys_first", "PORTICO_FAILPOINT=privacy.keys_first")
	w.unsound(invariant.RuleReadModels)
}
