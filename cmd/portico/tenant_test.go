package main

import (
	"path/filepath"
	"strings"
	"testing"

	"portico/internal/pgtest"
)

// An operator adds businesses, says where they are, and says which one a command is about.
func TestTenantsFromTheCommandLine(t *testing.T) {
	s := &settings{databaseURL: pgtest.New(t), keyFile: filepath.Join(t.TempDir(), "kek")}
	s.must(t, "tenant", "add", "calder", "--name", "Calder", "--host", "Portal.Calder.Example.", "--host", "calder.example")
	if out := s.must(t, "keys", "list"); strings.Contains(out, "say which") {
		t.Error(out)
	}
	s.must(t, "tenant", "add", "rival", "--name", "Rival")
	s.must(t, "tenant", "host", "add", "rival.example", "--tenant", "rival")
	for want, args := range map[string][]string{
		"there is a tenant rival already":            {"tenant", "add", "rival", "--name", "Again"},
		"a tenant's code is":                         {"tenant", "add", "No", "--name", "No"},
		"is another tenant's":                        {"tenant", "host", "add", "calder.example", "--tenant", "rival"},
		"is not a host name":                         {"tenant", "host", "add", "a/b", "--tenant", "rival"},
		"say which tenant":                           {"keys", "list"},
		"there is no tenant \"none\": calder, rival": {"keys", "list", "--tenant", "none"},
	} {
		if out, err := s.run(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
	s.must(t, "tenant", "host", "remove", "calder.example", "--tenant", "calder")
	s.must(t, "tenant", "host", "add", "calder.example", "a.example", "--tenant", "rival")
	want := `[{"code":"calder","name":"Calder","hosts":["portal.calder.example"]},` +
		`{"code":"rival","name":"Rival","hosts":["rival.example","calder.example","a.example"]}]`
	if out := s.must(t, "tenant", "list", "--json"); strings.TrimSpace(out) != want {
		t.Errorf("%s", out)
	}
	// The tables are an index: lost, they are made again from history.
	pgtest.Exec(t, s.databaseURL, "delete from portico.hosts", "delete from portico.tenants")
	if out := s.must(t, "tenant", "list", "--json"); strings.TrimSpace(out) != want {
		t.Errorf("made again: %s", out)
	}
	a, err := open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	for host, want := range map[string]string{"portal.calder.example": "calder", "calder.example": "rival", "nobody.example": ""} {
		if got, ok := a.tenants.Of(host); got != want || ok != (want != "") {
			t.Errorf("at %s is %q", host, got)
		}
	}
	for tenant, want := range map[string]string{"calder": "https://portal.calder.example:8443/x", "rival": "https://rival.example:8443/x", "none": "https://public.example:8443/x"} {
		if got := a.tenants.URL("https://public.example:8443/x", tenant); got != want {
			t.Errorf("%s is at %s", tenant, got)
		}
	}
}
