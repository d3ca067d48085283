package api

import (
	"context"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/subject"
	"portico/internal/privacy"
)

// keepers are staff who answer for personal data.
var keepers = policy{staff: access.ManagePrivacy}

// privacyRoutes are about the personal data of one person: a contact, a member of staff, a
// login, or a customer who is a person. A contact has paths of its own besides.
func (a *api) privacyRoutes() {
	c, p := a.Commands, a.Privacy
	postID(a, "/v1/subjects/{id}/erase", keepers, erase(p), named("EraseSubject"), sensitive)
	postID(a, "/v1/contacts/{id}/erase", keepers, erase(p), named("EraseContact"), sensitive)
	export(a, "/v1/subjects/{id}/export", "ExportSubjectData")
	export(a, "/v1/contacts/{id}/export", "ExportContactData")
	postID(a, "/v1/subjects/{id}/legal-hold", keepers, c.PlaceLegalHold, sensitive)
	postID(a, "/v1/subjects/{id}/legal-hold/release", keepers, c.ReleaseLegalHold, sensitive)
}

func erase(p *privacy.Service) func(context.Context, commands.Caller, uuid.UUID, subject.RequestErasure) (commands.Receipt, error) {
	return func(ctx context.Context, by commands.Caller, id uuid.UUID, cmd subject.RequestErasure) (commands.Receipt, error) {
		return p.Erase(ctx, by, id, cmd)
	}
}

// export gives a copy out. The answer is not kept: a repetition has none of it.
func export(a *api, path, name string) {
	p := a.Privacy
	command(a, "POST", path, keepers, name, []option{withholding("data"), sensitive},
		func(ctx context.Context, by commands.Caller, in *inID[subject.Export]) (privacy.Exported, error) {
			return p.Export(ctx, by, in.ID, in.Body)
		})
}
