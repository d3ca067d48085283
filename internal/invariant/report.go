package invariant

import (
	"errors"
	"fmt"
	"strings"
)

// The rules beyond those of the log.
const (
	Acked       = "acked.lost"         // what was acknowledged is in the log, where the receipt says
	Once        = "acked.once"         // what was asked for once is in the log once
	Refused     = "refused.written"    // what was refused is not in the log
	OneCommand  = "command.once"       // a command's events on a stream were appended at once
	Carried     = "policies.once"      // what a document leads to on its account happened once
	Money       = "ledger.sum"         // nothing open or unapplied is below zero, and all of it adds up
	ReadModels  = "read_models.fold"   // read models equal a fresh fold of the log
	ReadMoney   = "read_models.money"  // and say of money what the ledger says
	Behind      = "read_models.behind" // read models and policies come to the head of the log
	Parked      = "read_models.parked" // nobody's read models are parked
	PolicyLeft  = "policies.refused"   // no policy was refused
	firstOfRule = 10                   // violations of one rule that are listed
)

// Violation is a rule that does not hold, and where.
type Violation struct{ Rule, Detail string }

func (v Violation) String() string { return v.Rule + ": " + v.Detail }

// Report is what a check has found.
type Report struct {
	Events   int            // in the log
	Receipts int            // that were looked for in it
	Rows     int64          // of read models compared with a fresh fold
	Broken   []Violation    // at most firstOfRule of each rule
	Count    map[string]int // how many of each rule
}

func (r *Report) add(rule, format string, args ...any) {
	if r.Count == nil {
		r.Count = map[string]int{}
	}
	if r.Count[rule]++; r.Count[rule] <= firstOfRule {
		r.Broken = append(r.Broken, Violation{rule, fmt.Sprintf(format, args...)})
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

// Err lists the violations, or is nil.
func (r Report) Err() error {
	if len(r.Broken) == 0 {
		return nil
	}
	var text strings.Builder
	for _, v := range r.Broken {
		fmt.Fprintf(&text, "\n  %s", v)
	}
	return errors.New("invariants broken " + fmt.Sprint(r.Count) + text.String())
}
