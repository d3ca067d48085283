package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/journal"
	"portico/projections"
)

// historyRange narrows an export of history down.
type historyRange struct {
	Stream     string    `query:"stream" maxLength:"200" doc:"One aggregate's history, such as acme.invoice-<id>"`
	CustomerID uuid.UUID `query:"customer_id" doc:"All that concerns a customer"`
	ActorID    uuid.UUID `query:"actor_id" doc:"All that somebody did, or had another do as impersonator"`
	Type       string    `query:"type" maxLength:"100" doc:"Such as invoice.issued"`
	From       time.Time `query:"from" doc:"Recorded at this instant or later"`
	To         time.Time `query:"to" doc:"Recorded before this instant"`
	ExportFormat
}

// HistoryDownload is what the page of history shows, as a file.
type HistoryDownload struct {
	HistoryAsked
	ExportFormat
}

// historyExport is history as a file.
func (a *api) historyExport() {
	op := a.exportOperation("/v1/history/export", auditors, "ExportHistory", "The events in order, as of now, as GET /v1/history shows them.")
	handOut(a, op, func(_ context.Context, f *historyRange) (streamed, error) {
		return a.historyTaken(projections.HistoryFilter{Stream: f.Stream, CustomerID: f.CustomerID, ActorID: f.ActorID, Type: f.Type, From: f.From, To: f.To}).in(f.Format)
	})
	handOut(a, a.exportPage("/audit/history/export", auditors, "DownloadHistory"), func(_ context.Context, f *HistoryDownload) (streamed, error) {
		return a.historyTaken(f.filter(a.Clock())).in(f.Format)
	})
}

func (a *api) historyTaken(f projections.HistoryFilter) takeaway {
	each := func(ctx context.Context, do func(projections.HistoryEvent) error) error {
		return a.Queries.EachHistory(ctx, requestOf(ctx).viewer(), f, do)
	}
	return takeaway{"history",
		func(ctx context.Context, to io.Writer) error {
			lines := json.NewEncoder(to)
			return each(ctx, func(e projections.HistoryEvent) error { return lines.Encode(HistoryLine{e, journal.Success}) })
		},
		func(ctx context.Context, to io.Writer) error {
			out := csv.NewWriter(to)
			if err := out.Write(historyHeader); err != nil {
				return err
			}
			if err := each(ctx, func(e projections.HistoryEvent) error { return out.Write(historyRow(e)) }); err != nil {
				return err
			}
			out.Flush()
			return out.Error()
		}}
}

// HistoryLine is an event with how it came off (PCI DSS v4 10.2.2): what is in the log did.
type HistoryLine struct {
	projections.HistoryEvent
	Outcome string `json:"outcome"`
}

var historyHeader = []string{"position", "recorded_at", "occurred_at", "type", "schema_version", "outcome", "actor_kind", "actor_id", "actor_name",
	"impersonator_id", "session_id", "channel", "ip", "user_agent", "request_id", "node", "stream", "version", "customer_id", "command", "command_id",
	"reason_code", "reason_text", "correlation_id", "causation_id", "event_id", "data"}

func historyRow(e projections.HistoryEvent) []string {
	reason := domain.Reason{}
	if e.Reason != nil {
		reason = *e.Reason
	}
	row := []string{e.Position, e.RecordedAt.Format(time.RFC3339Nano), e.OccurredAt.Format(time.RFC3339Nano), e.Type, strconv.Itoa(e.Schema),
		journal.Success, e.Actor.Kind, e.Actor.ID.String(), e.ActorName, idOrNone(e.Actor.Impersonator), idOrNone(&e.Actor.Session),
		e.Origin.Channel, e.Origin.IP, e.Origin.UserAgent, e.Origin.RequestID, e.Origin.Node, e.Stream, strconv.FormatInt(e.Version, 10),
		idOrNone(e.CustomerID), e.Command, e.CommandID.String(), reason.Code, reason.Text, e.CorrelationID.String(), e.CausationID.String(),
		e.ID.String(), string(e.Data)}
	for i := range row {
		row[i] = journal.Inert(row[i])
	}
	return row
}

func idOrNone(id *uuid.UUID) string {
	if id == nil || *id == uuid.Nil {
		return ""
	}
	return id.String()
}
