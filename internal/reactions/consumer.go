package reactions

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"

	"portico/internal/eventstore"
)

// Received is the event that a message of the log carries, and how often it was handed out
// before.
func Received(m *message.Message) (r eventstore.Recorded, try int, err error) {
	if r, err = fromMessage(m); err != nil {
		return r, 0, err
	}
	try, err = strconv.Atoi(m.Metadata.Get(keyTry))
	return r, try, err
}

const (
	sqlStartAt = `insert into portico.consumers (name, low_hi, low_lo) values ($1, $2::text::numeric, $3::text::numeric) on conflict do nothing`
	// The next epoch fences whoever has the lease: it starts again, from there.
	sqlRewind = `update portico.consumers set low_hi = $2::text::numeric, low_lo = $3::text::numeric, epoch = epoch + 1, expires = null
		where name = $1 and (low_hi, low_lo) >= ($2::text::numeric, $3::text::numeric)`
)

// StartAt lets a consumer that has never run begin after pos instead of at the log's
// beginning. One that has goes on where it was.
func (s *Subscriber) StartAt(ctx context.Context, topic string, pos eventstore.Position) error {
	at := textOf(pos)
	_, err := s.DB.Exec(ctx, sqlStartAt, topic, at.hi, at.lo)
	return err
}

// ErrNotBefore says that a consumer has not come as far as it is to go back to.
var ErrNotBefore = errors.New("reactions: it has not come that far")

// Rewind lets a consumer handle everything after pos again, wherever it runs.
func (s *Subscriber) Rewind(ctx context.Context, topic string, pos eventstore.Position) error {
	at := textOf(pos)
	tag, err := s.DB.Exec(ctx, sqlRewind, topic, at.hi, at.lo)
	if err == nil && tag.RowsAffected() == 0 {
		return fmt.Errorf("%w: %s, %v", ErrNotBefore, topic, pos)
	}
	return err
}
