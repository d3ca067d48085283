//go:build linux

package torture

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// trio is three nodes on one database, each by way of a proxy of its own.
type trio struct {
	*world
	nodes   []*node
	proxies []*proxy
}

func newTrio(t *testing.T) *trio {
	t.Helper()
	y := &trio{world: newWorld(t, newCluster(t))}
	for range 3 {
		p := newProxy(t, y.pg)
		y.proxies, y.nodes = append(y.proxies, p), append(y.nodes, y.launch(freePort(t), p.database()))
	}
	for _, n := range y.nodes {
		n.await()
	}
	return y
}

// again starts a node that has ended, where it was. Who is cut off while it starts may end.
func (y *trio) again(n int) {
	y.t.Helper()
	for range 20 {
		if y.nodes[n] = y.launch(y.nodes[n].port, y.proxies[n].database()); y.nodes[n].begun() {
			return
		}
	}
	y.t.Fatal("a node does not start")
}

// trouble spoils connections at random, of two nodes at most at a time, until it is told to stop.
func (y *trio) trouble() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	places := make(chan struct{}, 2)
	var working sync.WaitGroup
	for n, p := range y.proxies {
		working.Go(func() { p.trouble(ctx, rand.New(rand.NewPCG(seed(), uint64(n))), 1500*time.Millisecond, places) })
	}
	y.t.Cleanup(cancel)
	return func() { cancel(); working.Wait() }
}

// Three nodes, each cut off now and then, are stopped and killed in turn. Whoever asks
// whichever of them is told of one business.
func TestThreeNodesCutOffStoppedAndKilledAreOne(t *testing.T) {
	fault(t)
	r := random(t)
	y := newTrio(t)
	rounds(t, func(int) {
		l := y.startLoad(6, y.nodes...)
		p := l.pennies(4, false)
		calm := y.trouble()
		for i := range 3 + thorough(t) {
			l.await(20, time.Minute)
			time.Sleep(time.Duration(r.IntN(500)) * time.Millisecond)
			if n := i % 3; i%2 == 0 {
				y.nodes[n].stop()
				y.again(n)
			} else {
				y.nodes[n].kill()
				l.await(20, time.Minute)
				y.again(n)
			}
		}
		l.await(20, time.Minute)
		calm()
		l.end()
		l.polite(t)
		p.kept(t)
		y.sound()
	})
}

// The control: what a node appended before it died is asked for again under another key.
func TestControlAPaymentThatCountsTwiceIsFound(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	const dies = "PORTICO_FAILPOINT=eventstore.after_append=20"
	n := w.serve(dies)
	l := w.begin(&load{freshID: true, plain: true, every: 200 * time.Millisecond}, 1, n)
	p := l.pennies(4, false)
	for range 3 {
		<-n.gone
		n = w.launch(n.port, dies)
	}
	l.await(10, time.Minute)
	l.halt()
	p.wrong(t)
}

// The control: whoever looks without the position sees less, now and then.
func TestControlLooksWithoutThePositionAreFound(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	l := w.begin(&load{plain: true, every: 50 * time.Millisecond}, 1, w.serve(), w.serve())
	p := l.pennies(4, true)
	l.await(100, time.Minute)
	l.end()
	p.wrong(t)
}
