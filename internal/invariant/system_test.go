package invariant

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/catalog"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/keyring"
)

// history is a log in memory, to which a test may write what Portico never would.
type history struct {
	t     *testing.T
	store *eventstore.Memory
	codec *envelope.Codec
}

var (
	customer = uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	bill     = uuid.MustParse("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
	received = uuid.MustParse("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
	asked    = uuid.MustParse("6ba7b813-9dad-11d1-80b4-00c04fd430c8")
	ledgers  = eventstore.Stream("main", "account", customer.String()+"-GBP")
	bills    = eventstore.Stream("main", "invoice", bill.String())
)

func gbp(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: "GBP"} }

func newHistory(t *testing.T) history {
	return history{t, eventstore.NewMemory(), &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}}
}

// add appends events under a command's id.
func (h history) add(stream eventstore.StreamName, version int64, command uuid.UUID, events ...any) {
	h.t.Helper()
	sealed := make([]eventstore.Event, len(events))
	for i, e := range events {
		meta := envelope.Meta{
			Tenant: "main", Actor: envelope.Actor{Kind: "staff", ID: uuid.New()}, Origin: envelope.Origin{Channel: "api", Node: "n"},
			OccurredAt: time.Now(), CommandID: command, Command: "Test", CorrelationID: command, CausationID: command,
		}
		var err error
		if sealed[i], err = h.codec.Seal(h.t.Context(), stream, uuid.New(), meta, e); err != nil {
			h.t.Fatal(err)
		}
	}
	if _, err := h.store.Append(h.t.Context(), stream, version, sealed...); err != nil {
		h.t.Fatal(err)
	}
}

// usual is a paid invoice.
func usual(t *testing.T) history {
	t.Helper()
	h := newHistory(t)
	document := invoice.Document{Number: "1", Party: domain.Party{CustomerID: &customer}}
	h.add(bills, -1, uuid.New(), invoice.Issued{Document: document})
	h.add(ledgers, -1, uuid.New(), account.Opened{CustomerID: customer, Currency: "GBP"},
		account.InvoicePosted{InvoiceID: bill, Number: "1", Payable: gbp(100)})
	h.add(ledgers, 1, asked, account.PaymentReceived{PaymentID: received, Amount: gbp(70), Method: "label"},
		account.PaymentAllocated{PaymentID: received, InvoiceID: bill, Amount: gbp(70), Open: gbp(30), Unapplied: gbp(0)})
	return h
}

func (h history) check(receipts ...Receipt) (r Report) {
	h.t.Helper()
	log, err := scanLog(h.t.Context(), h.store, h.codec, &r)
	if err != nil {
		h.t.Fatal(err)
	}
	log.receipts(receipts, &r)
	log.carried.check(&r)
	log.checkLedgers(&r)
	return r
}

// only demands that one rule is broken, and no other.
func only(t *testing.T, r Report, rule string) {
	t.Helper()
	if !r.Breaks(rule) || len(r.Count) != 1 {
		t.Errorf("want %s alone broken, got %v", rule, r.Err())
	}
}

var paid = Receipt{Label: "label", Command: asked, Type: "account.payment_received", Status: 201, Stream: ledgers, Version: 3, Pos: 5}

func TestWhatIsWholeBreaksNothing(t *testing.T) {
	if err := usual(t).check(paid).Err(); err != nil {
		t.Error(err)
	}
}

func TestReceiptsAreHeldAgainstTheLog(t *testing.T) {
	h := usual(t)
	lost, gone, refused := paid, paid, paid
	lost.Version = 4
	only(t, h.check(lost), RuleAcked)
	gone.Command = uuid.New()
	only(t, h.check(gone), RuleOnce)
	refused.Status = 409
	only(t, h.check(refused), RuleRefused)
	h.add(ledgers, 3, uuid.New(), account.PaymentReceived{PaymentID: uuid.New(), Amount: gbp(70), Method: "label"})
	only(t, h.check(paid), RuleOnce)
}

func TestACommandIsAppendedOnce(t *testing.T) {
	h := usual(t)
	h.add(ledgers, 3, uuid.New(), account.PaymentSettled{PaymentID: received})
	h.add(ledgers, 4, asked, account.PaymentSettled{PaymentID: received})
	only(t, h.check(), RuleCommand)
}

func TestADocumentIsCarriedOverOnce(t *testing.T) {
	h := usual(t)
	h.add(bills, 0, uuid.New(), invoice.Voided{})
	only(t, h.check(), RuleCarried)
	h = newHistory(t)
	h.add(bills, -1, uuid.New(), invoice.Issued{Document: invoice.Document{Number: "1", Party: domain.Party{CustomerID: &customer}}})
	only(t, h.check(), RuleCarried)
}

func TestMoneyAddsUp(t *testing.T) {
	h := usual(t)
	h.add(ledgers, 3, uuid.New(), account.PaymentAllocated{PaymentID: received, InvoiceID: bill, Amount: gbp(10), Open: gbp(20), Unapplied: gbp(-10)})
	only(t, h.check(), RuleMoney)
	h = usual(t)
	h.add(ledgers, 3, uuid.New(), account.PaymentReversed{PaymentID: received, Amount: gbp(70), Shortfall: gbp(70)})
	only(t, h.check(), RuleMoney) // nobody owes the shortfall
}

func TestThePlacesOfEventsFollowEachOther(t *testing.T) {
	var r Report
	s := &scan{streams: map[eventstore.StreamName]span{}, at: map[uint64]place{}}
	now := time.Now()
	at := func(pos uint64, version int64, at time.Time) {
		s.log(eventstore.Recorded{Stream: bills, Version: version, Pos: eventstore.Position{Hi: pos}, At: at}, now, &r)
	}
	at(1, 0, now)
	at(2, 1, now)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	at(4, 2, now)
	at(5, 2, now)
	at(6, 3, now.Add(-time.Second))
	if r.Count[RuleDense] != 1 || r.Count[RuleStream] != 1 || r.Count[RuleTime] != 1 {
		t.Errorf("found %v", r.Err())
	}
}

func TestReceiptsAreReadAsTheyWereWritten(t *testing.T) {
	var file strings.Builder
	first := paid
	first.Status = 0
	for _, r := range []Receipt{first, {Label: "other"}, paid} {
		if err := r.Write(&file); err != nil {
			t.Fatal(err)
		}
	}
	read, err := ReadReceipts(strings.NewReader(file.String() + `{"label":"cut o`))
	if err != nil || len(read) != 2 || read[0] != paid || read[1].Label != "other" {
		t.Errorf("read %v, %v", read, err)
	}
	if _, err := ReadReceipts(strings.NewReader("{\n" + file.String())); err == nil {
		t.Error("a broken line in the middle passed")
	}
}
