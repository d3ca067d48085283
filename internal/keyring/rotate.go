package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
)

// wrapAtOnce is how many keys are wrapped anew in one transaction.
const wrapAtOnce = 500

const (
	sqlBegun text = `
insert into portico.kek_epochs (epoch) select generate_series(1, $1::int) on conflict do nothing`
	sqlOlder text = `select count(*) from portico.subject_keys where state = 'live' and kek_epoch < $1`
	sqlBatch text = `
select tenant, subject, key_no, kek_epoch, wrapped from portico.subject_keys
where state = 'live' and kek_epoch < $1 order by kek_epoch limit $2`
	// A key that was destroyed meanwhile stays so.
	sqlWrap text = `
update portico.subject_keys k set wrapped = n.wrapped, kek_epoch = $5
from unnest($1::text[], $2::uuid[], $3::int[], $4::bytea[]) as n (tenant, subject, key_no, wrapped)
where (k.tenant, k.subject, k.key_no) = (n.tenant, n.subject, n.key_no) and k.state = 'live' and k.kek_epoch < $5`
	sqlWrapped text = `
update portico.kek_epochs set emptied_at = clock_timestamp() where epoch = any($1)`
	sqlEmptied text = `
update portico.kek_epochs set emptied_at = clock_timestamp() where epoch < $1 and emptied_at is null`
)

// Prepare adds an epoch to the key file and wraps nothing under it: the file is to be
// copied to every machine that serves, before Rotate.
func (k *Keyring) Prepare() (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file == "" {
		return 0, errors.New("keyring: there is no key file")
	}
	no, err := addKEK(k.file, time.Now())
	if err != nil {
		return 0, err
	}
	return no, k.load()
}

// Rotate wraps all live keys under a new epoch, while everybody goes on working. One that
// was interrupted goes on where it was; one that was prepared is used.
func (k *Keyring) Rotate(ctx context.Context, progress func(done, total int64)) (to int, done int64, err error) {
	if to, err = k.target(ctx); err != nil {
		return to, 0, err
	}
	if _, err := k.db.Exec(ctx, string(sqlBegun), to); err != nil {
		return to, 0, err
	}
	select { // until every process makes its new keys under it
	case <-ctx.Done():
		return to, 0, ctx.Err()
	case <-time.After(k.waitFor()):
	}
	var total int64
	if err := k.db.QueryRow(ctx, string(sqlOlder), to).Scan(&total); err != nil {
		return to, 0, err
	}
	for {
		n, err := k.wrapSome(ctx, to)
		if err != nil {
			return to, done, err
		}
		if n == 0 {
			break
		}
		done += n
		progress(done, max(done, total))
	}
	_, err = k.db.Exec(ctx, string(sqlEmptied), to)
	return to, done, err
}

// target is the epoch to wrap under: what was begun, else what was prepared, else a new one.
func (k *Keyring) target(ctx context.Context) (int, error) {
	var current int
	var older int64
	if err := k.db.QueryRow(ctx, string(sqlEpoch)).Scan(&current); err != nil {
		return 0, err
	}
	if err := k.db.QueryRow(ctx, string(sqlOlder), current).Scan(&older); err != nil {
		return 0, err
	}
	k.mu.Lock()
	err := k.load()
	newest := k.newest
	k.mu.Unlock()
	switch {
	case err != nil:
		return 0, err
	case older > 0:
		return current, nil
	case newest > current:
		return current + 1, nil
	}
	return k.Prepare()
}

type wrappedKey struct {
	Tenant  string    `db:"tenant"`
	Subject uuid.UUID `db:"subject"`
	No      int32     `db:"key_no"`
	Epoch   int       `db:"kek_epoch"`
	Wrapped []byte    `db:"wrapped"`
}

func (k *Keyring) wrapSome(ctx context.Context, to int) (int64, error) {
	under, err := k.kek(to)
	if err != nil {
		return 0, err
	}
	rows, err := k.db.Query(ctx, string(sqlBatch), to, wrapAtOnce)
	if err != nil {
		return 0, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[wrappedKey])
	if err != nil || len(all) == 0 {
		return 0, err
	}
	var tenants []string
	var subjects []uuid.UUID
	var nos []int32
	var wrapped [][]byte
	var from []int
	for _, w := range all {
		r := ref{w.Tenant, w.Subject, int(w.No)}
		kek, err := k.kek(w.Epoch)
		if err != nil {
			return 0, err
		}
		plain, err := kek.Open(nil, nil, w.Wrapped, wrapContext(r, r.no))
		if err != nil {
			return 0, fmt.Errorf("keyring: the key of %s in %s does not open: restore its row from a backup, or erase it: %w", w.Subject, w.Tenant, err)
		}
		tenants, subjects, nos, from = append(tenants, w.Tenant), append(subjects, w.Subject), append(nos, w.No), append(from, w.Epoch)
		wrapped = append(wrapped, under.Seal(nil, nil, plain, wrapContext(r, r.no)))
	}
	err = pgx.BeginFunc(ctx, k.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, string(sqlWrap), tenants, subjects, nos, wrapped, to); err != nil {
			return err
		}
		// Copies made until now hold keys under the old one.
		_, err := tx.Exec(ctx, string(sqlWrapped), from)
		return err
	})
	return int64(len(all)), err
}

const (
	sqlUnder text = `select count(*) from portico.subject_keys where state = 'live' and kek_epoch = $1`
	sqlSince text = `
select emptied_at, clock_timestamp() from portico.kek_epochs where epoch = $1`
	sqlIsDestroyed text = `
update portico.kek_epochs set destroyed_at = clock_timestamp() where epoch = $1 and destroyed_at is null`
)

// DestroyKEK takes an old epoch's key out of the key file: copies of the database that were
// made while keys were wrapped under it cannot be read any more. It refuses while keys
// are, and while copies are younger than retention, which somebody may want to restore.
func (k *Keyring) DestroyKEK(ctx context.Context, no int, retention time.Duration) error {
	k.mu.Lock()
	err := k.load()
	_, there := k.keks[no]
	newest := k.newest
	k.mu.Unlock()
	switch {
	case err != nil:
		return err
	case no < 1 || no > newest:
		return domain.NotFound("kek.unknown", "the key file has no epoch %d", no)
	case no == newest:
		return domain.Refused("kek.newest", "epoch %d is the newest: rotate first", no)
	}
	var live int64
	if err := k.db.QueryRow(ctx, string(sqlUnder), no).Scan(&live); err != nil {
		return err
	}
	if live > 0 {
		return domain.Refused("kek.in_use", "%d keys are wrapped under epoch %d: rotate first", live, no)
	}
	var emptied *time.Time
	var now time.Time
	err = k.db.QueryRow(ctx, string(sqlSince), no).Scan(&emptied, &now)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && emptied == nil {
		return domain.Refused("kek.in_use", "it is not known since when nothing is wrapped under epoch %d: rotate first", no)
	}
	if err != nil {
		return err
	}
	if from := emptied.Add(retention); now.Before(from) {
		return domain.Refused("kek.needed", "backups that need epoch %d are kept until %s", no, from.UTC().Format(time.DateTime))
	}
	if there {
		if err := dropKEK(k.file, no); err != nil {
			return err
		}
	}
	_, err = k.db.Exec(ctx, string(sqlIsDestroyed), no)
	return err
}
