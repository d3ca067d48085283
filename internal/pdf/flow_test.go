package pdf

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever is laid out: everything is placed once, in order, inside the page; what is glued
// stays together if a page can hold it; a table's heads come first where it goes on.
func TestBlocksAreWholeAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const first, next, bottom = 50.0, 80.0, 700.0
		var blocks []block
		under := block{height: 20, draw: func(*canvas, float64) {}}
		var order []int
		for i := range rapid.IntRange(0, 60).Draw(t, "blocks") {
			b := block{height: rapid.Float64Range(1, 250).Draw(t, "height"), glued: rapid.IntRange(0, 4).Draw(t, "glued") == 0,
				draw: func(*canvas, float64) { order = append(order, i) }}
			if rapid.Bool().Draw(t, "under") {
				b.under = &under
			}
			blocks = append(blocks, b)
		}
		at := map[int]int{}
		for n, page := range paged(blocks, first, next, bottom) {
			for i, b := range page {
				before := len(order)
				b.draw(nil, b.top)
				if len(order) > before {
					at[order[before]] = n
				}
				if b.top+b.height > bottom {
					t.Fatalf("a block ends at %.1f", b.top+b.height)
				}
				if i > 0 && b.top < page[i-1].top+page[i-1].height-0.001 {
					t.Fatal("blocks overlap")
				}
				if i == 0 && b.under != nil {
					t.Fatal("a table goes on without its heads")
				}
			}
		}
		for i, n := range order {
			if n != i {
				t.Fatalf("block %d is drawn as number %d", n, i)
			}
		}
		if len(order) != len(blocks) {
			t.Fatalf("%d of %d blocks", len(order), len(blocks))
		}
		for i := 0; i < len(blocks); {
			end, height := chain(blocks, i)
			if height+20 <= bottom-next && end-i > 1 && at[i] != at[end-1] {
				t.Fatalf("blocks %d to %d are parted", i, end)
			}
			i = end
		}
	})
}
