package pdf

import (
	"math"
	"strconv"
)

// Measures are in points, 1/72 inch.
const (
	margin    = 48.0
	lead      = 1.36 // a line's height in sizes
	cellPad   = 4.5  // above and below a cell's text
	columnGap = 10.0
	logoWidth = 150.0
	logoTall  = 46.0
)

type rgb struct{ r, g, b uint8 }

// The portal's ink, second ink and lines. All can be told apart in black and white.
var (
	ink      = rgb{0x14, 0x20, 0x2b}
	muted    = rgb{0x5b, 0x69, 0x73}
	hairline = rgb{0xc9, 0xd0, 0xcf}
	brand    = rgb{0x0f, 0x5f, 0x55} // where the issuer has no colour
)

type style struct {
	size   float64
	bold   bool
	colour rgb
}

// height is that of a line of the style.
func (s style) height() float64 { return s.size * lead }

var (
	body   = style{9, false, ink}
	strong = style{9, true, ink}
	hint   = style{8, false, muted}
	tiny   = style{6.8, false, muted}
	column = style{7.8, true, muted}
	large  = style{10.5, true, ink}
)

// readable is an issuer's colour, darkened until text in it can be read on white: a
// contrast of 4.5 (WCAG 2.2, 1.4.3).
func readable(hex string) rgb {
	if len(hex) != 7 || hex[0] != '#' {
		return brand
	}
	n, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		return brand
	}
	c := rgb{uint8(n >> 16), uint8(n >> 8), uint8(n)}
	for contrast(c) < 4.5 {
		c = rgb{darker(c.r), darker(c.g), darker(c.b)}
	}
	return c
}

func darker(v uint8) uint8 { return uint8(float64(v) * 0.94) }

// contrast is that of a colour on white.
func contrast(c rgb) float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 1.05 / (0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b) + 0.05)
}
