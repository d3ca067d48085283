//go:build linux

package torture

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"portico/internal/invariant"
)

// proxy stands between a node and its database.
type proxy struct {
	t *testing.T
	*toxiproxy.Proxy
}

func newProxy(t *testing.T, c *cluster) *proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.New(io.Discard))
	p := &proxy{t, toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:"+strconv.Itoa(freePort(t)), c.address())}
	must(t, p.Start())
	t.Cleanup(p.Stop)
	return p
}

// database is the environment of a node that goes by way of the proxy.
func (p *proxy) database() string { return "PORTICO_DATABASE_URL=" + tcpURL(p.Listen) }

// poison spoils connections, in a direction, for a while.
func (p *proxy) poison(kind, direction, attributes string, d time.Duration) {
	p.t.Helper()
	_, err := p.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
		`{"name":"it","type":%q,"stream":%q,"toxicity":1,"attributes":{%s}}`, kind, direction, attributes)))
	if err != nil {
		p.t.Error(err)
	}
	time.Sleep(d)
	p.Toxics.ResetToxics(context.Background())
}

// spoil spoils connections in a way or other.
func (p *proxy) spoil(r *rand.Rand) {
	direction := []string{"upstream", "downstream"}[r.IntN(2)]
	d := time.Duration(50+r.IntN(400)) * time.Millisecond
	switch r.IntN(6) {
	case 0:
		p.poison("reset_peer", direction, `"timeout":0`, d)
	case 1: // a void
		p.poison("timeout", direction, fmt.Sprintf(`"timeout":%d`, r.IntN(2)*(50+r.IntN(300))), d)
	case 2:
		p.poison("slicer", direction, `"average_size":20,"size_variation":10,"delay":10`, d)
	case 3:
		p.poison("latency", direction, fmt.Sprintf(`"latency":%d,"jitter":%d`, r.IntN(60), r.IntN(40)), d)
	case 4:
		p.poison("bandwidth", direction, fmt.Sprintf(`"rate":%d`, 1+r.IntN(30)), d)
	default: // in the middle of whatever is said
		p.poison("limit_data", direction, fmt.Sprintf(`"bytes":%d`, r.IntN(3000)), d)
	}
}

// trouble spoils connections until ctx ends, with rests between. Whoever else takes the same
// places waits until there is one.
func (p *proxy) trouble(ctx context.Context, r *rand.Rand, rest time.Duration, places chan struct{}) {
	for pause(ctx, time.Duration(r.Int64N(int64(rest)))); ctx.Err() == nil; pause(ctx, time.Duration(r.Int64N(int64(rest)))) {
		places <- struct{}{}
		p.spoil(r)
		<-places
	}
}

func TestCutOffFromItsDatabaseEachRequestIsDoneOnce(t *testing.T) {
	fault(t)
	r := random(t)
	w := newWorld(t, newCluster(t))
	p := newProxy(t, w.pg)
	n := w.serve(p.database())
	l := w.startLoad(8, n)
	rounds(t, func(int) {
		for range 12 {
			p.spoil(r)
			time.Sleep(100 * time.Millisecond)
		}
		l.await(20, time.Minute)
		l.end()
		l.polite(t)
		w.sound()
		l = w.startLoad(8, n)
	})
	l.end()
}

// What was sent into a void must not stop everybody for long.
func TestAVoidStopsAppendsOnlyForItsTime(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	p := newProxy(t, w.pg)
	n := w.serve(p.database())
	l := w.startLoad(8, n)
	l.await(20, time.Minute)
	p.poison("timeout", "downstream", `"timeout":0`, 2*time.Second)
	took := l.await(1, time.Minute)
	t.Logf("the first success came %v after the void", took)
	l.end()
	l.polite(t)
	w.sound()
}

// The control: each repetition under another key is another request.
func TestControlRepetitionUnderAnotherKeyIsFound(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	p := newProxy(t, w.pg)
	n := w.serve(p.database())
	l := w.begin(&load{freshID: true, plain: true}, 8, n)
	for range 10 {
		l.await(10, time.Minute)
		p.poison("limit_data", "downstream", `"bytes":0`, 1500*time.Millisecond)
	}
	l.end()
	w.unsound(invariant.RuleOnce)
}
