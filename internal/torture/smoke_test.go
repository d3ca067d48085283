//go:build linux

package torture

import (
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	w := newWorld(t, newCluster(t))
	n := w.serve()
	l := w.startLoad(8, n)
	time.Sleep(3 * time.Second)
	l.end()
	l.polite(t)
	w.sound()
	n.stop()
}
