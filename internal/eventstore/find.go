package eventstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Find reads an event back from its stream.
func Find(ctx context.Context, s Store, stream StreamName, id uuid.UUID) (Recorded, error) {
	const page = 500
	for from := int64(0); ; from += page {
		found, err := s.ReadStream(ctx, stream, from, page)
		if err != nil {
			return Recorded{}, err
		}
		for _, r := range found {
			if r.ID == id {
				return r, nil
			}
		}
		if len(found) < page {
			return Recorded{}, fmt.Errorf("eventstore: %s is not in %s", id, stream)
		}
	}
}
