package journal

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"portico/internal/envelope"
)

// What anybody can make us record without being anybody must not fill the disk: each
// address has so many records at once, and another every so often. The rest is counted, and
// each minute one record a tenant tells how many they were.
const (
	floodBurst = 20
	floodEvery = 3 * time.Second
	floodTell  = time.Minute
	floodKnown = 10_000 // addresses; beyond, strangers share what there is
)

// household is an IPv4 address, or the network of an IPv6 one: who has one has all of it.
type household = netip.Prefix

type flood struct {
	mu         sync.Mutex
	at         map[household]time.Time // when an address's bucket is full again
	swept      time.Time
	suppressed map[string]int // by tenant
	telling    bool
}

// WriteStranger is Write for what somebody did who is not known: kept unless too much came
// from the same address.
func (s *Store) WriteStranger(ctx context.Context, r Record) error {
	if s.flood.admits(r.Origin.IP, s.clock()) {
		return s.Write(ctx, r)
	}
	s.flood.mu.Lock()
	defer s.flood.mu.Unlock()
	if s.flood.suppressed == nil {
		s.flood.suppressed = map[string]int{}
	}
	s.flood.suppressed[r.Tenant]++
	if !s.flood.telling {
		s.flood.telling = true
		time.AfterFunc(floodTell, func() {
			ctx, cancel := context.WithTimeout(context.Background(), callTime)
			defer cancel()
			_ = s.Settle(ctx) // it keeps the count for the next time if it fails
		})
	}
	return nil
}

// Settle tells how many records were suppressed since it was last told.
func (s *Store) Settle(ctx context.Context) error {
	s.flood.mu.Lock()
	counts := s.flood.suppressed
	s.flood.suppressed, s.flood.telling = nil, false
	s.flood.mu.Unlock()
	var records []Record
	for tenant, n := range counts {
		records = append(records, Record{
			Tenant: tenant, Kind: "denied.suppressed", Outcome: Denied, Actor: envelope.Actor{Kind: Anonymous},
			Origin: envelope.Origin{Channel: envelope.ChannelAPI}, Detail: map[string]string{"count": strconv.Itoa(n)},
		})
	}
	err := s.Write(ctx, records...)
	if err != nil {
		s.flood.mu.Lock()
		defer s.flood.mu.Unlock()
		if s.flood.suppressed == nil {
			s.flood.suppressed = map[string]int{}
		}
		for tenant, n := range counts {
			s.flood.suppressed[tenant] += n
		}
	}
	return err
}

// admits takes from an address's bucket, if there is something in it.
func (f *flood) admits(address string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.swept) > floodBurst*floodEvery {
		f.swept = now
		for who, full := range f.at {
			if !full.After(now) {
				delete(f.at, who)
			}
		}
	}
	var who household // the zero one for no address
	if ip, err := netip.ParseAddr(address); err == nil {
		bits := 32
		if ip.Is6() {
			bits = 64
		}
		who, _ = ip.Prefix(bits)
	}
	if _, known := f.at[who]; !known && len(f.at) >= floodKnown {
		who = household{}
	}
	full := f.at[who]
	if full.Before(now) {
		full = now
	}
	if full = full.Add(floodEvery); full.Sub(now) > floodBurst*floodEvery {
		return false
	}
	f.at[who] = full
	return true
}
