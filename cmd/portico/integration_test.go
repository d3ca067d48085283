package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"portico/internal/integration"
	"portico/internal/reactions"
)

// A server told to publish does so from its first command on; metrics say how far; nobody
// else notices when the broker is gone, and it can be told again by hand.
func TestServePublishes(t *testing.T) {
	broker, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	if !broker.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	conn, err := nats.Connect(broker.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := conn.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	dir := dataDir(t)
	s := serveSample(t, dir, "--publish", broker.ClientURL()+"?create=true&stream=TEST&subject=test.events")
	published := func(subject string) uint64 {
		info, err := js.StreamInfo("TEST", &nats.StreamInfoRequest{SubjectsFilter: subject})
		if err != nil {
			return 0
		}
		n := uint64(0)
		for _, of := range info.State.Subjects {
			n += of
		}
		return n
	}
	waitUntil(t, func() bool {
		return published("test.events.main.invoice.published.v1") > 10 && strings.Contains(s.metrics(t), `portico_lag_events{kind="consumer",name="integration"} 0`)
	})

	broker.Shutdown()
	broker.WaitForShutdown()
	if resp, err := http.Get(s.address + "/readyz"); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("without the broker: %v, %v", resp, err)
	}
	out, err := portico(t, dir, "integration", "replay", "--from", "0.0").Output()
	if err != nil || !strings.Contains(string(out), "published again") {
		t.Errorf("replay: %s, %v", out, err)
	}
	if out, err := portico(t, dir, "integration", "replay", "--from", "99999999.0").CombinedOutput(); err == nil {
		t.Errorf("replay forward: %s", out)
	}
	out, err = portico(t, dir, "integration", "status").Output()
	// It may have passed over the first events already: they are nobody's but ours.
	if err != nil || !regexp.MustCompile(`published up to  \d\.0\n`).Match(out) || !strings.Contains(string(out), "set aside        0") {
		t.Errorf("status: %s, %v", out, err)
	}
	waitUntil(t, func() bool { // what has to be published again is seen to wait
		return regexp.MustCompile(`portico_lag_seconds\{kind="consumer",name="integration"\} [1-9]`).MatchString(s.metrics(t))
	})
	began := time.Now()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil || time.Since(began) > drain {
		t.Errorf("it ended after %v: %v", time.Since(began), err)
	}
}

// What cannot be published to is said at the start, without the password.
func TestPublishIsChecked(t *testing.T) {
	for where, says := range map[string]string{
		"amqp://user:secret@mq":             "--publish: where to publish: give nats://",
		"nats://user:secret@mq?steam=X":     `"steam" is no setting`,
		"nats://user:secret@mq?create=true": "--publish-from is now or start",
	} {
		_, err := open(t.Context(), &settings{publish: where, publishFrom: "when"})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// What publishing has set aside is tried again only with a broker to publish to.
func TestRetryNeedsABroker(t *testing.T) {
	err := (&app{}).retry(t.Context(), reactions.Refusal{Consumer: integration.Consumer})
	if err == nil || !strings.Contains(err.Error(), "--publish") {
		t.Error(err)
	}
}

func (s *served) metrics(t *testing.T) string {
	t.Helper()
	resp, err := http.Get(s.address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func waitUntil(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen")
		}
	}
}
