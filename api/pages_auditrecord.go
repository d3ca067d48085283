package api

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/a-h/templ"

	"portico/domain"
	"portico/internal/eventstore"
	"portico/projections"
	"portico/web/pages"
)

// auditRecordPages show a record's history as a slider.
func (a *api) auditRecordPages() {
	look(a, "/audit/records/{category}/{record}", projections.Audit.Name, auditors, "ShowRecord", a.recordHistory, func(_ RecordAsked, r pages.AuditRecord) templ.Component { return pages.Record(r) })
}

// RecordAsked says of which record, and after which of its events. To is what the buttons send:
// it goes before what the slider says.
type RecordAsked struct {
	Category string `path:"category" maxLength:"60"`
	Record   string `path:"record" maxLength:"120"`
	At       int    `query:"at" minimum:"1"`
	To       int    `query:"to" minimum:"1"`
}

// recordEvents is how many of a record's events the slider goes through.
const recordEvents = 1000

var errEnough = errors.New("api: these are enough")

func (a *api) recordHistory(ctx context.Context, v projections.Viewer, f RecordAsked) (pages.AuditRecord, error) {
	out := pages.AuditRecord{Stream: v.Tenant + "." + f.Category + "-" + f.Record, Members: map[string][]string{}}
	if !eventstore.StreamName(out.Stream).Valid() {
		return out, domain.NotFound("record.unknown", "there is no record of this name")
	}
	err := a.Queries.EachHistory(ctx, v, projections.HistoryFilter{Stream: out.Stream}, func(e projections.HistoryEvent) error {
		if len(out.Events) == recordEvents {
			out.More = true
			return errEnough
		}
		out.Events = append(out.Events, e)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return out, err
	}
	n := len(out.Events)
	if n == 0 {
		return out, domain.NotFound("record.unknown", "there is no record of this name")
	}
	if out.At = n; f.To > 0 {
		out.At = min(f.To, n)
	} else if f.At > 0 {
		out.At = min(f.At, n)
	}
	for _, e := range out.Events {
		if t, known := a.Commands.Codec.Catalog.Find(e.Type); known {
			out.Members[e.Type] = membersOf(t)
		}
	}
	return out, nil
}

// membersOf are what an event of a type could say.
func membersOf(t domain.Type) (names []string) {
	for _, f := range reflect.VisibleFields(t.Go) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}
