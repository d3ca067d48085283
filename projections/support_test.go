package projections

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portico/domain"
	"portico/domain/account"
)

func same[T any](t testing.TB, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func replaceToday(sql string) string { return strings.ReplaceAll(sql, "@today", "'2026-06-15'") }

func writeOff() account.WriteOffInvoice { return account.WriteOffInvoice{Because: why} }

// code fails unless err is a refusal with a code.
func code(t testing.TB, want string, err error) {
	t.Helper()
	if got := domain.CodeOf(err); got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}
