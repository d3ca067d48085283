// Package keyring keeps the data keys of subjects: one for each person or company whose
// personal data stands in events, wrapped under a key-encryption key that is not in the
// database (SECURITY §3, points 1 to 3). Destroying a subject's keys erases the data
// everywhere, the log included.
package keyring

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"portico/internal/envelope"
	"portico/internal/failpoint"
	"portico/internal/pg"
)

const keySize = 32

type ref struct {
	tenant  string
	subject uuid.UUID
	no      int // 0: the current one
}

// Keyring is envelope.Keys over a table of wrapped keys.
type Keyring struct {
	// Requested tells whether history says that a subject's erasure was requested.
	Requested func(ctx context.Context, tenant string, subject uuid.UUID) (bool, error)
	// OnErasure are told that somebody's data were, or may be, erased: what was read of them
	// must be forgotten.
	OnErasure []func()

	db      pg.DB
	every   time.Duration // between two looks
	cache   *lru.Cache[ref, envelope.Key]
	looking sync.Mutex
	looked  atomic.Pointer[time.Time] // when the last look began
	current atomic.Int64              // the epoch that new keys are wrapped under
	asked   sync.Map                  // of Person: whose erasure was announced

	mu      sync.Mutex
	file    string // of the key-encryption keys
	keks    map[int]cipher.AEAD
	newest  int // epoch in the file
	changed time.Time
	size    int64
}

type text string // keeps SQL constant: a value of another string type does not compile

// Open is a keyring in db whose keys are wrapped under those in a file, which is made if
// it is missing.
func Open(db pg.DB, file string) (*Keyring, error) {
	k, err := empty(db)
	if err == nil {
		k.file = file
		err = k.load()
	}
	return k, err
}

// New is a keyring in db whose keys are wrapped under kek, as epoch 1.
func New(db pg.DB, kek []byte) (*Keyring, error) {
	aead, err := newAEAD(kek)
	if err != nil {
		return nil, err
	}
	k, err := empty(db)
	k.keks, k.newest = map[int]cipher.AEAD{1: aead}, 1
	return k, err
}

func empty(db pg.DB) (*Keyring, error) {
	cache, err := lru.New[ref, envelope.Key](20_000)
	k := &Keyring{db: db, cache: cache, every: lookEvery}
	k.looked.Store(new(time.Time))
	return k, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Each answers one row: whether an erasure was announced, and the key if there is one.
const (
	sqlCurrent text = `select a.asked, k.key_no, k.kek_epoch, k.wrapped, k.state
		from (select exists (select from portico.erasures where tenant = $1 and subject = $2) as asked) a left join lateral (
		select * from portico.subject_keys where tenant = $1 and subject = $2 order by key_no desc limit 1) k on true`
	sqlNumbered text = `select a.asked, k.key_no, k.kek_epoch, k.wrapped, k.state
		from (select exists (select from portico.erasures where tenant = $1 and subject = $2) as asked) a
		left join portico.subject_keys k on k.tenant = $1 and k.subject = $2 and k.key_no = $3`
	sqlNew text = `insert into portico.subject_keys (tenant, subject, key_no, kek_epoch, wrapped, state)
		values ($1, $2, 1, $3, $4, 'live') on conflict do nothing`
	sqlSome text = `select tenant, subject, key_no from portico.subject_keys where state = 'live' order by created_at, tenant, subject limit 3`
)

// Check refuses a key-encryption key that opens none of the keys that there are: with the
// wrong file every event would look damaged.
func (k *Keyring) Check(ctx context.Context) error {
	rows, err := k.db.Query(ctx, string(sqlSome))
	if err != nil {
		return err
	}
	some, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r ref, err error) {
		return r, row.Scan(&r.tenant, &r.subject, &r.no)
	})
	for _, r := range some {
		if _, err = k.Numbered(ctx, r.tenant, r.subject, r.no); err == nil {
			return nil
		}
	}
	return err
}

// Current is the subject's newest key, made if there is none. An erased subject never
// gets another.
func (k *Keyring) Current(ctx context.Context, tenant string, subject uuid.UUID) (envelope.Key, error) {
	ctx = pg.InTenant(ctx, tenant) // whoever asks: what is read and written is the tenant's
	r := ref{tenant, subject, 0}
	key, err := k.find(ctx, r, sqlCurrent, tenant, subject)
	if !errors.Is(err, pgx.ErrNoRows) {
		return key, err
	}
	no := int(k.current.Load())
	kek, err := k.kek(no)
	if err != nil {
		return envelope.Key{}, err
	}
	if _, err := k.db.Exec(ctx, string(sqlNew), tenant, subject, no, kek.Seal(nil, nil, newKey(), wrapContext(r, 1))); err != nil {
		return envelope.Key{}, fmt.Errorf("keyring: %w", err)
	}
	failpoint.At("keyring.after_insert")
	return k.find(ctx, r, sqlCurrent, tenant, subject) // another process may have been first
}

// Numbered is one of the subject's keys.
func (k *Keyring) Numbered(ctx context.Context, tenant string, subject uuid.UUID, no int) (envelope.Key, error) {
	ctx = pg.InTenant(ctx, tenant)
	key, err := k.find(ctx, ref{tenant, subject, no}, sqlNumbered, tenant, subject, no)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("keyring: subject %s has no key %d: it was lost, not erased", subject, no)
	}
	return key, err
}

// find is a key from memory or from the table, unless its subject's erasure was requested.
func (k *Keyring) find(ctx context.Context, r ref, query text, args ...any) (key envelope.Key, err error) {
	if err := k.look(ctx); err != nil {
		return key, err
	}
	if key, ok := k.cache.Get(r); ok {
		return key, nil
	}
	var row stored
	if err := k.db.QueryRow(ctx, string(query), args...).Scan(&row.asked, &row.no, &row.in, &row.wrapped, &row.state); err != nil {
		return key, err
	}
	p := Person{r.tenant, r.subject}
	if row.asked {
		k.forget([]Person{p})
		if shut, err := k.closed(ctx, p); err != nil || shut && !envelope.IsErasing(ctx) {
			return key, cmp.Or(err, envelope.ErrErased)
		}
	}
	if key, err = k.unwrap(r, row); err != nil || row.asked {
		key.Passing = true
		return key, err
	}
	k.cache.Add(r, key)
	if k.mayBeErased(p) { // it was announced just now
		k.cache.Remove(r)
		key.Passing = true
	}
	return key, nil
}

// stored is a row of a key, if there is one.
type stored struct {
	asked   bool
	no, in  *int
	wrapped []byte
	state   *string
}

func (k *Keyring) unwrap(r ref, row stored) (key envelope.Key, err error) {
	if row.no == nil {
		return key, pgx.ErrNoRows
	}
	if *row.state == "erased" {
		return key, envelope.ErrErased
	}
	kek, err := k.kek(*row.in)
	if err != nil {
		return key, err
	}
	plain, err := kek.Open(nil, nil, row.wrapped, wrapContext(r, *row.no))
	if err != nil {
		return key, fmt.Errorf("keyring: the key of %s does not open: is this the right key file? %w", r.subject, err)
	}
	aead, err := newAEAD(plain)
	return envelope.Key{No: *row.no, AEAD: aead, Derive: derive(plain)}, err
}

func wrapContext(r ref, no int) []byte {
	return fmt.Appendf(nil, "%s\x00%s\x00%d", r.tenant, r.subject, no)
}
