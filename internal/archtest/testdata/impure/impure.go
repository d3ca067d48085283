// Package impure has a writer for each thing that a writer must not do.
package impure

import (
	crand "crypto/rand"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/projections/engine"
)

// Group reaches all of them.
var Group = engine.Group{Name: "impure", Apply: each(clock, chance, order, machine, concurrent, state, indirect)}

func each(writers ...func(e envelope.Event) error) func(*engine.Batch, envelope.Event) error {
	return func(_ *engine.Batch, e envelope.Event) error {
		for _, w := range writers {
			if err := w(e); err != nil {
				return err
			}
		}
		return nil
	}
}

func clock(e envelope.Event) error {
	_ = time.Now()     // impure: time.Now
	_ = time.Since     // impure: time.Since
	_ = e.At.Local()   // impure: time.Local
	_ = e.At.In(local) // the zone is looked at where it is declared
	_ = e.At.UTC()
	return nil
}

var local = time.Local // impure: time.Local

func chance(envelope.Event) error {
	_ = rand.IntN(3)     // impure: rand/v2.IntN
	_ = crand.Text()     // impure: crypto/rand.Text
	_ = uuid.New()       // impure: uuid.New
	_ = uuid.NewString() // impure: uuid.NewString
	_ = uuid.NewSHA1(uuid.Nil, nil)
	return nil
}

func order(envelope.Event) error {
	m := map[string]int{}
	for range m { // impure: ranges over a map
	}
	for range maps.Keys(m) { // impure: maps.Keys
	}
	for range slices.Sorted(maps.Keys(m)) {
	}
	return nil
}

func machine(envelope.Event) error {
	_ = os.Getenv("TZ")                          // impure: os.Getenv
	_, err := time.LoadLocation("Europe/London") // impure: time.LoadLocation
	return err
}

func concurrent(envelope.Event) error {
	c := make(chan int, 1)
	c <- 1      // impure: is concurrent
	<-c         // impure: is concurrent
	go func() { // impure: is concurrent
	}()
	select { // impure: is concurrent
	default:
	}
	return nil
}

var count int

func state(envelope.Event) error {
	count++ // impure: reads count
	return nil
}

type teller interface{ tell() time.Time }

type wall struct{}

func (wall) tell() time.Time { return time.Now() } // impure: time.Now

// indirect calls what it does not name.
func indirect(envelope.Event) error {
	var t teller = wall{}
	_ = t.tell()
	return nil
}

// unreached is nobody's writer.
func unreached() time.Time { return time.Now() }

var _ = unreached
