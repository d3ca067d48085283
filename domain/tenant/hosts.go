package tenant

import (
	"regexp"
	"slices"

	"portico/domain"
)

// HostAdded says that the tenant's portal is at a host name: in ASCII and lower case,
// without a port.
type HostAdded struct {
	Host string `json:"host"`
}

// Evolve adds it.
func (e HostAdded) Evolve(s Tenant) Tenant {
	s.hosts = append(slices.Clip(s.hosts), e.Host)
	return s
}

// HostRemoved says that the portal is not at a host name any more.
type HostRemoved struct {
	Host string `json:"host"`
}

// Evolve removes it.
func (e HostRemoved) Evolve(s Tenant) Tenant {
	s.hosts = slices.DeleteFunc(slices.Clone(s.hosts), func(h string) bool { return h == e.Host })
	return s
}

// Hosts are the names that the portal is at, the oldest first: links begin with that one.
func (s Tenant) Hosts() []string { return slices.Clone(s.hosts) }

// maxHosts bounds a tenant's names.
const maxHosts = 20

var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// AddHost puts the tenant's portal at a host name. That no other tenant has it is for the
// caller to know.
type AddHost struct {
	Host string `json:"host" minLength:"1" maxLength:"253"`
}

// Decide adds once.
func (c AddHost) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil || slices.Contains(s.hosts, c.Host) {
		return nil, err
	}
	if len(c.Host) > 253 || !hostName.MatchString(c.Host) {
		return nil, domain.Invalid("tenant.host", "%q is not a host name such as portal.example.com", c.Host)
	}
	if len(s.hosts) >= maxHosts {
		return nil, domain.Refused("tenant.too_many_hosts", "a tenant has %d host names at most", maxHosts)
	}
	return []Event{HostAdded(c)}, nil
}

// RemoveHost takes the portal away from a host name.
type RemoveHost struct {
	Host string `json:"host" minLength:"1" maxLength:"253"`
}

// Decide removes what is there.
func (c RemoveHost) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil || !slices.Contains(s.hosts, c.Host) {
		return nil, err
	}
	return []Event{HostRemoved(c)}, nil
}
