package integration

import (
	"sync"
	"testing"

	"github.com/IBM/sarama"
)

// TestKafkaGetsWhatItExpects publishes to sarama's imitation of a broker: it shows that the
// settings agree with each other and what a record looks like, not what a real broker does.
func TestKafkaGetsWhatItExpects(t *testing.T) {
	w := newWorld(t)
	mock := sarama.NewMockBroker(t, 1)
	defer mock.Close()
	var mu sync.Mutex
	produced := 0
	mock.SetHandlerByMap(map[string]sarama.MockResponse{
		"MetadataRequest":       sarama.NewMockMetadataResponse(t).SetBroker(mock.Addr(), mock.BrokerID()).SetLeader("portico", 0, mock.BrokerID()),
		"InitProducerIDRequest": sarama.NewMockInitProducerIDResponse(t),
		"ProduceRequest":        sarama.NewMockProduceResponse(t),
	})
	mock.SetNotifier(func(in, _ int) {
		mu.Lock()
		defer mu.Unlock()
		produced += in
	})
	to, err := Open("kafka://" + mock.Addr() + "/portico")
	if err != nil {
		t.Fatal(err)
	}
	n := w.invoices(3)
	f := w.feed(to)
	w.start(f)
	w.told(f)
	requests := 0
	for _, h := range mock.History() {
		if r, ok := h.Request.(*sarama.ProduceRequest); ok {
			requests++
			if r.RequiredAcks != sarama.WaitForAll {
				t.Errorf("acknowledged by %v", r.RequiredAcks)
			}
		}
	}
	if requests == 0 || requests > n {
		t.Errorf("%d requests for %d events", requests, n)
	}
}
