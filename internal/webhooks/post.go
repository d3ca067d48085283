package webhooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"portico/internal/public"
)

// Bounds of one request.
const (
	sendTime   = 15 * time.Second // from dialling to the end of the answer
	dialTime   = 5 * time.Second
	readAtMost = 64 << 10 // of an answer: then the connection is closed
	keepAtMost = 1 << 10  // of that, for people to read
	headAtMost = 16 << 10
	restAtMost = time.Hour // that a receiver may ask for by Retry-After
	idleAtMost = 30 * time.Second
)

// client posts to webhooks, and to nothing that the guard does not let through. It follows
// no redirect, asks no proxy, keeps no cookie.
type client struct{ secure, plain http.Client }

func newClient(g *Guard, trust *tls.Config) *client {
	with := func(plain bool) http.Client {
		dialer := &net.Dialer{Timeout: dialTime, Resolver: g.Resolver, Control: g.control(plain)}
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		if trust != nil {
			config = trust.Clone()
		}
		return http.Client{
			Timeout:       sendTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: nil, DialContext: dialer.DialContext, TLSClientConfig: config, TLSHandshakeTimeout: dialTime, ForceAttemptHTTP2: true,
				DisableCompression: true, MaxResponseHeaderBytes: headAtMost, MaxIdleConnsPerHost: perEndpoint, MaxIdleConns: 100, IdleConnTimeout: idleAtMost,
			},
		}
	}
	return &client{with(false), with(true)}
}

// message is what is posted.
type message struct {
	id      string
	url     string
	body    []byte
	secrets [][]byte
	at      time.Time
	agent   string
}

// answer is what came of it.
type answer struct {
	status     int // 0: none came
	response   string
	retryAfter time.Duration
	took       time.Duration
	err        error // why it was not delivered; it does not hold the address, which may hold secrets
}

// post sends a message once.
func (c *client) post(ctx context.Context, m message) (a answer) {
	begun := time.Now()
	defer func() { a.took = time.Since(begun) }()
	r, err := m.request(ctx)
	if err != nil {
		return answer{err: withoutURL(err)}
	}
	with := &c.secure
	if r.URL.Scheme == "http" {
		with = &c.plain
	}
	got, err := with.Do(r)
	if err != nil {
		return answer{err: withoutURL(err)}
	}
	defer got.Body.Close()
	a.status = got.StatusCode
	head, err := io.ReadAll(io.LimitReader(got.Body, readAtMost))
	a.response = excerpt(head)
	switch {
	case a.status >= 200 && a.status < 300: // however the rest of the answer comes out
	case a.status >= 300 && a.status < 400:
		a.err = fmt.Errorf("answered %d: redirects are not followed, change the url instead", a.status)
	case err != nil:
		a.err = fmt.Errorf("answered %d, and then: %w", a.status, withoutURL(err))
	default:
		a.err = fmt.Errorf("answered %d", a.status)
	}
	a.retryAfter = retryAfter(got.Header.Get("Retry-After"), m.at)
	return a
}

// request signs (Standard Webhooks): with each live secret, so that a receiver that knows
// any of them can verify.
func (m message) request(ctx context.Context) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(m.body))
	if err != nil {
		return nil, err
	}
	var signatures []string
	for _, secret := range m.secrets {
		hook, err := standardwebhooks.NewWebhookRaw(secret)
		if err != nil {
			return nil, err
		}
		signature, err := hook.Sign(m.id, m.at, m.body)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, signature)
	}
	r.Header.Set("Content-Type", public.ContentType)
	r.Header.Set("User-Agent", m.agent)
	r.Header.Set(standardwebhooks.HeaderWebhookID, m.id)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(m.at.Unix(), 10))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return r, nil
}

// withoutURL is an error of net/http without the address in it.
func withoutURL(err error) error {
	var of *url.Error
	if !errors.As(err, &of) {
		return err
	}
	if of.Timeout() {
		return fmt.Errorf("no answer within %v: %w", sendTime, of.Err)
	}
	return of.Err
}

// retryAfter is how long a receiver asks to be left alone, within bounds.
func retryAfter(header string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.Atoi(header); err == nil {
		d = time.Duration(min(max(seconds, 0), int(restAtMost/time.Second))) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), restAtMost)
}

// excerpt is the beginning of an answer as text that can be kept.
func excerpt(body []byte) string {
	s := string(body[:min(len(body), keepAtMost)])
	return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
}
