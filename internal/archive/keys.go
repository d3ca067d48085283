package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
)

// KeysFile is the file of subjects' data keys, wrapped as they are in the database: it is
// of no use without the key file that they are wrapped under. It is apart from the
// events, so that it can be kept apart.
type KeysFile struct {
	File   string    `json:"file"`
	Count  int64     `json:"count"`
	Erased int64     `json:"erased"`
	SHA256 string    `json:"sha256"`
	At     time.Time `json:"at"`
}

// DefaultKeysFile is its name in an export's directory.
const DefaultKeysFile = "subject-keys.ndjson.gz"

// subjectKey is a row of portico.subject_keys. The order of fields is the line's.
type subjectKey struct {
	Tenant    string    `json:"tenant"`
	Subject   uuid.UUID `json:"subject"`
	No        int       `json:"key_no"`
	Epoch     int       `json:"kek_epoch"`
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created_at"`
	Wrapped   []byte    `json:"wrapped"` // base64; null if erased
}

const (
	stateErased = "erased"
	sqlKeys     = `select tenant, subject, key_no, kek_epoch, state, created_at, wrapped from portico.subject_keys order by tenant, subject, key_no`
)

func (l *Log) exportKeys(ctx context.Context, dir, file string) (*KeysFile, error) {
	if file == "" {
		file = filepath.Join(dir, DefaultKeysFile)
	}
	p, err := newPacked(filepath.Dir(file), 0o600)
	if err != nil {
		return nil, err
	}
	defer p.abandon()
	k := &KeysFile{File: filepath.Base(file), At: time.Now().UTC().Truncate(time.Second)}
	rows, err := l.DB.Query(ctx, sqlKeys)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var key subjectKey
		if err := rows.Scan(&key.Tenant, &key.Subject, &key.No, &key.Epoch, &key.State, &key.CreatedAt, &key.Wrapped); err != nil {
			return nil, err
		}
		key.CreatedAt = key.CreatedAt.UTC()
		if k.Count++; key.State == stateErased {
			k.Erased++
		}
		line, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		if err := p.write(append(line, '\n')); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if err := p.finish(file); err != nil {
		return nil, err
	}
	k.SHA256 = hexOf(p.sum)
	return k, nil
}

// An erased key stays erased, whichever of the two says so: a copy that is older than the
// erasure must not undo it.
const sqlMergeKeys = `
insert into portico.subject_keys as k (tenant, subject, key_no, kek_epoch, state, created_at, wrapped)
select * from unnest($1::text[], $2::uuid[], $3::int[], $4::int[], $5::text[], $6::timestamptz[], $7::bytea[])
on conflict (tenant, subject, key_no) do update set state = 'erased', wrapped = null
where excluded.state = 'erased' and k.state = 'live'`

// mergeKeys brings a file's keys into a database, and answers the file's hash.
func mergeKeys(ctx context.Context, tx pgx.Tx, file string) (sum string, err error) {
	in, err := openLines(file)
	if err != nil {
		return "", err
	}
	defer in.file.Close()
	var batch []subjectKey
	flush := func() error {
		defer func() { batch = batch[:0] }()
		return mergeBatch(ctx, tx, batch)
	}
	for in.next() {
		var k subjectKey
		if err := json.Unmarshal(in.line(), &k); err != nil {
			return "", domain.Invalid("archive.keys", "%s is no file of keys: %v", file, err)
		}
		if batch = append(batch, k); len(batch) == pageEvents {
			if err := flush(); err != nil {
				return "", err
			}
		}
	}
	if err := in.end(); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return hexOf(in.sum), flush()
}

func mergeBatch(ctx context.Context, tx pgx.Tx, batch []subjectKey) error {
	var (
		tenants, states []string
		subjects        []uuid.UUID
		nos, epochs     []int32
		made            []time.Time
		wrapped         [][]byte
	)
	for _, k := range batch {
		tenants, subjects, nos, epochs = append(tenants, k.Tenant), append(subjects, k.Subject), append(nos, int32(k.No)), append(epochs, int32(k.Epoch))
		states, made, wrapped = append(states, k.State), append(made, k.CreatedAt), append(wrapped, k.Wrapped)
	}
	_, err := tx.Exec(ctx, sqlMergeKeys, tenants, subjects, nos, epochs, states, made, wrapped)
	return err
}
