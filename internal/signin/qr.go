package signin

import (
	"fmt"
	"image"
	"strings"

	"github.com/pquerna/otp"
)

// A QR code is 21 modules wide, and four more with each version up to 40.
const (
	qrSmallest, qrLargest, qrStep = 21, 177, 4
	qrDark                        = 0x8000 // what is darker than that, of 0xffff
)

// QR is the app's address as a square of modules: how many wide, and the dark ones as an SVG
// path, one unit a module.
func (a NewApp) QR() (size int, path string, err error) {
	key, err := otp.NewKeyFromURL(a.URL)
	if err != nil {
		return 0, "", fmt.Errorf("signin: %w", err)
	}
	// The library refuses a picture that is smaller than the code: the first that it makes has
	// a pixel for each module.
	for size = qrSmallest; size <= qrLargest; size += qrStep {
		var picture image.Image
		if picture, err = key.Image(size, size); err == nil {
			return size, darkRuns(picture), nil
		}
	}
	return 0, "", fmt.Errorf("signin: %w", err)
}

// darkRuns draws each row's runs of dark pixels.
func darkRuns(p image.Image) string {
	var b strings.Builder
	size := p.Bounds().Dx()
	dark := func(x, y int) bool {
		r, _, _, _ := p.At(p.Bounds().Min.X+x, p.Bounds().Min.Y+y).RGBA()
		return x < size && r < qrDark
	}
	for y := range size {
		for x := 0; x < size; x++ {
			from := x
			for dark(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%[3]dz", from, y, x-from)
			}
		}
	}
	return b.String()
}
