package api

import (
	"cmp"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"

	"portico/internal/pg"
)

// settle finds out whose portal a request is for, by the host name that it asks, and lets
// it see rows of that tenant only. Without a directory of tenants, its key decides.
func (a *api) settle(rq *request, r *http.Request) (*http.Request, error) {
	if a.Tenants == nil {
		return r, nil
	}
	tenant, known := a.Tenants(a.hostOf(r))
	if !known {
		return r, problem(http.StatusMisdirectedRequest, "host.unknown", "nobody's portal is at this host name")
	}
	rq.tenant = tenant
	return r.WithContext(pg.InTenant(r.Context(), tenant)), nil
}

// hostOf is the host name that a client asked for: in ASCII, without port and in lower case.
// What a trusted proxy says that it was asked for counts instead of what it asks us for.
func (a *api) hostOf(r *http.Request) string {
	host := r.Host
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && a.trusted(peer.Addr().Unmap().WithZone("")) {
		said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-Host"), ","), ",")
		host = cmp.Or(strings.TrimSpace(said[len(said)-1]), host) // the nearest proxy's
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return host
}
