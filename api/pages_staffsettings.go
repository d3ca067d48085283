package api

import (
	"context"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/tenant"
	"portico/internal/files"
	"portico/projections"
	"portico/web/pages"
)

const staffSettings = "/staff/settings/"

// settingsPages are what the business decides for all of its customers, a page a section. A form
// gives the commands of what differs from what is.
func (a *api) settingsPages() {
	c, sheets := a.Commands, map[string]sheet{}
	for _, section := range pages.SettingsSections {
		who := readers
		if section == "notifications" || section == "mail" {
			who = settings
		}
		sheets[section] = look(a, staffSettings+section, projections.Portal.Name, who, "ShowSettings_"+section, a.businessSettings,
			func(_ struct{}, b pages.Business) templ.Component { return pages.Settings(section, b) })
	}
	settingsForm(a, sheets, "general", ofBody(c.ChangeTenantSettings))
	settingsForm(a, sheets, "brand", ofBody(c.ChangeBranding))
	takesFile(a, staffSettings+"logo", settings, "SendLogo", "settings", a.takeLogo, sheets["brand"])
	gives(a, staffSettings+"logo/remove", settings, "SendLogoRemove", "settings", func(ctx context.Context, by commands.Caller, _ *inPlain[nothing]) (commands.Receipt, error) {
		return a.changeLogo(ctx, by, "")
	}, ledTo[inPlain[nothing]](staffSettings+"brand"), sheets["brand"])
	settingsForm(a, sheets, "security", ofBody(c.SetSecurityPolicy), sensitive)
	settingsForm(a, sheets, "mail", ofBody(c.ChangeMailSettings))
	settingsForm(a, sheets, "jobs", ofBody(c.SetJobAgeLimit))
	settingsForm(a, sheets, "payments", a.changePaymentPolicy)
	settingsForm(a, sheets, "modules", a.changeModules)
	settingsForm(a, sheets, "fields", a.changeField)
	settingsForm(a, sheets, "notifications", a.changeNotices)
	gives(a, staffSettings+"routes", settings, "SendSettings_routes", "settings", a.changeRoutes, ledTo[inPlain[RoutesTyped]](staffSettings+"notifications"), sheets["notifications"])
	gives(a, staffSettings+"branches", settings, "SendSettings_branches", "settings", ofBody(c.AddBranch), ledTo[inPlain[tenant.AddBranch]](staffSettings+"places"), sheets["places"])
	gives(a, staffSettings+"contractors", settings, "SendSettings_contractors", "settings", ofBody(c.AddContractor), ledTo[inPlain[tenant.AddContractor]](staffSettings+"places"), sheets["places"])
	closing := lookAt(a, staffSettings+"branches/{id}/close", projections.Portal.Name, settings, "ShowBranchClose", a.branch, pages.CloseBranch)
	gives(a, staffSettings+"branches/{id}/close", settings, "SendBranchClose", "settings", func(ctx context.Context, by commands.Caller, in *inID[tenant.CloseBranch]) (commands.Receipt, error) {
		cmd := in.Body
		cmd.BranchID = in.ID
		return c.CloseBranch(ctx, by, cmd)
	}, ledTo[inID[tenant.CloseBranch]](staffSettings+"places"), closing)
}

func settingsForm[C any](a *api, sheets map[string]sheet, section string, do func(context.Context, commands.Caller, *inPlain[C]) (commands.Receipt, error), more ...option) {
	gives(a, staffSettings+section, settings, "SendSettings_"+section, "settings", do, ledTo[inPlain[C]](staffSettings+section), sheets[section], more...)
}

// takeLogo makes a picture the business's mark.
func (a *api) takeLogo(ctx context.Context, by commands.Caller, _ *struct{}, f files.File) (string, commands.Receipt, error) {
	got, err := a.changeLogo(ctx, by, f.SHA256)
	return staffSettings + "brand", got, err
}

// changeLogo leaves the rest of the branding as it is.
func (a *api) changeLogo(ctx context.Context, by commands.Caller, sha256 string) (commands.Receipt, error) {
	t, err := a.Commands.Tenant(ctx, by.Tenant)
	if err != nil {
		return commands.Receipt{}, err
	}
	look := t.Branding()
	look.Logo = sha256
	return a.Commands.ChangeBranding(ctx, by, tenant.ChangeBranding{Branding: look})
}

// businessSettings are all of them: each section shows its own.
func (a *api) businessSettings(ctx context.Context, v projections.Viewer, _ struct{}) (b pages.Business, err error) {
	a.awaitStaff(ctx)
	if b.Tenant, err = a.Queries.GetTenant(ctx, v); err != nil {
		return b, err
	}
	if b.Security, err = a.GetSecurityPolicy(ctx, v, struct{}{}); err != nil {
		return b, err
	}
	if b.Manages = access.Can(requestOf(ctx).who.Roles, access.ManageSettings); b.Manages {
		b.Told, err = a.Queries.GetNotificationSettings(ctx, v)
	}
	return b, err
}

func (a *api) branch(ctx context.Context, v projections.Viewer, id uuid.UUID) (projections.Place, error) {
	t, err := a.Queries.GetTenant(ctx, v)
	if err != nil {
		return projections.Place{}, err
	}
	i := slices.IndexFunc(t.Branches, func(p projections.Place) bool { return p.ID == id && !p.Closed })
	if i < 0 {
		return projections.Place{}, domain.NotFound("tenant.branch_unknown", "there is no such branch, or it is closed")
	}
	return t.Branches[i], nil
}

// several gives commands in turn, each with an id of its own under the form's; the answer is the
// last one's that did something.
func several[C any](ctx context.Context, by commands.Caller, all []C, name func(C) string, do func(context.Context, commands.Caller, C) (commands.Receipt, error)) (last commands.Receipt, err error) {
	form := by.CommandID
	for _, cmd := range all {
		if form != uuid.Nil {
			by.CommandID = domain.DerivedID(form, name(cmd))
		}
		r, err := do(ctx, by, cmd)
		if err != nil {
			return last, err
		}
		if r.Events += last.Events; r.Position.Hi < last.Position.Hi {
			r.Position = last.Position
		}
		last = r
	}
	return last, nil
}

// PolicyTyped is a payment policy whose least part is an amount as people write it.
type PolicyTyped struct {
	Part    string        `json:"part" enum:"off,any"`
	Minimum *domain.Money `json:"minimum,omitempty"`
	Over    string        `json:"over" enum:"refuse,credit"`
}

func (a *api) changePaymentPolicy(ctx context.Context, by commands.Caller, in *inPlain[PolicyTyped]) (commands.Receipt, error) {
	p := domain.PaymentPolicy{Part: in.Body.Part, Over: in.Body.Over}
	if in.Body.Minimum != nil {
		p.Minimum = in.Body.Minimum.Minor
	}
	return a.Commands.ChangePaymentPolicy(ctx, by, tenant.ChangePaymentPolicy{PaymentPolicy: p})
}

// ModulesTicked are those that customers are let into.
type ModulesTicked struct {
	On []access.Module `json:"on,omitempty" maxItems:"50"`
	domain.Because
}

func (a *api) changeModules(ctx context.Context, by commands.Caller, in *inPlain[ModulesTicked]) (commands.Receipt, error) {
	now, err := a.Queries.GetTenant(ctx, requestOf(ctx).viewer())
	if err != nil {
		return commands.Receipt{}, err
	}
	if err := in.Body.Check(); err != nil {
		return commands.Receipt{}, err
	}
	var all []tenant.SetModuleAvailability
	for _, m := range access.Modules() {
		if on := slices.Contains(in.Body.On, m); on == slices.Contains(now.Portal.ModulesOff, m) {
			all = append(all, tenant.SetModuleAvailability{Module: m, Available: on, Because: in.Body.Because})
		}
	}
	return several(ctx, by, all, func(c tenant.SetModuleAvailability) string { return string(c.Module) }, a.Commands.SetModuleAvailability)
}

// FieldTyped is what a field is called, and whether customers see it.
type FieldTyped struct {
	access.Field
	Label   string `json:"label,omitempty" maxLength:"60"`
	Visible bool   `json:"visible,omitempty"`
}

func (a *api) changeField(ctx context.Context, by commands.Caller, in *inPlain[FieldTyped]) (commands.Receipt, error) {
	f, form := in.Body, by.CommandID
	named, err := a.Commands.RenameField(ctx, by, tenant.RenameField{Field: f.Field, Label: f.Label})
	if err != nil {
		return named, err
	}
	if form != uuid.Nil {
		by.CommandID = domain.DerivedID(form, "visible")
	}
	shown, err := a.Commands.SetFieldVisibility(ctx, by, tenant.SetFieldVisibility{Field: f.Field, Visible: f.Visible})
	if shown.Events == 0 && err == nil {
		return named, nil
	}
	return shown, err
}

// NoticesTyped are who is told, by topic.
type NoticesTyped struct {
	To map[string]string `json:"to"`
}

func (a *api) changeNotices(ctx context.Context, by commands.Caller, in *inPlain[NoticesTyped]) (commands.Receipt, error) {
	var all []tenant.ChangeContactNotices
	for _, topic := range tenant.ContactTopics {
		if to := in.Body.To[topic]; to != "" {
			all = append(all, tenant.ChangeContactNotices{Topic: topic, To: to})
		}
	}
	return several(ctx, by, all, func(c tenant.ChangeContactNotices) string { return c.Topic }, a.Commands.ChangeContactNotices)
}

// RoutesTyped are addresses by topic, with commas or spaces between.
type RoutesTyped struct {
	Route map[string]string `json:"route,omitempty"`
}

func (a *api) changeRoutes(ctx context.Context, by commands.Caller, in *inPlain[RoutesTyped]) (commands.Receipt, error) {
	var all []tenant.SetNotificationRoute
	for _, topic := range tenant.StaffTopics {
		to := strings.FieldsFunc(in.Body.Route[topic], func(r rune) bool { return strings.ContainsRune(", ;\n", r) })
		all = append(all, tenant.SetNotificationRoute{Topic: topic, Recipients: to})
	}
	return several(ctx, by, all, func(c tenant.SetNotificationRoute) string { return c.Topic }, a.Commands.SetNotificationRoute)
}
