package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/catalog"
	"portico/domain/customer"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
	"portico/internal/sample"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childVariable); url != "" {
		if err := importUntilKilled(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	pgtest.Main(m)
}

var clerk = commands.Caller{
	Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.MustParse("0198c0de-0000-7000-8000-000000000001")}, Roles: []access.Role{"staff"},
	Origin: envelope.Origin{Channel: envelope.ChannelCLI},
}

// shop is a tenant over a store.
type shop struct {
	*Importer
	store eventstore.Store
}

func over(t testing.TB, store eventstore.Store, keys envelope.Keys) shop {
	t.Helper()
	s := open(store, keys)
	_, err := s.Commands.RegisterTenant(t.Context(), clerk, tenant.Register{Settings: tenant.Settings{Name: "Test", TimeZone: "Europe/London", Currency: "GBP"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// open is a shop whose tenant is registered already.
func open(store eventstore.Store, keys envelope.Keys) shop {
	return shop{&Importer{commands.New(store, &envelope.Codec{Catalog: catalog.New(), Keys: keys}, "test")}, store}
}

func newShop(t testing.TB) shop { return over(t, teststore.New(t), &keyring.Memory{}) }

// text opens a file of this content.
func text(content string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }
}

func retailFile(content string) Options {
	return Options{Format: "retail", Open: text(content), By: clerk}
}

func sampleFile() Options {
	return Options{Format: "retail", Name: sample.Name, By: clerk, Open: func() (io.ReadCloser, error) { return sample.Open(), nil }}
}

func (s shop) run(t testing.TB, o Options) Report {
	t.Helper()
	report, err := s.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// log is the whole of history.
func (s shop) log(t testing.TB) []envelope.Event {
	t.Helper()
	var all []envelope.Event
	for at := (eventstore.Position{}); ; {
		page, err := s.store.ReadAll(t.Context(), at, 1_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Events {
			e, err := s.Commands.Codec.Open(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
		if at = page.Next; page.End {
			return all
		}
	}
}

// events counts the log by type.
func (s shop) events(t testing.TB) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, e := range s.log(t) {
		n[e.Type]++
	}
	return n
}

// The totals of expected-totals.json, whose numbers were computed by another program.
func TestTheSampleGivesItsTotals(t *testing.T) {
	s := newShop(t)
	r := s.run(t, sampleFile())
	got := map[string]any{
		"rows": r.Rows, "documents": r.Documents, "customers": r.Customers, "unassigned": r.Unassigned.Documents,
		"exact": r.ExactTotal, "posted": r.PostedTotal, "rest": r.Unassigned.ExactTotal, "rejected": r.RejectedRows, "rounded": r.RoundedLines,
	}
	want := map[string]any{
		"rows": int64(4230), "documents": int64(204), "customers": int64(136), "unassigned": int64(29),
		"exact": "63963.68", "posted": "63963.68", "rest": "4721.36", "rejected": int64(0), "rounded": int64(0),
	}
	for k := range want {
		if got[k] != want[k] {
			t.Errorf("%s = %v, want %v", k, got[k], want[k])
		}
	}
	if r.Invoices+r.CreditMemos+r.Unassigned.Documents != 204 {
		t.Errorf("%d invoices, %d credit memos", r.Invoices, r.CreditMemos)
	}
	if n := int64(len(s.log(t))) - 1; n != r.EventsAppended { // the tenant's own
		t.Errorf("events_appended = %d, the log has %d", r.EventsAppended, n)
	}
}

// The digests are of each customer's net and each document's total, by another program.
func TestTheSampleGivesEachDocumentAndCustomer(t *testing.T) {
	s := newShop(t)
	s.run(t, sampleFile())
	documents, net, numbers := map[string]int64{}, map[string]int64{}, map[uuid.UUID]string{}
	for _, e := range s.log(t) {
		if c, ok := e.Data.(customer.Registered); ok {
			numbers[e.Stream.AggregateID()] = c.Number
		}
	}
	invoices, memos := s.documents(t)
	for number, d := range invoices {
		if documents[number] = d.Gross; d.CustomerID != nil {
			net[numbers[*d.CustomerID]] += d.Gross
		}
	}
	for number, d := range memos {
		if documents[number] = -d.Gross; d.CustomerID != nil {
			net[numbers[*d.CustomerID]] -= d.Gross
		}
	}
	if got := digest(net); got != "6d31d618bf78def10917bc79231cc7da4d509bdf5c7c69d3eb7ba2879b3353b0" {
		t.Errorf("customers: %s", got)
	}
	if got := digest(documents); got != "d2431306f5604daa4eeb254b5c06be4ae94b9fefe9a1e17f84da2611e6b9e179" {
		t.Errorf("documents: %s", got)
	}
}

// digest is the SHA-256 of the sorted lines key=value.
func digest(minor map[string]int64) string {
	var lines []string
	for key, m := range minor {
		lines = append(lines, key+"="+domain.Money{Minor: m, Currency: "GBP"}.String()+"\n")
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:])
}

// TestAWholeFile runs on a file that is too large for the repository.
func TestAWholeFile(t *testing.T) {
	path := os.Getenv("PORTICO_IMPORT_FILE")
	if path == "" {
		t.Skip("PORTICO_IMPORT_FILE names none")
	}
	s := newShop(t)
	if os.Getenv("PORTICO_IMPORT_STORE") == "postgres" {
		pool := pgtest.Pool(t)
		keys, err := keyring.New(pool, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		store := eventstore.OpenPostgres(pool)
		t.Cleanup(store.Close)
		s = over(t, store, keys)
	}
	o := Options{Format: os.Getenv("PORTICO_IMPORT_FORMAT"), Path: path, By: clerk}
	for range 2 {
		t.Logf("%+v", s.run(t, o))
		status, _ := os.ReadFile("/proc/self/status")
		for _, line := range strings.Split(string(status), "\n") {
			if strings.HasPrefix(line, "VmHWM") {
				t.Log(line)
			}
		}
	}
}
