//go:build linux

package torture

import (
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// history is what clients asked, what they were told, and when. It is linearizable if one
// copy, asked one thing at a time, could have told all of it, each thing between its call
// and its return.
type history struct {
	model porcupine.Model
	began time.Time

	mu   sync.Mutex
	all  []porcupine.Operation
	open int // of them, whose outcome nobody knows
}

func newHistory(m porcupine.Model) *history { return &history{model: m, began: time.Now()} }

// now is a moment as the history counts.
func (h *history) now() int64 { return int64(time.Since(h.began)) }

// add notes an operation that returns now.
func (h *history) add(client int, asked, told any, call int64) {
	h.note(porcupine.Operation{ClientId: client, Input: asked, Output: told, Call: call, Return: h.now()})
}

// leave notes an operation of unknown outcome: it may have its effect at any later time.
func (h *history) leave(client int, asked, told any, call int64) {
	h.note(porcupine.Operation{ClientId: client, Input: asked, Output: told, Call: call, Return: math.MaxInt64})
}

func (h *history) note(o porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, o)
	if o.Return == math.MaxInt64 {
		h.open++
	}
}

// judge looks for an order of all that is in the history.
func (h *history) judge(t *testing.T) (porcupine.CheckResult, porcupine.LinearizationInfo) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	end := h.now()
	for i := range h.all { // so that the picture has a scale
		h.all[i].Return = min(h.all[i].Return, end)
	}
	began := time.Now()
	result, info := porcupine.CheckOperationsVerbose(h.model, h.all, time.Minute)
	t.Logf("%d operations, %d of unknown outcome: %s, in %v", len(h.all), h.open, result, time.Since(began).Round(time.Millisecond))
	return result, info
}

// linearizable demands an order, and draws a picture if there is none.
func (h *history) linearizable(t *testing.T) {
	t.Helper()
	result, info := h.judge(t)
	if result == porcupine.Ok {
		return
	}
	picture, err := os.CreateTemp("", "portico-history-*.html")
	must(t, err)
	defer picture.Close()
	must(t, porcupine.Visualize(h.model, info, picture))
	t.Errorf("the history is not linearizable (%s): see %s", result, picture.Name())
}

// wrong demands that there is no order.
func (h *history) wrong(t *testing.T) {
	t.Helper()
	if result, _ := h.judge(t); result != porcupine.Illegal {
		t.Errorf("the control was not found: %s", result)
	}
}
