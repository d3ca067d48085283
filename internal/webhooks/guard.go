package webhooks

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"portico/domain"
)

// Guard decides which addresses may be reached: public ones at port 443. It is asked twice:
// when an address is registered, so that people are told, and for each connection, of the
// address that is really dialled, whatever a name resolves to by then (SECURITY §4).
type Guard struct {
	Private  []netip.Prefix // the operator's own networks that may be reached: at any port, over http too
	Ports    []int          // of public addresses, beside 443
	Resolver *net.Resolver  // nil: the system's
}

// refused are the networks of IPv4 that no webhook is in.
var refused = prefixes(
	"0.0.0.0/8",       // this host
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // carrier-grade NAT
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local: metadata of clouds
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, broadcast
)

// global is where IPv6 has public addresses; within it, refused6 are none either. NAT64,
// unique local, link-local, mapped and loopback addresses lie outside.
var (
	global   = netip.MustParsePrefix("2000::/3")
	refused6 = prefixes(
		"2001::/23",     // protocol assignments: Teredo, benchmarks, ORCHID
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4: holds an IPv4 address
		"3fff::/20",     // documentation
	)
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

func within(all []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(a) })
}

// admit tells whether an address may be dialled. plain: without TLS.
func (g *Guard) admit(addr netip.Addr, port int, plain bool) error {
	if addr.Zone() != "" {
		return fmt.Errorf("the address %s has a zone", addr)
	}
	a := addr.Unmap()
	public := !within(refused, a)
	if a.Is6() {
		public = global.Contains(a) && !within(refused6, a)
	}
	switch {
	case within(g.Private, a):
		return nil
	case !public:
		return fmt.Errorf("%s is not an address on the internet: private, local and reserved ones are not reached", a)
	case plain:
		return fmt.Errorf("%s would be reached without encryption: use https", a)
	case port != 443 && !slices.Contains(g.Ports, port):
		return fmt.Errorf("port %d is not reached: use 443", port)
	}
	return nil
}

// control is for net.Dialer: the last look at what is about to be dialled.
func (g *Guard) control(plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err == nil && network != "tcp4" && network != "tcp6" {
			err = fmt.Errorf("%s is not dialled", network)
		}
		if err == nil {
			err = g.admit(at.Addr(), int(at.Port()), plain)
		}
		if err != nil {
			return &RefusedError{err}
		}
		return nil
	}
}

// RefusedError says that the guard did not let a connection be made.
type RefusedError struct{ error }

// Unwrap is why.
func (r *RefusedError) Unwrap() error { return r.error }

// lookup bounds how long registering waits for the name service.
const lookup = 3 * time.Second

// Check refuses an address that would not be reached, as far as that can be known. A name
// that does not resolve now may do so later.
func (g *Guard) Check(ctx context.Context, raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return domain.Invalid("webhook.url", "url is an address such as https://erp.example.com/portico")
	}
	host, plain := u.Hostname(), u.Scheme == "http"
	port, err := portOf(u)
	if err != nil {
		return unreachable(err)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Is4In6() {
			return unreachable(fmt.Errorf("%s is an IPv4 address in disguise", addr))
		}
		return unreachable(g.admit(addr, port, plain))
	}
	if err := checkName(host); err != nil {
		return unreachable(err)
	}
	ctx, cancel := context.WithTimeout(ctx, lookup)
	defer cancel()
	addrs, err := g.resolver().LookupNetIP(ctx, "ip", host)
	if err != nil && plain {
		return unreachable(fmt.Errorf("%s does not resolve, and http is for the operator's own networks only", host))
	}
	for _, a := range addrs {
		if err := g.admit(a, port, plain); err != nil {
			return unreachable(err)
		}
	}
	return nil
}

func (g *Guard) resolver() *net.Resolver {
	if g.Resolver != nil {
		return g.Resolver
	}
	return net.DefaultResolver
}

func unreachable(err error) error {
	if err == nil {
		return nil
	}
	return domain.Invalid("webhook.url_refused", "this url cannot be a webhook: %s", err)
}

func portOf(u *url.URL) (int, error) {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return 0, fmt.Errorf("%q is not https", u.Scheme)
	case u.Port() != "":
		return strconv.Atoi(u.Port())
	case u.Scheme == "http":
		return 80, nil
	}
	return 443, nil
}

// A number at the end makes a host an IPv4 address to some resolvers, in forms that
// net/netip does not read: decimal, hexadecimal, octal, with parts left out.
var (
	numeric  = regexp.MustCompile(`(?i)(^|\.)(0x[0-9a-f]*|[0-9]+)\.?$`)
	hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)
)

func checkName(host string) error {
	switch {
	case strings.Contains(host, "%"):
		return fmt.Errorf("the address %s has a zone", host)
	case numeric.MatchString(host):
		return fmt.Errorf("%s is neither a name nor an address in its usual form", host)
	case !hostName.MatchString(host):
		return fmt.Errorf("%q is no host name; write international ones as xn--…", host)
	}
	return nil
}
