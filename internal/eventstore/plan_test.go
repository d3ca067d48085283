package eventstore

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"portico/internal/pgtest"
)

// A stream is loaded by its own index, however long its partition is and whatever the planner thinks
// of positions: twenty events are some thirty pages, not the range between the first and the last.
func TestALoadReadsTheStreamsPagesOnly(t *testing.T) {
	for _, events := range []int{2_000, 20_000, 60_000} {
		t.Run(fmt.Sprint(events), func(t *testing.T) {
			url := pgtest.New(t)
			streams := events / 20
			pgtest.Exec(t, url, `SELECT es.ensure_partitions(1)`, fmt.Sprintf(`INSERT INTO es.streams (name, version, first_pos, last_pos)
				SELECT 'main.account-' || n, 19, n, n + 19 * %[1]d FROM generate_series(1, %[1]d) n`, streams),
				fmt.Sprintf(`INSERT INTO es.events SELECT p, (p - 1) %% %[1]d + 1, (p - 1) / %[1]d, gen_random_uuid(), 't', repeat('d', 416)::bytea, repeat('m', 130)::bytea, now()
				FROM generate_series(1, %[2]d) p`, streams, events),
				`ANALYZE es.events, es.streams`)
			conn, err := pgx.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			var pages float64
			for range 3 { // at first the catalogue is read, too
				var text []byte
				if err := conn.QueryRow(t.Context(), `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM es.read_stream('main.account-7', 0, 1000)`).Scan(&text); err != nil {
					t.Fatal(err)
				}
				var plans []struct {
					Plan struct {
						Rows float64 `json:"Actual Rows"`
						Hit  float64 `json:"Shared Hit Blocks"`
						Read float64 `json:"Shared Read Blocks"`
					}
				}
				if err := json.Unmarshal(text, &plans); err != nil {
					t.Fatal(err)
				}
				if plans[0].Plan.Rows != 20 {
					t.Fatalf("%v rows", plans[0].Plan.Rows)
				}
				pages = plans[0].Plan.Hit + plans[0].Plan.Read
			}
			if t.Logf("%v pages", pages); pages > 40 {
				t.Errorf("%v pages for 20 events", pages)
			}
		})
	}
}
