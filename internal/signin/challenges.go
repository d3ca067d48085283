package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
)

// challengeFor is how long somebody has to finish what they began in a browser.
const challengeFor = 5 * time.Minute

const (
	sqlBegin text = `
insert into portico.login_challenges (tenant, hash, purpose, login, state, expires_at)
values ($1, $2, $3, nullif($4, '00000000-0000-0000-0000-000000000000'::uuid), $5, $6)`
	sqlFinish text = `
delete from portico.login_challenges where tenant = $1 and hash = $2 and purpose = $3 and expires_at > $4
returning coalesce(login, '00000000-0000-0000-0000-000000000000'), state`
)

// begin keeps what is needed to finish something, under a token that the browser brings back.
func (s *Service) begin(ctx context.Context, tenant, purpose string, id uuid.UUID, state any) (token string, err error) {
	data, err := json.Marshal(state)
	if err != nil {
		return "", fmt.Errorf("signin: %w", err)
	}
	token, hash := newToken()
	return token, s.exec(ctx, sqlBegin, tenant, hash, purpose, id, data, s.now().Add(challengeFor))
}

// finish takes what was begun, once.
func (s *Service) finish(ctx context.Context, tenant, purpose, token string, state any) (id uuid.UUID, err error) {
	var data []byte
	err = s.DB.QueryRow(ctx, string(sqlFinish), tenant, hashOf(token), purpose, s.now()).Scan(&id, &data)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return id, domain.Forbidden("sign_in.expired", "this was begun too long ago, or finished already: begin again")
	case err != nil:
		return id, fmt.Errorf("signin: %w", err)
	}
	if err := json.Unmarshal(data, state); err != nil {
		return id, fmt.Errorf("signin: %w", err)
	}
	return id, nil
}
