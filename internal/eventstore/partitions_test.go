package eventstore_test

import (
	"sync"
	"testing"

	"portico/internal/pgtest"
)

// A session that lists the partitions just while one is attached keeps its list. Whoever comes
// to it is neither refused nor shown less than there is.
func TestNobodyMissesANewPartition(t *testing.T) {
	t.Parallel()
	for range 2 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			owner, _ := pgtest.Superuser(t)
			pgtest.Exec(t, owner, "UPDATE es.settings SET partition_size = 8")
			s := open(t, owner)
			var writers sync.WaitGroup
			for range 6 {
				writers.Go(func() {
					name := stream()
					for n := range 200 {
						done, err := s.Append(t.Context(), name, int64(n)-1, event())
						if err != nil {
							t.Errorf("append %d: %v", n, err)
							return
						}
						if n%5 == 0 {
							if all, err := s.ReadStream(t.Context(), name, 0, 1000); err != nil || len(all) != n+1 {
								t.Errorf("%d of %d events of the stream: %v", len(all), n+1, err)
							}
						}
						before := done.Pos
						before.Hi--
						if page, err := s.ReadAll(t.Context(), before, 1); err != nil || len(page.Events) != 1 {
							t.Errorf("an event at %v is not there: %v", done.Pos, err)
						}
					}
				})
			}
			writers.Wait()
		})
	}
}
