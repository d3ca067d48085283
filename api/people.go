package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/tenant"
	doors "portico/internal/people"
	"portico/projections"
)

// staffing is for those who make others staff.
var staffing = policy{staff: access.ManageStaff}

// inviters are staff, and contacts who may invite colleagues (S2.36).
var inviters = policy{staff: access.ManagePeople, module: access.Users, action: access.Create}

// peopleRoutes are about who is let in.
func (a *api) peopleRoutes() {
	c, q := a.Commands, a.Queries
	link := withholding("link")
	command(a, http.MethodPost, "/v1/contacts/{id}/invite", inviters, "InviteContact", []option{creates, link},
		func(ctx context.Context, by commands.Caller, in *inID[commands.InviteContact]) (doors.Invited, error) {
			if err := a.handsOver(ctx, in.Body.HandOver); err != nil {
				return doors.Invited{}, err
			}
			r, err := c.InviteContact(ctx, by, in.ID, in.Body)
			return a.People.Invite(ctx, by, r, err)
		})
	command(a, http.MethodPost, "/v1/invitations", inviters, "InvitePerson", []option{creates, link},
		func(ctx context.Context, by commands.Caller, in *inPlain[commands.InvitePerson]) (doors.Invited, error) {
			if err := a.handsOver(ctx, in.Body.HandOver); err != nil {
				return doors.Invited{}, err
			}
			r, err := c.InvitePerson(ctx, by, in.Body)
			return a.People.Invite(ctx, by, r, err)
		})
	command(a, http.MethodPost, "/v1/invitations/{id}/resend", inviters, "ResendInvitation", []option{link},
		func(ctx context.Context, by commands.Caller, in *inID[commands.ResendInvitation]) (doors.Invited, error) {
			if err := a.handsOver(ctx, in.Body.HandOver); err != nil {
				return doors.Invited{}, err
			}
			r, err := c.ResendInvitation(ctx, by, in.ID, in.Body)
			return a.People.Invite(ctx, by, r, err)
		})
	postID(a, "/v1/invitations/{id}/cancel", inviters, c.CancelInvitation)
	get(a, "/v1/invitations", projections.Access.Name, people, q.ListInvitations)
	command(a, http.MethodPost, "/v1/contacts/{id}/temporary-password", people, "SetTemporaryPassword", []option{creates, withholding("password"), sensitive},
		func(ctx context.Context, by commands.Caller, in *inID[doors.TemporaryPassword]) (doors.Enrolled, error) {
			return a.People.SetTemporaryPassword(ctx, by, in.ID, in.Body)
		})

	command(a, http.MethodPost, "/v1/staff", staffing, "InviteStaff", []option{creates, link, sensitive},
		func(ctx context.Context, by commands.Caller, in *inPlain[commands.InviteStaff]) (doors.Invited, error) {
			r, err := c.InviteStaff(ctx, by, in.Body)
			return a.People.Invite(ctx, by, r, err)
		})
	postID(a, "/v1/staff/{id}/details", staffing, c.ChangeStaffDetails, sensitive)
	postID(a, "/v1/staff/{id}/roles", staffing, c.ChangeStaffRoles, sensitive)
	postID(a, "/v1/staff/{id}/roles/approve", staffing, c.ApproveStaffRoles, sensitive)
	postID(a, "/v1/staff/{id}/roles/decline", staffing, c.DeclineStaffRoles, sensitive)
	postID(a, "/v1/staff/{id}/remove", staffing, c.RemoveStaff, sensitive)
	get(a, "/v1/staff", projections.Access.Name, readers, q.ListStaff)

	post(a, "/v1/tenant/security-policy", settings, c.SetSecurityPolicy, sensitive)
	get(a, "/v1/tenant/security-policy", projections.Portal.Name, readers, a.GetSecurityPolicy)
	a.entryRoutes()
	a.bulkRoute()
}

// handsOver refuses to show a link that lets its holder in, as if it were a password, to whoever
// has not shown lately who they are (8.3.3). One that is mailed is shown to nobody.
func (a *api) handsOver(ctx context.Context, link bool) error {
	if s := requestOf(ctx).session; link && s != nil && !s.Confirmed(a.Clock()) {
		return unconfirmed()
	}
	return nil
}

// GetSecurityPolicy is how people come in, as history has it.
func (a *api) GetSecurityPolicy(ctx context.Context, v projections.Viewer, _ struct{}) (tenant.SecurityPolicy, error) {
	return a.Commands.SecurityPolicy(ctx, v.Tenant)
}

// How often an address may come with a link, or a code.
const (
	entryBurst = 20
	entryEvery = 3 * time.Second
)

// entryRoutes are for who is nobody here yet. What is answered to a link that opens nothing
// is the same, whatever the reason.
func (a *api) entryRoutes() {
	e := a.entries()
	act(a, http.MethodPost, "/v1/invitations/open", public, "OpenInvitation", e.open)
	act(a, http.MethodPost, "/v1/invitations/accept", public, "AcceptInvitation", e.accept)
	act(a, http.MethodPost, "/v1/invitations/again", public, "RenewInvitation", e.again)
	act(a, http.MethodPost, "/v1/invitations/join", self, "JoinByInvitation", e.join)
	act(a, http.MethodPost, "/v1/setup", public, "SetUp", e.setUp)
	a.entryPages(e)
}

// entries are the ways in; programs and pages share their bounds.
type entries struct {
	open   func(context.Context, *inBody[doors.Link]) (*signed[doors.Opened], error)
	accept func(context.Context, *inBody[doors.Acceptance]) (*signed[doors.Accepted], error)
	again  func(context.Context, *inBody[doors.Link]) (*signed[Done], error)
	join   func(context.Context, *inBody[doors.Link]) (*signed[doors.Accepted], error)
	setUp  func(context.Context, *inBody[doors.SetUp]) (*signed[doors.Accepted], error)
}

func (a *api) entries() entries {
	limit := newLimiter(entryBurst, entryEvery, a.Clock)
	return entries{
		open: entry(a, limit, func(ctx context.Context, in doors.Link) (doors.Opened, error) {
			return a.People.Open(ctx, a.by(ctx), in.Token)
		}),
		accept: entry(a, limit, func(ctx context.Context, in doors.Acceptance) (doors.Accepted, error) {
			return a.People.Accept(ctx, a.by(ctx), in)
		}),
		again: entry(a, limit, func(ctx context.Context, in doors.Link) (Done, error) {
			return Done{true}, a.People.Again(ctx, a.by(ctx), in.Token)
		}),
		join: entry(a, limit, func(ctx context.Context, in doors.Link) (doors.Accepted, error) {
			return a.People.Join(ctx, a.by(ctx), requestOf(ctx).who.Login, in.Token)
		}),
		setUp: entry(a, limit, func(ctx context.Context, in doors.SetUp) (doors.Accepted, error) {
			return a.People.SetUp(ctx, a.by(ctx), in)
		}),
	}
}

// entry bounds how often an address may try.
func entry[I, B any](_ *api, limit *limiter, f func(context.Context, I) (B, error)) func(context.Context, *inBody[I]) (*signed[B], error) {
	return func(ctx context.Context, in *inBody[I]) (*signed[B], error) {
		if wait := limit.wait(requestOf(ctx).ip); wait > 0 {
			p := problem(http.StatusTooManyRequests, "invitation.too_many", "you have tried very often: try again in a moment")
			p.retry = wait
			return nil, p
		}
		return answered(f(ctx, in.Body))
	}
}

// inBulk is what a list says beside its rows.
type inBulk struct {
	Confirm string `query:"confirm" maxLength:"20" example:"Confirm" doc:"The word Confirm, exactly; not needed in a dry run"`
	DryRun  bool   `query:"dry_run" doc:"Check every row, and invite nobody"`
}

const aboutBulk = ` The body is a CSV file, streamed, with a header: customer number, name, email, and
if you like preset and language. A row that is refused is answered with its line and the reason, and
stops no other. Sending the file again invites nobody twice: an Idempotency-Key is not needed, and is not read.`

func (a *api) bulkRoute() {
	op := a.operation(http.MethodPost, "/v1/invitations/bulk", people, "InviteAll")
	op.Description += strings.ReplaceAll(aboutBulk, "\n", " ")
	op.Errors = append(op.Errors, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	op.Metadata["stream"] = true
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"text/csv": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}
	huma.Register(a.huma, op, func(ctx context.Context, in *inBulk) (*struct{ Body doors.BulkReport }, error) {
		rq := requestOf(ctx)
		if media, _, _ := strings.Cut(rq.contentType, ";"); strings.TrimSpace(media) != "text/csv" {
			return nil, a.failed(ctx, problem(http.StatusUnsupportedMediaType, "request.unsupported_media_type", "send the list as text/csv"))
		}
		report, err := a.People.InviteAll(ctx, rq.caller(), doors.Bulk{File: io.NopCloser(rq.stream), Confirm: in.Confirm, DryRun: in.DryRun})
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, a.failed(ctx, err)
		}
		return &struct{ Body doors.BulkReport }{report}, err
	})
}
