package signin

import (
	"strings"
	"testing"

	"portico/domain"
	"portico/domain/login"
)

// SECURITY 1b: staff have a letter and a digit (8.3.6), contacts need not (ASVS 6.2.5); nobody has
// what is on lists, or what everybody knows of them.
func TestRulesForPasswords(t *testing.T) {
	t.Parallel()
	jo := login.Person{Name: "Josephine Turner", Email: "josephine@example.com", Username: "jturner"}
	for _, c := range []struct{ password, contact, staff string }{
		{"tall wet ferry umbrella", "", "password.composition"},
		{"tall wet ferry 4mbrella", "", ""},
		{"94815720386641", "", "password.composition"},
		{"wet ferry 4", "password.short", "password.short"},
		{"wet ferry 42", "", ""},
		{"längßte Wörter ٣", "", ""},                    // a letter and a digit of any script
		{"éàüöñçß", "password.short", "password.short"}, // bytes are not characters
		{strings.Repeat("correct horse 7 ", 4), "", ""},
		{strings.Repeat("x7", 128), "", ""},
		{strings.Repeat("horse4", 43), "password.long", "password.long"},
		{"password1234", "password.guessable", "password.guessable"},
		{"P@ssw0rd1234", "password.guessable", "password.guessable"},
		{"qwertyuiop12", "password.guessable", "password.guessable"},
		{"aaaaaaaaaaa1", "password.guessable", "password.guessable"},
		{"josephineturner1", "password.guessable", "password.guessable"},
		{"acmeplumbing1", "password.guessable", "password.guessable"},
		{"wet ferry\x00 12345", "password.text", "password.text"},
	} {
		for realm, want := range map[string]string{login.Contact: c.contact, login.Staff: c.staff} {
			if got := domain.CodeOf(subject{realm, jo}.check(c.password, "Acme Plumbing")); got != want {
				t.Errorf("%s %q: %q, want %q", realm, c.password, got, want)
			}
		}
	}
}

// 8.3.7: none of the last four; the fifth is long enough ago.
func TestTheLastFourPasswordsOfStaffAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	chosen := []string{other, "first ferry 21 tall", "second ferry 32 tall", "third ferry 43 tall", "fourth ferry 54 tall"}
	for _, password := range chosen[1:] {
		encoded, who, err := w.acceptable(ctx, "main", w.ann, password)
		w.ok(err)
		w.ok(w.Service.store(ctx, as(bySystem, who, w.ann), w.ann, encoded, login.PasswordChange))
	}
	for i, password := range chosen {
		_, _, err := w.acceptable(ctx, "main", w.ann, password)
		if refused := domain.CodeOf(err) == "password.used"; refused != (i > 0) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// 8.3.2: another cost takes effect when the password is at hand.
func TestHashesFollowTheCost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before, _, err := w.passwords(ctx, "main", w.jo)
	w.ok(err)
	dearer := *w.Cost
	dearer.Iterations = 2
	w.Cost = &dearer
	_, err = w.try("jo", good)
	w.ok(err)
	after, _, err := w.passwords(ctx, "main", w.jo)
	if err != nil || after == before || !strings.Contains(after, "t=2") {
		t.Errorf("%s, %v", after, err)
	}
	_, err = w.try("jo", good)
	w.ok(err)
}

// Whoever sends many passwords waits for a while and is then told to come again; two are looked
// at at once.
func TestTheGateIsNarrow(t *testing.T) {
	t.Parallel()
	g, hold := newGate(), make(chan struct{})
	for range gateWidth {
		inside := make(chan struct{})
		go func() { _ = g.through(ctx, func() error { close(inside); <-hold; return nil }) }()
		<-inside
	}
	err := g.through(ctx, func() error { t.Error("a third is inside"); return nil })
	close(hold)
	if domain.CodeOf(err) != "password.busy" {
		t.Error(err)
	}
	if err := g.through(ctx, func() error { return nil }); err != nil {
		t.Error(err)
	}
}
