package privacy

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/envelope"
	"portico/projections"
)

// keepYears is how long documents must name whom they were for, from the last one on: the
// longest that tax offices of the countries Portico is made for ask.
const keepYears = 10

// retained is until when a customer's documents must name it, if that is not over, and
// whether there are any.
func (s *Service) retained(ctx context.Context, tenant string, customer uuid.UUID) (until domain.Date, named bool, err error) {
	head, err := s.Commands.Store.Head(ctx)
	if err == nil {
		err = s.Shown(ctx, projections.Portal.Name, customer, head)
	}
	if err != nil {
		return "", false, err
	}
	last, err := s.Queries.LastRecord(ctx, projections.Viewer{Tenant: tenant, Kind: envelope.System}, customer)
	if err != nil || last == "" {
		return "", false, err
	}
	day, err := time.Parse(time.DateOnly, string(last))
	if until = domain.DateOf(day.AddDate(keepYears, 0, 1)); until <= domain.DateOf(s.Clock().UTC()) {
		until = ""
	}
	return until, true, err
}
