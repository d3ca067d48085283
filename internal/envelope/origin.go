package envelope

import (
	"context"
	"errors"

	"github.com/google/uuid"
)

// SealOrigin seals an origin's address and agent for a record of something other than an
// event, bound to its id, under a subject's key. Of who was erased nothing is kept.
func SealOrigin(ctx context.Context, keys Keys, tenant string, id, subject uuid.UUID, o Origin) (Origin, error) {
	v := vault{ctx: ctx, keys: keys, tenant: tenant, event: id}
	ip, err := v.sealText("origin.ip", subject, o.IP)
	agent := ""
	if err == nil {
		agent, err = v.sealText("origin.ua", subject, cut(o.UserAgent))
	}
	if errors.Is(err, ErrErased) {
		ip, agent, err = "", "", nil
	}
	o.IP, o.UserAgent, o.RequestID = ip, agent, cut(o.RequestID)
	return o, err
}

// OpenOrigin is what SealOrigin sealed; empty once its subject was erased.
func OpenOrigin(ctx context.Context, keys Keys, tenant string, id, subject uuid.UUID, o Origin) (_ Origin, err error) {
	v := vault{ctx: ctx, keys: keys, tenant: tenant, event: id}
	if o.IP, err = v.openText("origin.ip", subject, o.IP); err == nil {
		o.UserAgent, err = v.openText("origin.ua", subject, o.UserAgent)
	}
	return o, err
}
