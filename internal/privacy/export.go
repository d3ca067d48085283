package privacy

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/subject"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/projections"
)

// Copy is everything that is known of one person.
type Copy struct {
	SubjectID uuid.UUID                  `json:"subject_id"`
	Kind      string                     `json:"kind" enum:"contact,customer,staff,login"`
	LoginID   *uuid.UUID                 `json:"login_id,omitempty" doc:"The human whose membership it is"`
	MadeAt    time.Time                  `json:"made_at"`
	Profile   *projections.Contact       `json:"profile,omitempty" doc:"As staff see the contact now"`
	Events    []projections.HistoryEvent `json:"events" nullable:"false" doc:"What happened to the person and what the person did, without the data of anybody else"`
	Parts     map[string]any             `json:"parts" doc:"What else is kept, by what it is: mails and so on"`
}

// Exported is a copy just given out. It is nowhere else.
type Exported struct {
	commands.Receipt
	Data *Copy `json:"data,omitempty" doc:"The data; a repeated request does not give them again"`
}

// Export gives out a copy of a person's data, and records that. What is said of other
// people is left out.
func (s *Service) Export(ctx context.Context, by commands.Caller, id uuid.UUID, cmd subject.Export) (Exported, error) {
	if err := by.May(access.ManagePrivacy); err != nil {
		return Exported{}, err
	}
	who, err := s.Commands.PersonOf(ctx, by.Tenant, id)
	if err != nil {
		return Exported{}, err
	}
	made := &Copy{SubjectID: id, Kind: who.Kind, MadeAt: s.Clock().UTC().Truncate(time.Second), Parts: map[string]any{}}
	if who.Login != uuid.Nil {
		made.LoginID = &who.Login
	}
	if err := s.fill(ctx, by.Tenant, who, made, &cmd); err != nil {
		return Exported{}, err
	}
	r, err := s.Commands.RecordExport(ctx, by, id, cmd)
	if err != nil {
		return Exported{}, err
	}
	return Exported{r, made}, nil
}

func (s *Service) fill(ctx context.Context, tenant string, who commands.Person, made *Copy, cmd *subject.Export) (err error) {
	head, err := s.Commands.Store.Head(ctx)
	if err != nil {
		return err
	}
	for _, group := range []string{projections.Access.Name, projections.Audit.Name} {
		if err := s.Shown(ctx, group, uuid.Nil, head); err != nil {
			return err
		}
	}
	viewer := projections.Viewer{Tenant: tenant, Kind: envelope.System, ID: itself(tenant).Actor.ID}
	if who.Kind == subject.Contact {
		if made.Profile, err = s.profile(ctx, viewer, who, made.SubjectID); err != nil {
			return err
		}
	}
	if made.Events, err = s.events(ctx, viewer, who, made); err != nil {
		return err
	}
	cmd.Parts = append(cmd.Parts, subject.Part{What: "events", Count: len(made.Events)})
	ids := []uuid.UUID{made.SubjectID}
	if who.Login != uuid.Nil {
		ids = append(ids, who.Login)
	}
	for _, from := range s.Sources {
		var all []any
		total := 0
		for _, id := range ids {
			rows, n, err := from.Of(ctx, tenant, id)
			if err != nil {
				return err
			}
			if n > 0 {
				all, total = append(all, rows), total+n
			}
		}
		if made.Parts[from.Name] = all; len(all) == 1 {
			made.Parts[from.Name] = all[0]
		}
		cmd.Parts = append(cmd.Parts, subject.Part{What: from.Name, Count: total})
	}
	return nil
}

func (s *Service) profile(ctx context.Context, v projections.Viewer, who commands.Person, id uuid.UUID) (*projections.Contact, error) {
	f := projections.ContactFilter{CustomerID: who.Route, Removed: true, Paging: projections.Paging{Limit: 200}}
	for {
		page, err := s.Queries.ListContacts(ctx, v, f)
		if err != nil {
			return nil, err
		}
		for _, c := range page.Items {
			if c.ID == id {
				return &c, nil
			}
		}
		if page.Next == "" {
			return nil, nil
		}
		f.Cursor = page.Next
	}
}

// only shows what is sealed for some subjects, and nothing of anybody else.
type only struct {
	envelope.Keys
	of []uuid.UUID
}

// Numbered is a key of theirs.
func (o only) Numbered(ctx context.Context, tenant string, subject uuid.UUID, no int) (envelope.Key, error) {
	if !slices.Contains(o.of, subject) {
		return envelope.Key{}, envelope.ErrErased
	}
	return o.Keys.Numbered(ctx, tenant, subject, no)
}

// showing answers history with the data of some subjects only.
func (s *Service) showing(of ...uuid.UUID) *projections.Queries {
	q := s.Queries
	return &projections.Queries{DB: q.DB, Schema: q.Schema, Clock: q.Clock, Store: q.Store,
		Codec: &envelope.Codec{Catalog: q.Codec.Catalog, Keys: only{q.Codec.Keys, of}}}
}

// events are what is about the person and what the person did, in order. A contact may
// have its own words back that are kept with its customer's data.
func (s *Service) events(ctx context.Context, v projections.Viewer, who commands.Person, made *Copy) ([]projections.HistoryEvent, error) {
	own := []uuid.UUID{made.SubjectID}
	about := map[string]uuid.UUID{who.Kind: made.SubjectID, "subject": made.SubjectID}
	if who.Login != uuid.Nil {
		own, about[subject.Login] = append(own, who.Login), who.Login
	}
	theirs := own
	if who.Kind == subject.Contact {
		theirs = append(slices.Clip(own), who.Route)
	}
	found := map[uuid.UUID]projections.HistoryEvent{}
	collect := func(q *projections.Queries, f projections.HistoryFilter) error {
		for f.Limit = 200; ; {
			page, err := q.GetHistory(ctx, v, f)
			if err != nil {
				return err
			}
			for _, e := range page.Events {
				e.ActorName = "" // perhaps somebody else's
				found[e.ID] = e
			}
			if f.After = page.Next; !page.More {
				return nil
			}
		}
	}
	for category, id := range about {
		stream := eventstore.Stream(v.Tenant, category, id.String())
		if err := collect(s.showing(own...), projections.HistoryFilter{Stream: string(stream)}); err != nil {
			return nil, err
		}
	}
	if err := collect(s.showing(theirs...), projections.HistoryFilter{ActorID: made.SubjectID}); err != nil {
		return nil, err
	}
	if err := s.keysOf(ctx, v, made.SubjectID, func(key uuid.UUID) error {
		stream := eventstore.Stream(v.Tenant, "apikey", key.String())
		return collect(s.showing(own...), projections.HistoryFilter{Stream: string(stream)})
	}); err != nil {
		return nil, err
	}
	all := make([]projections.HistoryEvent, 0, len(found))
	for _, e := range found {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b projections.HistoryEvent) int { return place(a).Compare(place(b)) })
	return all, nil
}

func place(e projections.HistoryEvent) eventstore.Position {
	p, _ := eventstore.ParsePosition(e.Position) // our own writing
	return p
}

// keysOf goes through the API keys of a contact.
func (s *Service) keysOf(ctx context.Context, v projections.Viewer, id uuid.UUID, do func(key uuid.UUID) error) error {
	p := projections.Paging{Limit: 200}
	for {
		page, err := s.Queries.ListAPIKeys(ctx, v, p)
		if err != nil {
			return err
		}
		for _, k := range page.Items {
			if k.ContactID != nil && *k.ContactID == id {
				if err := do(k.ID); err != nil {
					return err
				}
			}
		}
		if p.Cursor = cmp.Or(page.Next, ""); p.Cursor == "" {
			return nil
		}
	}
}
