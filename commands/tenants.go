package commands

import (
	"context"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/tenant"
)

func (c *Commands) onTenant(ctx context.Context, by Caller, name string, cmd domain.Command[tenant.Tenant]) (Receipt, error) {
	if err := by.May(access.ManageSettings); err != nil {
		return Receipt{}, err
	}
	return run(ctx, c, by, about(by, name, "tenant", TenantID(by.Tenant)), decision[tenant.Tenant]{cmd: cmd})
}

// RegisterTenant sets the tenant up.
func (c *Commands) RegisterTenant(ctx context.Context, by Caller, cmd tenant.Register) (Receipt, error) {
	return c.onTenant(ctx, by, "RegisterTenant", cmd)
}

// ChangeTenantSettings replaces name, zone, currency and locale.
func (c *Commands) ChangeTenantSettings(ctx context.Context, by Caller, cmd tenant.ChangeSettings) (Receipt, error) {
	return c.onTenant(ctx, by, "ChangeTenantSettings", cmd)
}

// AddBranch adds a branch; the receipt's id is the branch's.
func (c *Commands) AddBranch(ctx context.Context, by Caller, cmd tenant.AddBranch) (Receipt, error) {
	by = by.complete(c)
	cmd.BranchID = by.newID(cmd.BranchID, "branch")
	r, err := c.onTenant(ctx, by, "AddBranch", cmd)
	r.ID = cmd.BranchID
	return r, err
}

// CloseBranch ends a branch.
func (c *Commands) CloseBranch(ctx context.Context, by Caller, cmd tenant.CloseBranch) (Receipt, error) {
	return c.onTenant(ctx, by, "CloseBranch", cmd)
}

// AddContractor adds a contractor; the receipt's id is the contractor's.
func (c *Commands) AddContractor(ctx context.Context, by Caller, cmd tenant.AddContractor) (Receipt, error) {
	by = by.complete(c)
	cmd.ContractorID = by.newID(cmd.ContractorID, "contractor")
	r, err := c.onTenant(ctx, by, "AddContractor", cmd)
	r.ID = cmd.ContractorID
	return r, err
}

// ChangePaymentPolicy says what contacts may pay.
func (c *Commands) ChangePaymentPolicy(ctx context.Context, by Caller, cmd tenant.ChangePaymentPolicy) (Receipt, error) {
	return c.onTenant(ctx, by, "ChangePaymentPolicy", cmd)
}

// ChangeMailSettings says how the tenant's mails look.
func (c *Commands) ChangeMailSettings(ctx context.Context, by Caller, cmd tenant.ChangeMailSettings) (Receipt, error) {
	return c.onTenant(ctx, by, "ChangeMailSettings", cmd)
}

// SetNotificationRoute says whom staff notices of a topic go to.
func (c *Commands) SetNotificationRoute(ctx context.Context, by Caller, cmd tenant.SetNotificationRoute) (Receipt, error) {
	return c.onTenant(ctx, by, "SetNotificationRoute", cmd)
}

// ChangeContactNotices says which contacts of a customer are told of a topic.
func (c *Commands) ChangeContactNotices(ctx context.Context, by Caller, cmd tenant.ChangeContactNotices) (Receipt, error) {
	return c.onTenant(ctx, by, "ChangeContactNotices", cmd)
}

// SetModuleAvailability switches a module on or off for all customers.
func (c *Commands) SetModuleAvailability(ctx context.Context, by Caller, cmd tenant.SetModuleAvailability) (Receipt, error) {
	return c.onTenant(ctx, by, "SetModuleAvailability", cmd)
}

// SetFieldVisibility shows a field to customers, or hides it.
func (c *Commands) SetFieldVisibility(ctx context.Context, by Caller, cmd tenant.SetFieldVisibility) (Receipt, error) {
	return c.onTenant(ctx, by, "SetFieldVisibility", cmd)
}

// RenameField gives a field the name that the business has for it.
func (c *Commands) RenameField(ctx context.Context, by Caller, cmd tenant.RenameField) (Receipt, error) {
	return c.onTenant(ctx, by, "RenameField", cmd)
}

// SetJobAgeLimit hides jobs that are older.
func (c *Commands) SetJobAgeLimit(ctx context.Context, by Caller, cmd tenant.SetJobAgeLimit) (Receipt, error) {
	return c.onTenant(ctx, by, "SetJobAgeLimit", cmd)
}

// ChangeBranding says how the business looks. Its logo is a picture that was uploaded.
func (c *Commands) ChangeBranding(ctx context.Context, by Caller, cmd tenant.ChangeBranding) (Receipt, error) {
	if err := by.May(access.ManageSettings); err != nil {
		return Receipt{}, err
	}
	if cmd.Logo != "" {
		if err := c.picture(ctx, by, cmd.Logo); err != nil {
			return Receipt{}, err
		}
	}
	return c.onTenant(ctx, by, "ChangeBranding", cmd)
}

// picture refuses what the caller's tenant has not handed in, and what cannot be drawn.
func (c *Commands) picture(ctx context.Context, by Caller, sha256 string) error {
	if c.Papers == nil || c.Uploaded == nil {
		return &domain.Error{Kind: domain.KindUnavailable, Code: "documents.unavailable", Message: "no pictures can be looked at here"}
	}
	_, known, err := c.Uploaded(ctx, by.Tenant, sha256)
	if err == nil && !known {
		err = domain.NotFound("file.unknown", "upload the picture first")
	}
	if err != nil {
		return err
	}
	return c.Papers.Image(ctx, sha256)
}

// TenantKnown tells whether a tenant was registered.
func (c *Commands) TenantKnown(ctx context.Context, code string) (bool, error) {
	t, err := peek[tenant.Tenant](ctx, c, code, "tenant", TenantID(code))
	return t.Known(), err
}
