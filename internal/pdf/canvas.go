package pdf

import (
	"bytes"

	"github.com/signintech/gopdf"
)

// canvas draws on the pages of one file. Places are in points from the upper corner where
// reading begins: the left one, or the right one of a language that runs right to left.
type canvas struct {
	file          *gopdf.GoPdf
	width, height float64
	rtl           bool
	parts         map[*face]map[rune]int // which part of a face has a character
	used          map[*face]int          // how many parts of a face the file has
	font          string                 // the one set, and its size
	size          float64
	err           error // the first; then nothing more is drawn
}

func newCanvas(width, height float64, rtl bool) *canvas {
	c := &canvas{file: &gopdf.GoPdf{}, width: width, height: height, rtl: rtl,
		parts: map[*face]map[rune]int{}, used: map[*face]int{}}
	c.file.Start(gopdf.Config{PageSize: gopdf.Rect{W: width, H: height}})
	return c
}

// page begins a new page.
func (c *canvas) page() { c.file.AddPage() }

// span is one line of text in a place of a given width.
type span struct {
	x, width float64
	end      bool // at the end of the place, as numbers are
	style    style
	text     string
}

// write draws a span whose line's middle is at y.
func (c *canvas) write(s span, y float64) {
	runs := shaped(s.text, s.style.bold)
	wide := 0
	for _, r := range runs {
		wide += r.width
	}
	taken := float64(wide) * s.style.size / 1000
	x := s.x
	if s.end {
		x += s.width - taken
	}
	if c.rtl {
		x = c.width - x - taken
	}
	c.file.SetTextColor(s.style.colour.r, s.style.colour.g, s.style.colour.b)
	for _, r := range runs {
		x = c.run(r, x, y+s.style.size*0.35, s.style.size)
	}
}

// run draws a run at a baseline and answers where it ends.
func (c *canvas) run(r run, x, y, size float64) float64 {
	for len(r.text) > 0 && c.err == nil {
		part, n := c.part(r.face, r.text[0]), 1
		width := int(r.face.widths[r.text[0]])
		for n < len(r.text) && c.part(r.face, r.text[n]) == part {
			width += int(r.face.widths[r.text[n]])
			n++
		}
		if name := r.face.part(part); c.font != name || c.size != size {
			c.font, c.size = name, size
			c.fail(c.file.SetFont(name, "", size))
		}
		if c.err == nil {
			c.file.SetXY(x, y)
			c.fail(c.file.Text(string(r.text[:n])))
		}
		x += float64(width) * size / 1000
		r.text = r.text[n:]
	}
	return x
}

// part answers which part of a face draws a character, and adds the part if it is new.
func (c *canvas) part(f *face, r rune) int {
	known := c.parts[f]
	if known == nil {
		known = map[rune]int{}
		c.parts[f] = known
	}
	part, ok := known[r]
	if ok {
		return part
	}
	part = min(len(known)/partRunes, maxParts-1)
	if part == c.used[f] {
		c.fail(f.use(c.file, part))
		c.used[f]++
	}
	known[r] = part
	return part
}

func (c *canvas) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// rule draws a line across at y.
func (c *canvas) rule(r rule, y float64) {
	if c.rtl {
		r.x = c.width - r.x - r.width
	}
	c.file.SetLineWidth(r.thick)
	c.file.SetStrokeColor(r.colour.r, r.colour.g, r.colour.b)
	c.file.Line(r.x, y, r.x+r.width, y)
}

// bar draws a filled rectangle.
func (c *canvas) bar(x, y, width, height float64, colour rgb) {
	if c.rtl {
		x = c.width - x - width
	}
	c.file.SetFillColor(colour.r, colour.g, colour.b)
	c.file.RectFromUpperLeftWithStyle(x, y, width, height, "F")
}

// image draws a picture.
func (c *canvas) image(p picture, x, y, width, height float64) {
	if c.rtl {
		x = c.width - x - width
	}
	holder, err := gopdf.ImageHolderByBytes(p.png)
	if err == nil {
		err = c.file.ImageByHolder(holder, x, y, &gopdf.Rect{W: width, H: height})
	}
	c.fail(err)
}

// bytes is the file, with about as its catalog and information.
func (c *canvas) bytes(a about) ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	root := c.file.GetNextObjectID()
	c.file.ImportObjects(map[int]string{root: a.catalog(), root + 1: a.information()}, root)
	var b bytes.Buffer
	if _, err := c.file.WriteTo(&b); err != nil {
		return nil, err
	}
	return rooted(b.Bytes(), root)
}
