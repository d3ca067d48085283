package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/envelope"
	"portico/internal/pg"
)

// How erasing reaches every process. Keys are kept in memory, so a process must hear of an
// erasure before it is in history, from which on nothing of the person may be readable:
//
//  1. Announce writes down that the subject may be erased, and waits until every process
//     has looked. From then on each asks history at each use of the subject's keys.
//  2. The request is appended to history. All refuse from that event on.
//  3. Destroy takes the keys away. From then on nobody can do otherwise.
const (
	lookEvery = time.Second // how long a process goes without looking, at most
	// lookBack bounds a look. A process that has not looked for half as long forgets all keys.
	lookBack = time.Hour
)

// waitFor is what whoever announces waits: longer than the oldest look is good for.
func (k *Keyring) waitFor() time.Duration { return k.every + k.every/4 }

// Person is whose keys they are.
type Person struct {
	Tenant  string    `db:"tenant"`
	Subject uuid.UUID `db:"subject"`
}

const (
	sqlLook text = `select tenant, subject from portico.erasures where asked_at > clock_timestamp() - $1::interval`
	// What a restored log knows is not in kek_epochs.
	sqlEpoch text = `select greatest(1, (select max(epoch) from portico.kek_epochs),
		(select max(kek_epoch) from portico.subject_keys where state = 'live'))`
)

// look makes sure that what is in memory is not older than that.
func (k *Keyring) look(ctx context.Context) error {
	if now := time.Now(); now.Sub(*k.looked.Load()) < k.every {
		return nil
	}
	k.looking.Lock()
	defer k.looking.Unlock()
	began := time.Now()
	since := began.Sub(*k.looked.Load())
	if since < k.every { // somebody else has, meanwhile
		return nil
	}
	var b pgx.Batch
	b.Queue(string(sqlLook), lookBack)
	b.Queue(string(sqlEpoch))
	answers := k.db.SendBatch(pg.Across(ctx), &b) // a look is for all tenants
	defer answers.Close()
	rows, err := answers.Query()
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Person])
	var current int
	if err == nil {
		err = answers.QueryRow().Scan(&current)
	}
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	if since > lookBack/2 {
		k.cache.Purge()
	}
	k.forget(all)
	k.current.Store(int64(current))
	k.looked.Store(&began)
	return nil
}

// forget drops the keys of subjects that are, or may be, erased. A subject has few.
func (k *Keyring) forget(all []Person) {
	news := false
	for _, p := range all {
		_, known := k.asked.LoadOrStore(p, true)
		news = news || !known
	}
	if !news {
		return
	}
	for _, r := range k.cache.Keys() {
		if k.mayBeErased(Person{r.tenant, r.subject}) {
			k.cache.Remove(r)
		}
	}
	for _, tell := range k.OnErasure {
		tell()
	}
}

func (k *Keyring) mayBeErased(p Person) bool {
	_, is := k.asked.Load(p)
	return is
}

// closed tells whether a subject's erasure was requested, though its keys may still be there.
func (k *Keyring) closed(ctx context.Context, p Person) (bool, error) {
	if k.Requested == nil { // nobody who could know: better no name than one too many
		return true, nil
	}
	return k.Requested(ctx, p.Tenant, p.Subject)
}

const (
	sqlAnnounce text = `
insert into portico.erasures as e (tenant, subject) values ($1, $2)
on conflict (tenant, subject) do update set subject = e.subject
returning clock_timestamp() - asked_at`
	sqlWithdraw   text = `delete from portico.erasures where tenant = $1 and subject = $2 and gone_at is null`
	sqlUnfinished text = `
select tenant, subject from portico.erasures where ended_at is null order by asked_at`
	sqlAnnounced text = `
select clock_timestamp() - asked_at from portico.erasures where tenant = $1 and subject = $2 and gone_at is null`
	sqlEnded text = `update portico.erasures set ended_at = clock_timestamp() where tenant = $1 and subject = $2 and ended_at is null`
)

// Announce tells every process that a subject's erasure may be requested from now on, and
// returns when all have heard of it.
func (k *Keyring) Announce(ctx context.Context, p Person) error {
	var ago time.Duration
	if err := k.db.QueryRow(ctx, string(sqlAnnounce), p.Tenant, p.Subject).Scan(&ago); err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	k.forget([]Person{p})
	if ago = max(0, ago); ago >= k.waitFor() {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(k.waitFor() - ago):
		return nil
	}
}

// Withdraw says that an erasure was not requested after all.
func (k *Keyring) Withdraw(ctx context.Context, p Person) error {
	_, err := k.db.Exec(ctx, string(sqlWithdraw), p.Tenant, p.Subject)
	return err
}

// Unfinished lists whose erasure was announced and has not ended.
func (k *Keyring) Unfinished(ctx context.Context) ([]Person, error) {
	rows, err := k.db.Query(ctx, string(sqlUnfinished))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Person])
}

// Announced is how long ago an erasure was announced that has not destroyed keys yet.
func (k *Keyring) Announced(ctx context.Context, p Person) (ago time.Duration, err error) {
	err = k.db.QueryRow(ctx, string(sqlAnnounced), p.Tenant, p.Subject).Scan(&ago)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return ago, err
}

// Ended says that everything is erased.
func (k *Keyring) Ended(ctx context.Context, p Person) error {
	_, err := k.db.Exec(ctx, string(sqlEnded), p.Tenant, p.Subject)
	return err
}

const (
	// The row of who never had a key keeps them from getting one.
	sqlDestroy text = `
with gone as (
  update portico.subject_keys set state = 'erased', wrapped = null where tenant = $1 and subject = $2 and state <> 'erased'
)
insert into portico.subject_keys (tenant, subject, key_no, kek_epoch, wrapped, state) values ($1, $2, 1, 1, null, 'erased')
on conflict (tenant, subject, key_no) do nothing`
	sqlGone text = `
insert into portico.erasures as e (tenant, subject, gone_at) values ($1, $2, clock_timestamp())
on conflict (tenant, subject) do update set gone_at = clock_timestamp(), asked_at = clock_timestamp() where e.gone_at is null`
	sqlErased text = `
select count(*) > 0 and bool_and(state = 'erased') from portico.subject_keys where tenant = $1 and subject = $2`
)

// Destroy takes all of a subject's keys away for good. It does so once, however often it
// is asked.
func (k *Keyring) Destroy(ctx context.Context, p Person) error {
	err := pgx.BeginFunc(ctx, k.db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, string(sqlDestroy), p.Tenant, p.Subject)
		if err == nil {
			_, err = tx.Exec(ctx, string(sqlGone), p.Tenant, p.Subject)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	k.forget([]Person{p})
	return nil
}

// Erased tells whether all of a subject's keys are destroyed.
func (k *Keyring) Erased(ctx context.Context, p Person) (is bool, err error) {
	err = k.db.QueryRow(ctx, string(sqlErased), p.Tenant, p.Subject).Scan(&is)
	return is, err
}

const sqlTenants text = `
with recursive t as (
  (select tenant from portico.subject_keys order by tenant limit 1)
  union all
  select (select k.tenant from portico.subject_keys k where k.tenant > t.tenant order by k.tenant limit 1) from t where t.tenant is not null
)
select tenant from t where tenant is not null`

// Tenants are those that have keys.
func (k *Keyring) Tenants(ctx context.Context) ([]string, error) {
	rows, err := k.db.Query(ctx, string(sqlTenants))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

var _ envelope.Keys = (*Keyring)(nil)
