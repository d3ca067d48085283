package access

import (
	"slices"

	"portico/domain"
)

// StaffRoles are the roles that staff members may have. The others are of API keys, of
// contacts and of Portico itself.
func StaffRoles() []Role {
	return []Role{Viewer, ServiceDesk, Dispatcher, QuoteDesk, Accounts, Administrator, Auditor, Owner}
}

// Privileged are the roles that one person proposes and another approves (PCI DSS v4
// 8.2.4): whoever has one could make others, or watches over all of them.
func Privileged(r Role) bool { return r == Owner || r == Administrator || r == Auditor }

// CheckStaffRoles is roles in order, each once, or a refusal of those that no staff member
// may have.
func CheckStaffRoles(roles []Role) ([]Role, error) {
	roles = slices.Clone(roles)
	slices.Sort(roles)
	roles = slices.Compact(roles)
	for _, r := range roles {
		if !slices.Contains(StaffRoles(), r) {
			return nil, domain.Invalid("staff.role", "there is no role %q: one of %v", r, StaffRoles())
		}
	}
	if len(roles) == 0 {
		return nil, domain.Invalid("staff.role", "say which roles: of %v", StaffRoles())
	}
	return roles, nil
}
