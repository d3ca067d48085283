package envelope

import (
	"bytes"
	"context"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/eventstore"
)

// Key encrypts for one subject. Its AEAD prefixes a random nonce.
type Key struct {
	No   int
	AEAD cipher.AEAD
	// Passing says that its subject may be erased any moment: what it opens is not to be kept.
	Passing bool
	// Derive makes 32 bytes for a purpose: the same each time, and nothing that says anything
	// about the key itself or about another purpose (HKDF-SHA256).
	Derive func(purpose string) []byte
}

// Keys are the data keys of subjects, one or more each.
type Keys interface {
	// Current is the key to encrypt with, made at the first need; ErrErased if the
	// subject was erased.
	Current(ctx context.Context, tenant string, subject uuid.UUID) (Key, error)
	// Numbered is the key to decrypt with; ErrErased if it was destroyed.
	Numbered(ctx context.Context, tenant string, subject uuid.UUID, no int) (Key, error)
}

// ErrErased says that a subject's keys were destroyed on request.
var ErrErased = errors.New("envelope: the subject's key was erased")

// sealed is the stored form of a personal value: key number, then base64 of nonce and
// ciphertext. What is encrypted is bound to its event, field and subject, so that a
// ciphertext moved elsewhere does not open (SECURITY §3.2).
type sealed struct {
	E *[2]json.RawMessage `json:"$e"`
}

// vault seals and opens the personal values of one event.
type vault struct {
	ctx    context.Context
	keys   Keys
	tenant string
	event  uuid.UUID
	opened *Event // what comes of it, if it is opened
}

func (v vault) context(field string, subject uuid.UUID) []byte {
	return []byte(v.event.String() + "\x00" + field + "\x00" + subject.String())
}

func (v vault) seal(field string, subject uuid.UUID, plain []byte) (no int, text string, err error) {
	if subject == uuid.Nil {
		return 0, "", fmt.Errorf("envelope: personal field %s has no subject", field)
	}
	key, err := v.keys.Current(v.ctx, v.tenant, subject)
	if err != nil {
		return 0, "", err
	}
	return key.No, base64.StdEncoding.EncodeToString(key.AEAD.Seal(nil, nil, plain, v.context(field, subject))), nil
}

// open answers nil for an erased subject.
func (v vault) open(field string, subject uuid.UUID, no int, text string) ([]byte, error) {
	key, err := v.keys.Numbered(v.ctx, v.tenant, subject, no)
	if errors.Is(err, ErrErased) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("personal field %s: %w", field, err)
	}
	if key.Passing && v.opened != nil {
		v.opened.Passing = true
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("personal field %s: %w", field, err)
	}
	plain, err := key.AEAD.Open(nil, nil, raw, v.context(field, subject))
	if err != nil {
		return nil, fmt.Errorf("personal field %s does not open with its subject's key: %w", field, err)
	}
	return plain, nil
}

func (v vault) sealFields(typ domain.Type, stream eventstore.StreamName, data []byte) ([]byte, error) {
	return v.eachPersonal(typ, stream, data, func(field string, subject uuid.UUID, value json.RawMessage) (json.RawMessage, error) {
		if len(value) == 0 || string(value) == `""` || string(value) == "null" {
			return value, nil
		}
		no, text, err := v.seal(field, subject, value)
		return json.RawMessage(fmt.Sprintf(`{"$e":[%d,%q]}`, no, text)), err
	})
}

func (v vault) openFields(typ domain.Type, stream eventstore.StreamName, data []byte) ([]byte, error) {
	return v.eachPersonal(typ, stream, data, func(field string, subject uuid.UUID, value json.RawMessage) (json.RawMessage, error) {
		var s sealed
		if !bytes.HasPrefix(value, []byte(`{"$e"`)) || json.Unmarshal(value, &s) != nil || s.E == nil {
			return value, nil // empty, or never sealed
		}
		no, err := strconv.Atoi(string(s.E[0]))
		text := strings.Trim(string(s.E[1]), `"`)
		if err != nil {
			return nil, fmt.Errorf("personal field %s: %w", field, err)
		}
		plain, err := v.open(field, subject, no, text)
		if plain == nil {
			plain = []byte("null")
		}
		return plain, err
	})
}

func (v vault) eachPersonal(typ domain.Type, stream eventstore.StreamName, data []byte,
	change func(field string, subject uuid.UUID, value json.RawMessage) (json.RawMessage, error)) ([]byte, error) {
	if len(typ.Personal) == 0 {
		return data, nil
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	for _, p := range typ.Personal {
		value, present := fields[p.Name]
		if !present {
			continue
		}
		subject, err := subjectOf(p, stream, fields)
		if err != nil {
			return nil, err
		}
		changed, err := change(p.Name, subject, value)
		if err != nil {
			return nil, err
		}
		fields[p.Name] = changed
	}
	return json.Marshal(fields)
}

// subjectOf is whose a personal field is: where the event names nobody, its stream's own
// id is the subject.
func subjectOf(p domain.PersonalField, stream eventstore.StreamName, fields map[string]json.RawMessage) (subject uuid.UUID, err error) {
	if named, ok := fields[p.Subject]; ok && p.Subject != "stream" {
		var id *uuid.UUID
		if err := json.Unmarshal(named, &id); err != nil {
			return subject, fmt.Errorf("the subject of %s: %w", p.Name, err)
		}
		if id != nil && *id != uuid.Nil {
			return *id, nil
		}
	}
	return stream.AggregateID(), nil
}

// Text of the envelope itself is sealed as "$e:<key>:<base64>", or as "$s:…" under the key
// of whom the stream is about.
const (
	textMark = "$e:"
	selfMark = "$s:"
)

func (v vault) sealText(field string, subject uuid.UUID, plain string) (string, error) {
	if plain == "" {
		return "", nil
	}
	no, text, err := v.seal(field, subject, []byte(plain))
	return fmt.Sprintf("%s%d:%s", textMark, no, text), err
}

func (v vault) openText(field string, subject uuid.UUID, stored string) (string, error) {
	rest, isSealed := strings.CutPrefix(stored, textMark)
	if !isSealed {
		return stored, nil
	}
	number, text, _ := strings.Cut(rest, ":")
	no, err := strconv.Atoi(number)
	if err != nil {
		return "", fmt.Errorf("personal field %s: %w", field, err)
	}
	plain, err := v.open(field, subject, no, text)
	return string(plain), err
}

// sealReason seals why something was done. What is said of a person goes with the person,
// not with the customer they belong to.
func (v vault) sealReason(m Meta, stream eventstore.StreamName, plain string) (string, error) {
	if _, kind, _ := stream.Split(); !aboutPeople[kind] || stream.AggregateID() == uuid.Nil {
		return v.sealText("reason.text", m.concerns(stream), plain)
	}
	text, err := v.sealText(m.ownReason(), stream.AggregateID(), plain)
	return strings.Replace(text, textMark, selfMark, 1), err
}

func (v vault) openReason(m *Meta, stream eventstore.StreamName) (string, error) {
	if rest, own := strings.CutPrefix(m.Reason.Text, selfMark); own {
		return v.openText(m.ownReason(), stream.AggregateID(), textMark+rest)
	}
	return v.openText("reason.text", m.concerns(stream), m.Reason.Text)
}

// ownReason is the field's name for what is sealed with it: the route is bound, too.
func (m Meta) ownReason() string { return "reason.text " + m.Route.String() }

// aboutPeople are the categories of streams whose id is a person's.
var aboutPeople = map[string]bool{"contact": true, "staff": true, "login": true, "subject": true}
