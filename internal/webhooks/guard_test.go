package webhooks

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"portico/domain"
)

// payloads are addresses that no webhook may have (SECURITY §4), each in the forms that
// resolvers and parsers have fallen for.
var payloads = []string{
	"https://127.0.0.1/",
	"https://127.8.9.10/",
	"https://[::1]/",
	"https://[::ffff:127.0.0.1]/",
	"https://[::ffff:a00:1]/",
	"https://[::127.0.0.1]/",
	"https://0.0.0.0/",
	"https://[::]/",
	"https://169.254.169.254/latest/meta-data/",
	"https://[fe80::1]/",
	"https://[fe80::1%25eth0]/",
	"https://[fd00:ec2::254]/",
	"https://10.1.2.3/",
	"https://172.16.0.1/",
	"https://172.31.255.255/",
	"https://192.168.1.1/",
	"https://100.64.0.1/",
	"https://[64:ff9b::7f00:1]/",
	"https://[64:ff9b:1::a00:1]/",
	"https://[2002:7f00:1::]/",
	"https://[2001::1]/",
	"https://[2001:db8::1]/",
	"https://[3fff::1]/",
	"https://[ff02::1]/",
	"https://[fec0::1]/",
	"https://192.0.2.1/",
	"https://198.51.100.1/",
	"https://203.0.113.1/",
	"https://198.18.0.1/",
	"https://192.88.99.1/",
	"https://224.0.0.1/",
	"https://240.0.0.1/",
	"https://255.255.255.255/",
	"https://2130706433/",
	"https://0x7f000001/",
	"https://0x7f.1/",
	"https://0177.0.0.1/",
	"https://017700000001/",
	"https://127.1/",
	"https://127.0.0.1./",
	"https://1.1.1.1:22/",
	"https://1.1.1.1:8080/",
	"http://1.1.1.1/",
	"http://1.1.1.1:443/",
	"ftp://1.1.1.1/",
	"file:///etc/passwd",
	"gopher://1.1.1.1:70/_",
	"https://１２７.0.0.1/",
	"https://exa mple.com/",
	"https://ex%61mple.com/",
}

func TestNoWebhookIsAtAnAddressThatIsNotPublic(t *testing.T) {
	g := &Guard{}
	for _, p := range payloads {
		if err := g.Check(t.Context(), p); domain.CodeOf(err) != "webhook.url_refused" && domain.CodeOf(err) != "webhook.url" {
			t.Errorf("%s: %v", p, err)
		}
		// And whoever gets past that is met when it is dialled.
		u, err := url.Parse(p)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		got := newClient(&Guard{Resolver: resolves(t, "127.0.0.1")}, nil).post(ctx, message{id: "1", url: p, at: time.Now()})
		cancel()
		if got.err == nil || got.status != 0 {
			t.Errorf("%s was dialled: %v", u.Host, got)
		}
	}
	for _, fine := range []string{"https://1.1.1.1/", "https://[2606:4700::1111]/x?y", "https://1.1.1.1:443/"} {
		if err := g.Check(t.Context(), fine); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

func TestTheDialledAddressIsWhatCounts(t *testing.T) {
	for _, p := range payloads {
		u, err := url.Parse(p)
		if err != nil {
			continue
		}
		addr, err := netip.ParseAddr(u.Hostname())
		port, _ := portOf(u)
		if err != nil || port == 0 {
			continue
		}
		g := &Guard{}
		if err := g.control(u.Scheme == "http")("tcp4", netip.AddrPortFrom(addr, uint16(port)).String(), nil); err == nil {
			t.Errorf("%s could be dialled", p)
		}
	}
}

func TestTheOperatorMayAllowNetworksAndPorts(t *testing.T) {
	g := &Guard{Private: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}, Ports: []int{8443}}
	for raw, fine := range map[string]bool{
		"https://10.1.2.3/": true, "http://10.1.2.3:8080/": true, "https://[fd00::1]:9/": true, "https://1.1.1.1:8443/": true,
		"https://10.2.2.3/": false, "http://1.1.1.1/": false, "https://1.1.1.1:8444/": false, "https://127.0.0.1:8443/": false,
	} {
		if err := g.Check(t.Context(), raw); (err == nil) != fine {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// A name that is public when it is registered and loopback when it is dialled.
func TestANameThatChangesItsMindIsNotFollowed(t *testing.T) {
	hit := newReceiver(t, nil)
	port := hit.Listener.Addr().(*net.TCPAddr).Port
	g := &Guard{Resolver: resolves(t, "1.1.1.1", "127.0.0.1"), Ports: []int{port}}
	target := "https://example.com:" + hit.URL[len("https://127.0.0.1:"):] + "/"
	if err := g.Check(t.Context(), target); err != nil {
		t.Fatalf("it was public then: %v", err)
	}
	if err := g.Check(t.Context(), target); domain.CodeOf(err) != "webhook.url_refused" {
		t.Errorf("registered by its second address: %v", err)
	}
	got := newClient(g, trusted()).post(t.Context(), message{id: "1", url: target, at: time.Now()})
	var refused *RefusedError
	if !errors.As(got.err, &refused) || len(hit.all()) != 0 {
		t.Errorf("got %v, %d requests", got.err, len(hit.all()))
	}
	// The control: with the network allowed, the same request arrives.
	g.Private = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if got := newClient(g, trusted()).post(t.Context(), message{id: "1", url: target, at: time.Now()}); got.err != nil || len(hit.all()) != 1 {
		t.Errorf("allowed, and got %v, %d requests", got.err, len(hit.all()))
	}
}

func TestNoProxyOfTheEnvironmentIsUsed(t *testing.T) {
	c := newClient(&Guard{}, nil)
	for _, h := range []http.Client{c.secure, c.plain} {
		if h.Transport.(*http.Transport).Proxy != nil {
			t.Error("a proxy would be asked")
		}
	}
}

// resolves is a resolver for which every name has the addresses given, one after the
// other; the last stays.
func resolves(t testing.TB, addrs ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var asked atomic.Int64
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				at := min(int(asked.Add(1)), len(addrs)) - 1
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: netip.MustParseAddr(addrs[at]).As4()}}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}
