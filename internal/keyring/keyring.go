// Package keyring keeps the data keys of subjects: one for each person or company whose
// personal data stands in events, wrapped under a key-encryption key that is not in the
// database (SECURITY §3, points 1 to 3). Destroying a subject's keys erases the data
// everywhere, the log included.
package keyring

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"portico/internal/envelope"
	"portico/internal/failpoint"
	"portico/internal/pg"
)

const keySize = 32

// LoadKEK reads the key-encryption key from a file of base64 text, and makes the file,
// readable by its owner only, if it is missing. Losing it loses all personal data.
func LoadKEK(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		if err := makeKEK(file); err != nil {
			return nil, fmt.Errorf("making the key file %s: %w", file, err)
		}
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	kek, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(kek) != keySize {
		return nil, fmt.Errorf("the key file %s does not hold %d bytes in base64", file, keySize)
	}
	return kek, nil
}

// makeKEK writes beside the file and links it into place: of two processes that start
// at once, both end with the same key.
func makeKEK(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	kek := make([]byte, keySize)
	rand.Read(kek)
	temp, err := os.CreateTemp(filepath.Dir(file), ".kek-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err = temp.WriteString(base64.StdEncoding.EncodeToString(kek) + "\n"); err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err = os.Link(temp.Name(), file); errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file)) // or a power cut could leave data without its key
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

type ref struct {
	tenant  string
	subject uuid.UUID
	no      int // 0: the current one
}

type text string // keeps SQL constant: a value of another string type does not compile

// Keyring is envelope.Keys over a table of wrapped keys.
type Keyring struct {
	db    pg.DB
	kek   cipher.AEAD
	cache *lru.Cache[ref, envelope.Key]
}

// New is a keyring in db whose keys are wrapped under kek.
func New(db pg.DB, kek []byte) (*Keyring, error) {
	aead, err := newAEAD(kek)
	if err != nil {
		return nil, err
	}
	cache, err := lru.New[ref, envelope.Key](20_000)
	return &Keyring{db, aead, cache}, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

const (
	sqlCurrent = `select key_no, wrapped, state from portico.subject_keys
		where tenant = $1 and subject = $2 order by key_no desc limit 1`
	sqlNumbered = `select key_no, wrapped, state from portico.subject_keys where tenant = $1 and subject = $2 and key_no = $3`
	sqlNew      = `insert into portico.subject_keys (tenant, subject, key_no, kek_epoch, wrapped, state)
		values ($1, $2, 1, 1, $3, 'live') on conflict do nothing`
)

const sqlSome = `select tenant, subject, key_no from portico.subject_keys where state = 'live' order by created_at, tenant, subject limit 3`

// Check refuses a key-encryption key that opens none of the keys that there are: with the
// wrong file every event would look damaged.
func (k *Keyring) Check(ctx context.Context) error {
	rows, err := k.db.Query(ctx, sqlSome)
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
	r := ref{tenant, subject, 0}
	if key, ok := k.cache.Get(r); ok {
		return key, nil
	}
	key, err := k.load(ctx, r, sqlCurrent, tenant, subject)
	if !errors.Is(err, pgx.ErrNoRows) {
		return key, err
	}
	fresh := make([]byte, keySize)
	rand.Read(fresh)
	if _, err := k.db.Exec(ctx, sqlNew, tenant, subject, k.kek.Seal(nil, nil, fresh, wrapContext(r, 1))); err != nil {
		return envelope.Key{}, fmt.Errorf("keyring: %w", err)
	}
	failpoint.At("keyring.after_insert")
	return k.load(ctx, r, sqlCurrent, tenant, subject) // another process may have been first
}

// Numbered is one of the subject's keys.
func (k *Keyring) Numbered(ctx context.Context, tenant string, subject uuid.UUID, no int) (envelope.Key, error) {
	r := ref{tenant, subject, no}
	if key, ok := k.cache.Get(r); ok {
		return key, nil
	}
	key, err := k.load(ctx, r, sqlNumbered, tenant, subject, no)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("keyring: subject %s has no key %d: it was lost, not erased", subject, no)
	}
	return key, err
}

func (k *Keyring) load(ctx context.Context, r ref, query text, args ...any) (envelope.Key, error) {
	var no int
	var wrapped []byte
	var state string
	if err := k.db.QueryRow(ctx, string(query), args...).Scan(&no, &wrapped, &state); err != nil {
		return envelope.Key{}, err
	}
	if state == "erased" {
		return envelope.Key{}, envelope.ErrErased
	}
	plain, err := k.kek.Open(nil, nil, wrapped, wrapContext(r, no))
	if err != nil {
		return envelope.Key{}, fmt.Errorf("keyring: the key of %s does not open: is this the right key file? %w", r.subject, err)
	}
	aead, err := newAEAD(plain)
	key := envelope.Key{No: no, AEAD: aead, Derive: derive(plain)}
	k.cache.Add(r, key)
	return key, err
}

func wrapContext(r ref, no int) []byte {
	return fmt.Appendf(nil, "%s\x00%s\x00%d", r.tenant, r.subject, no)
}

// Memory is a keyring for tests and for stores that end with the process.
type Memory struct {
	mu     sync.Mutex
	keys   map[ref]envelope.Key
	erased map[ref]bool
}

// Current makes a key at the first need.
func (m *Memory) Current(_ context.Context, tenant string, subject uuid.UUID) (envelope.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := ref{tenant, subject, 0}
	if m.erased[r] {
		return envelope.Key{}, envelope.ErrErased
	}
	if _, ok := m.keys[r]; !ok {
		fresh := make([]byte, keySize)
		rand.Read(fresh)
		aead, err := newAEAD(fresh)
		if err != nil {
			return envelope.Key{}, err
		}
		if m.keys == nil {
			m.keys = map[ref]envelope.Key{}
		}
		m.keys[r] = envelope.Key{No: 1, AEAD: aead, Derive: derive(fresh)}
	}
	return m.keys[r], nil
}

// Numbered knows only the first key.
func (m *Memory) Numbered(ctx context.Context, tenant string, subject uuid.UUID, _ int) (envelope.Key, error) {
	return m.Current(ctx, tenant, subject)
}

// Erase forgets a subject's key for good.
func (m *Memory) Erase(tenant string, subject uuid.UUID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := ref{tenant, subject, 0}
	delete(m.keys, r)
	if m.erased == nil {
		m.erased = map[ref]bool{}
	}
	m.erased[r] = true
}
