package journal

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// WriteNDJSON writes the records that a filter lets through, in order, one a line.
func (s *Store) WriteNDJSON(ctx context.Context, f Filter, to io.Writer) error {
	out := bufio.NewWriterSize(to, 64<<10)
	lines := json.NewEncoder(out)
	if err := s.Each(ctx, f, func(e Entry) error { return lines.Encode(e) }); err != nil {
		return err
	}
	return out.Flush()
}

var csvHeader = []string{"number", "recorded_at", "kind", "outcome", "actor_kind", "actor_id", "impersonator_id", "session_id", "login_id",
	"channel", "ip", "user_agent", "request_id", "node", "target_kind", "target_id", "customer_id", "detail"}

// WriteCSV is WriteNDJSON as a table for spreadsheets.
func (s *Store) WriteCSV(ctx context.Context, f Filter, to io.Writer) error {
	out := csv.NewWriter(to)
	if err := out.Write(csvHeader); err != nil {
		return err
	}
	err := s.Each(ctx, f, func(e Entry) error {
		impersonator := uuid.Nil
		if e.Actor.Impersonator != nil {
			impersonator = *e.Actor.Impersonator
		}
		row := []string{strconv.FormatInt(e.No, 10), e.At.Format(time.RFC3339Nano), e.Kind, e.Outcome, e.Actor.Kind, e.Actor.ID.String(),
			orEmpty(impersonator), orEmpty(e.Actor.Session), orEmpty(e.Login), e.Origin.Channel, e.Origin.IP, e.Origin.UserAgent,
			e.Origin.RequestID, e.Origin.Node, e.Target.Kind, orEmpty(e.Target.ID), orEmpty(e.Target.Customer), inOneCell(e.Detail)}
		for i := range row {
			row[i] = Inert(row[i])
		}
		return out.Write(row)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func orEmpty(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func inOneCell(detail map[string]string) string {
	var pairs []string
	for name, value := range detail {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "; ")
}

// Inert is a cell that no spreadsheet takes for a formula: agents and request ids are what
// strangers have sent.
func Inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
