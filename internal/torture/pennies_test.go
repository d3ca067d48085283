//go:build linux

package torture

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"
)

// pennies are customers who pay a penny at a time, so that their credit counts payments.
// Several clients pay for each of them, and look at what was paid.
type pennies struct {
	*history
	load  *load
	blind bool // the mistake: who looks does not say what there is to be seen

	mu                 sync.Mutex
	payers             []*party
	paid               map[uuid.UUID]answer // the last payment that somebody was told of
	right, stale, away int                  // looks: as promised, said to be stale, without an answer
}

// penny is an operation on a payer's account: a payment, or a look at how many there are.
type penny struct {
	payer uuid.UUID
	look  bool
	least int // payments that the position promises
}

// pennyModel is a number that only grows. A payment answers which it is, or 0 if nobody
// knows; a look answers a number between what its position promises and what there is.
var pennyModel = porcupine.Model{
	Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		of := map[uuid.UUID][]porcupine.Operation{}
		for _, o := range all {
			payer := o.Input.(penny).payer
			of[payer] = append(of[payer], o)
		}
		for _, part := range of {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		paid, ask, told := state.(int), input.(penny), output.(int)
		if ask.look {
			return ask.least <= told && told <= paid, paid
		}
		return told == paid+1 || told == 0, paid + 1
	},
	DescribeState: func(state any) string { return fmt.Sprint(state, " paid") },
	DescribeOperation: func(input, output any) string {
		if ask := input.(penny); ask.look {
			return fmt.Sprintf("look: %d, at least %d", output, ask.least)
		}
		return fmt.Sprintf("pay: %d", output)
	},
}

// pennies sets more clients to work, on payers of their own.
func (l *load) pennies(clients int, blind bool) *pennies {
	l.w.t.Helper()
	y := &pennies{history: newHistory(pennyModel), load: l, blind: blind, paid: map[uuid.UUID]answer{}}
	for n := range 3 {
		ask := l.register(fmt.Sprintf("%s-payer-%d", l.prefix, n))
		ask.done = func(got answer) { y.payers = append(y.payers, &party{id: got.ID}) }
		l.do(rand.New(rand.NewPCG(seed(), uint64(n))), ask)
	}
	for n := range clients {
		l.working.Go(func() {
			r := rand.New(rand.NewPCG(seed(), uint64(1000+n)))
			for i := 0; l.stopping.Err() == nil; i++ {
				p := y.payers[r.IntN(len(y.payers))]
				y.pay(r, n, p, fmt.Sprintf("%s-penny-%d-%d", l.prefix, n, i))
				y.look(r, n, p)
				pause(l.stopping, 40*time.Millisecond)
			}
		})
	}
	return y
}

// pay pays until it is known that it did.
func (y *pennies) pay(r *rand.Rand, client int, p *party, label string) {
	ask := y.load.pay(r, label, p)
	ask.body = fmt.Sprintf(`{"amount":{"minor":1,"currency":"GBP"},"method":%q}`, label)
	var told *answer
	ask.done = func(got answer) { told = &got }
	call := y.now()
	if y.load.do(r, ask); told == nil {
		y.leave(client, penny{payer: p.id}, 0, call) // cut off
		return
	}
	y.add(client, penny{payer: p.id}, int(told.Version), call) // the account was opened before the first, at version 0
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.paid[p.id].pos < told.pos {
		y.paid[p.id] = *told
	}
}

// look asks how many payments there are, after the last that anybody was told of.
func (y *pennies) look(r *rand.Rand, client int, p *party) {
	y.mu.Lock()
	last := y.paid[p.id]
	y.mu.Unlock()
	ask, token := penny{payer: p.id, look: true, least: int(last.Version)}, fmt.Sprintf("s1.%d.0", last.pos)
	call := y.now()
	answer, shown, err := y.ask(r, p, token)
	switch {
	case err != nil || answer.StatusCode == http.StatusServiceUnavailable:
		y.count(&y.away)
		return
	case answer.Header.Get("Portico-Stale") == "1":
		y.count(&y.stale)
		ask.least = 0
	case !y.blind && (answer.StatusCode != http.StatusOK || answer.Header.Get("Portico-Position") != token):
		y.load.w.t.Errorf("after payment %d at %s: %s %v", ask.least, token, answer.Status, answer.Header)
		return
	default:
		y.count(&y.right)
	}
	y.add(client, ask, shown, call)
}

func (y *pennies) count(n *int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	*n++
}

// ask asks some node for a balance.
func (y *pennies) ask(r *rand.Rand, p *party, token string) (answer *http.Response, shown int, err error) {
	rq, err := http.NewRequestWithContext(y.load.until, "GET", y.load.some(r)+"/v1/customers/"+p.id.String()+"/balance", nil)
	if err != nil {
		return nil, 0, err
	}
	rq.Header.Set("Authorization", "Bearer "+y.load.w.token)
	if !y.blind {
		rq.Header.Set("Portico-Position", token)
	}
	answer, err = y.load.client.Do(rq)
	if err != nil {
		return nil, 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	var body struct {
		Code       string `json:"code"`
		Currencies []struct {
			Credit struct{ Minor int } `json:"unapplied_credit"`
		} `json:"currencies"`
	}
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	if answer.StatusCode >= 300 {
		y.load.note(fmt.Sprintf("%d %s", answer.StatusCode, body.Code))
	}
	for _, c := range body.Currencies {
		shown += c.Credit.Minor
	}
	return answer, shown, err
}

// kept demands that looks showed what was promised, or said that they did not.
func (y *pennies) kept(t *testing.T) {
	t.Helper()
	if t.Logf("looks: %d right, %d stale, %d without an answer", y.right, y.stale, y.away); y.right == 0 {
		t.Error("no look showed anything: this proves nothing")
	}
	y.linearizable(t)
}
