package invariant

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

// Receipt is what a client knows of a request: that it was sent, and later, in another
// receipt of the same label, how it was definitely answered.
type Receipt struct {
	Label   string                `json:"label"`   // of what was wanted; unique, whatever ids it was asked for under
	Command uuid.UUID             `json:"command"` // the id of the command, known from the Idempotency-Key
	Type    string                `json:"type"`    // the event that it leads to once, if it leads to one
	Status  int                   `json:"status"`  // 0: no definite answer yet
	Stream  eventstore.StreamName `json:"stream,omitempty"`
	Version int64                 `json:"version,omitempty"`
	Pos     uint64                `json:"pos,omitempty"`
}

func (r Receipt) acknowledged() bool { return r.Status >= 200 && r.Status < 300 }
func (r Receipt) refused() bool      { return r.Status >= 400 && r.Status < 500 }

// ReadReceipts reads what WriteReceipt wrote, one a line, and keeps the last of each label.
// A last line that was cut off is left out: nobody had been told.
func ReadReceipts(r io.Reader) ([]Receipt, error) {
	var all []Receipt
	at := map[string]int{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var broken error
	for lines.Scan() {
		if broken != nil {
			return nil, broken
		}
		var one Receipt
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			broken = fmt.Errorf("invariant: receipt %d: %w", len(all)+1, err)
			continue
		}
		if i, known := at[one.Label]; known {
			all[i] = one
			continue
		}
		at[one.Label] = len(all)
		all = append(all, one)
	}
	return all, lines.Err()
}

// Write appends the receipt to a file of receipts.
func (r Receipt) Write(w io.Writer) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// receipts compares what clients know with the log.
func (s *scan) receipts(all []Receipt, r *Report) {
	r.Receipts = len(all)
	for _, one := range all {
		led := s.commands[commandType{one.Command, one.Type}]
		labelled := s.labels[one.Label]
		switch {
		case one.acknowledged():
			if at, ok := s.at[one.Pos]; !ok || at.stream != one.Stream || at.version != one.Version {
				r.add(RuleAcked, one.Label, "it was acknowledged as %s@%d at %d, where the log has %s@%d",
					one.Stream, one.Version, one.Pos, at.stream, at.version)
			}
			if one.Type != "" && led != 1 {
				r.add(RuleOnce, one.Label, "it was acknowledged, and %d %s are of its command %s", led, one.Type, one.Command)
			}
		case one.refused():
			if one.Type != "" && led != 0 {
				r.add(RuleRefused, one.Label, "it was refused with %d, and %d %s are of its command %s", one.Status, led, one.Type, one.Command)
			}
		case one.Type != "" && led > 1:
			r.add(RuleOnce, one.Label, "it was asked for once, and %d %s are of its command %s", led, one.Type, one.Command)
		}
		if labelled > 1 {
			r.add(RuleOnce, one.Label, "it was wanted once, and is in the log %d times", labelled)
		}
	}
}
