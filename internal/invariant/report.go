package invariant

import (
	"errors"
	"fmt"
	"strings"
)

// The rules of the whole system, beside those of the log.
const (
	RuleAcked      = "receipts.lost"      // what was acknowledged is in the log, where the receipt says
	RuleOnce       = "receipts.once"      // what was wanted once is in the log once
	RuleRefused    = "receipts.refused"   // what was refused is not in the log
	RuleCommand    = "command.once"       // a command's events on a stream were appended at once
	RuleCarried    = "policies.once"      // what a document leads to on its account happened once
	RulePolicy     = "policies.refused"   // no policy was refused
	RuleMoney      = "ledger.sum"         // nothing open or unapplied is below zero, and all of it adds up
	RuleReadModels = "read_models.fold"   // read models equal a fresh fold of the log
	RuleReadMoney  = "read_models.money"  // and say of money what the ledger says
	RuleBehind     = "read_models.behind" // read models and policies come to the head of the log
	RuleParked     = "read_models.parked" // nobody's read models are parked
)

// listed is how many findings of one rule a report lists.
const listed = 10

// Report is what a check of the whole system has found.
type Report struct {
	Events   int            // in the log
	Receipts int            // that were looked for in it
	Rows     int64          // of read models compared with a fresh fold
	Broken   []Finding      // the first of each rule
	Count    map[string]int // how many of each rule
}

func (r *Report) add(rule string, where any, detail string, args ...any) {
	r.find(Finding{rule, fmt.Sprint(where), fmt.Sprintf(detail, args...)})
}

func (r *Report) find(f Finding) {
	if r.Count == nil {
		r.Count = map[string]int{}
	}
	if r.Count[f.Rule]++; r.Count[f.Rule] <= listed {
		r.Broken = append(r.Broken, f)
	}
}

// Breaks tells whether one of the rules does not hold.
func (r Report) Breaks(rules ...string) bool {
	for _, rule := range rules {
		if r.Count[rule] > 0 {
			return true
		}
	}
	return false
}

// Err lists what was found, or is nil.
func (r Report) Err() error {
	if len(r.Broken) == 0 {
		return nil
	}
	var text strings.Builder
	for _, f := range r.Broken {
		fmt.Fprintf(&text, "\n  %s", f)
	}
	return errors.New("invariants broken " + fmt.Sprint(r.Count) + text.String())
}
