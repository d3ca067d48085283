package api

import (
	"net/netip"
	"sync"
	"time"
)

// limiter lets each address do something so many times at once, and again every so often
// (a token bucket an address). It is this process's own, and forgets who has waited.
type limiter struct {
	burst int
	every time.Duration
	clock func() time.Time

	mu    sync.Mutex
	full  map[netip.Prefix]time.Time // when an address's bucket is full again
	swept time.Time
}

// limiterKnown is how many addresses are told apart: beyond, strangers share one bucket.
const limiterKnown = 10_000

func newLimiter(burst int, every time.Duration, clock func() time.Time) *limiter {
	return &limiter{burst: burst, every: every, clock: clock, full: map[netip.Prefix]time.Time{}}
}

// wait is zero if the address may go on, and that is counted; else how long until it may.
func (l *limiter) wait(ip netip.Addr) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	l.sweep(now)
	who, at := household(ip), now
	if _, known := l.full[who]; !known && len(l.full) >= limiterKnown {
		who = netip.Prefix{}
	}
	if full := l.full[who]; full.After(now) {
		at = full
	}
	at = at.Add(l.every)
	if over := at.Sub(now) - time.Duration(l.burst)*l.every; over > 0 {
		return over
	}
	l.full[who] = at
	return 0
}

// sweep forgets the full buckets, now and then.
func (l *limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Duration(l.burst)*l.every {
		return
	}
	l.swept = now
	for who, full := range l.full {
		if !full.After(now) {
			delete(l.full, who)
		}
	}
}

// household is an IPv4 address, or the network of an IPv6 one: who has one has all of it.
func household(ip netip.Addr) netip.Prefix {
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // the zero prefix for no address
	return p
}
