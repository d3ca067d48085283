package jobs

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/pgtest"
)

var readsWhole = regexp.MustCompile(`Seq Scan on jobs|Index (Only )?Scan (Backward )?using jobs_(made|pkey) on jobs[^\n]*\n(?:[^\n]*Filter: [^\n]*state)`)

// However many are done, looking for what to do reads only what is to be done.
func TestNothingReadsWhatIsDone(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	db := pgtest.Open(t, url)
	pgtest.Exec(t, url, `insert into portico.jobs (id, tenant, kind, state, payload, route, pos_hi, pos_lo, correlation, causation, due, made_at)
	  select gen_random_uuid(), 'main', 'kind.' || i % 5, case when i % 500 = 0 then 'queued' when i % 500 = 1 then 'dead' else 'done' end, '{}',
	    '00000000-0000-0000-0000-000000000000', i, 0, gen_random_uuid(), gen_random_uuid(), now(), now() from generate_series(1, 20000) i`,
		`analyze portico.jobs`)
	nobody := uuid.UUID{}
	for name, q := range map[string]struct {
		sql  string
		args []any
	}{
		"claim":     {sqlClaim, []any{[]string{"kind.0", "kind.1"}, []int{4, 4}, 1, "n", uuid.New(), time.Second}},
		"reap":      {sqlReap, nil},
		"renew":     {sqlRenew, []any{[]uuid.UUID{nobody}, []uuid.UUID{nobody}, time.Second}},
		"unclaim":   {sqlUnclaim, []any{[]uuid.UUID{nobody}}},
		"settle":    {sqlSettle, []any{[]uuid.UUID{nobody}, []uuid.UUID{nobody}, []string{"done"}, []bool{false}, []*time.Duration{nil}, []string{""}, "n"}},
		"counts":    {sqlCounts, nil},
		"owners":    {sqlOwners, nil},
		"unsettled": {sqlUnsettled, []any{"1", "0"}},
		"dead ones": {string(sqlList + ofState["dead"] + sqlNewest), []any{"main", "", nobody, "infinity", uuid.Max, 50}},
		"queued":    {string(sqlList + ofState["queued"] + sqlNewest), []any{"main", "", nobody, "infinity", uuid.Max, 50}},
	} {
		rows, err := db.Query(t.Context(), "explain "+q.sql, q.args...)
		if err != nil {
			t.Fatal(name, err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(name, err)
		}
		if plan := strings.Join(lines, "\n"); readsWhole.MatchString(plan) {
			t.Errorf("%s reads what is done:\n%s", name, plan)
		}
	}
}
