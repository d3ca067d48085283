package commands

import (
	"github.com/benbjohnson/immutable"
	"github.com/google/uuid"

	"portico/internal/eventstore"
)

// handled is which commands a stream has seen, and where the events of each ended. Like
// the states beside it, it is persistent: sharing it is safe.
type handled struct {
	m *immutable.SortedMap[string, place]
}

type place struct {
	version int64
	pos     eventstore.Position
}

func (h *handled) find(command uuid.UUID) (place, bool) {
	if h == nil {
		return place{}, false
	}
	return h.m.Get(string(command[:]))
}

func (h *handled) with(command uuid.UUID, at place) *handled {
	if h == nil {
		h = &handled{immutable.NewSortedMap[string, place](nil)}
	}
	return &handled{h.m.Set(string(command[:]), at)}
}
