package api

import (
	"net/netip"
	"testing"
	"time"
)

func TestALimiterCountsEachAddressApart(t *testing.T) {
	now := time.Date(2026, 6, 15, 14, 0, 0, 0, time.UTC)
	l := newLimiter(3, 2*time.Second, func() time.Time { return now })
	ask := func(ip string, want time.Duration) {
		t.Helper()
		if got := l.wait(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s at %s waits %v, want %v", ip, now.Format(time.TimeOnly), got, want)
		}
	}
	for range 3 {
		ask("192.0.2.1", 0)
	}
	ask("192.0.2.1", 2*time.Second)
	ask("192.0.2.2", 0)
	now = now.Add(1500 * time.Millisecond)
	ask("192.0.2.1", 500*time.Millisecond) // asking too early costs nothing
	now = now.Add(500 * time.Millisecond)
	ask("192.0.2.1", 0)
	ask("192.0.2.1", 2*time.Second)
	for _, ip := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::ffff:1"} { // one network
		ask(ip, 0)
	}
	ask("2001:db8::3", 2*time.Second)
	ask("2001:db8:0:1::3", 0)
	now = now.Add(time.Hour)
	ask("192.0.2.3", 0)
	if len(l.full) != 1 {
		t.Errorf("%d addresses are remembered for nothing", len(l.full)-1)
	}
}

// ASVS 15.1.3: a flood from ever other addresses fills no memory, and has one bucket at most
// beyond so many; those who were there before have theirs.
func TestALimiterRemembersSoManyAddresses(t *testing.T) {
	now := time.Date(2026, 6, 15, 14, 0, 0, 0, time.UTC)
	l := newLimiter(3, 2*time.Second, func() time.Time { return now })
	let := 0
	for i := range 3 * limiterKnown {
		if l.wait(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 16), byte(i >> 8), byte(i)})) == 0 {
			let++
		}
	}
	if len(l.full) > limiterKnown+1 || let != limiterKnown+3 {
		t.Errorf("%d addresses are remembered, %d were let through", len(l.full), let)
	}
	if l.wait(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8})) != 0 {
		t.Error("who was there before shares with the flood")
	}
}
