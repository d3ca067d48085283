package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"portico/domain"
)

// Finding is what a build differs in from the active one: sampled rows, and counts. It
// names tables, keys and columns, but no values, which may be personal.
type Finding struct {
	Against     int          `json:"against"` // the active build
	At          time.Time    `json:"at"`
	Differences int          `json:"differences"`
	First       []Difference `json:"first"` // at most firstDifferences of them
}

// Count is a kind of Difference: the tables have different numbers of rows. Live and Fresh
// are the numbers.
const Count = "count"

// HeldBack says that a build was made, and that queries were not pointed to it because it
// differs from the active one. It stays, and goes on, until a person decides.
type HeldBack struct {
	Group string `json:"group"`
	Build int    `json:"build"`
	Finding
}

func (h *HeldBack) Error() string {
	return fmt.Sprintf("projections.differs: build %d of %s differs from the active build %d in %d places, so queries stay with that",
		h.Build, h.Group, h.Against, h.Differences)
}

// Unwrap gives it a stable code.
func (h *HeldBack) Unwrap() error {
	return &domain.Error{Kind: domain.KindRefused, Code: "projections.differs", Message: "the new read models differ from the live ones"}
}

const (
	sqlHoldBack = `update pj.build set finding = $3::jsonb where grp = $1 and build = $2 and state = 'ready' and not forced and finding is null`
	sqlFinding  = `select finding::text from pj.build where grp = $1 and build = $2`
)

// hold keeps a build from becoming active.
func (e *Engine) hold(ctx context.Context, b build, why *Finding) error {
	text, err := json.Marshal(why)
	if err != nil {
		return err
	}
	_, err = e.DB.Exec(ctx, sqlHoldBack, b.Group, b.Build, string(text))
	return err
}

// heldBack is the error for a build that is held back.
func (e *Engine) heldBack(ctx context.Context, b build) error {
	h := HeldBack{Group: b.Group, Build: b.Build}
	var text *string
	if err := e.DB.QueryRow(ctx, sqlFinding, b.Group, b.Build).Scan(&text); err != nil {
		return err
	}
	if text != nil {
		if err := json.Unmarshal([]byte(*text), &h.Finding); err != nil {
			return err
		}
	}
	return &h
}
