package pdf

import (
	"bytes"
	"flag"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden pictures; then look at them")

// A page looks as it did when somebody last looked at it: coarsely, as programs that show
// pages differ in detail.
func TestPagesLookAsTheyDid(t *testing.T) {
	for name, p := range map[string]Paper{"invoice-en-GB": sample("en-GB", 5), "statement-ar": sampleStatement("ar", 9)} {
		golden := filepath.Join("testdata", name+".png")
		now := []byte(tool(t, mustDraw(t, p).Bytes, "pdftoppm", "-r", "40", "-gray", "-png", "-singlefile", "FILE"))
		if *update {
			if err := os.WriteFile(golden, now, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		then, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		was, is := decoded(t, then), decoded(t, now)
		if was.Bounds() != is.Bounds() {
			t.Fatalf("%s: %v, was %v", name, is.Bounds(), was.Bounds())
		}
		const cell = 12
		for y := 0; y < was.Rect.Dy(); y += cell {
			for x := 0; x < was.Rect.Dx(); x += cell {
				if a, b := darkness(was, x, y, cell), darkness(is, x, y, cell); a-b > 14 || b-a > 14 {
					t.Errorf("%s differs at %d, %d (of %v): darkness %d, was %d", name, x, y, was.Rect.Max, b, a)
				}
			}
		}
	}
}

func decoded(t *testing.T, file []byte) *image.Gray {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	gray := image.NewGray(picture.Bounds())
	draw.Draw(gray, gray.Rect, picture, image.Point{}, draw.Src)
	return gray
}

// darkness is the mean of a cell, 0 for white to 255 for black.
func darkness(m *image.Gray, x, y, cell int) int {
	sum, n := 0, 0
	for dy := range min(cell, m.Rect.Dy()-y) {
		for dx := range min(cell, m.Rect.Dx()-x) {
			sum, n = sum+255-int(m.GrayAt(x+dx, y+dy).Y), n+1
		}
	}
	return sum / n
}
