package pdf

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sync"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
	"github.com/signintech/gopdf"
)

//go:embed fonts/DroidSansFallbackFull.ttf.gz
var droidFallback []byte

// face is one font file, parsed once in the life of the process, when it is first needed.
type face struct {
	name string
	load func() ([]byte, error)
	once sync.Once
	data []byte
	err  error
	// widths of the Basic Multilingual Plane in 1/1000 of the size; missing where the font
	// has no sign for the character.
	widths []uint16
	added  [maxParts]func() error
}

const missing = 0xFFFF

// A font's table of characters may have no more than 100 entries in one range (PDF
// 32000-1, 9.10.3), and the library writes one range. So a file that uses more of one face
// embeds it as several parts; the last takes all the rest, as memory is kept for each.
const (
	maxParts  = 4
	partRunes = 100
)

// faces are asked in turn for a character.
var (
	plainFaces = []*face{
		newFace("LiberationSans", given(liberationsansregular.TTF)),
		newFace("DejaVuSans", given(dejavusans.TTF)), hanFace}
	boldFaces = []*face{
		newFace("LiberationSans-Bold", given(liberationsansbold.TTF)),
		newFace("DejaVuSans-Bold", given(dejavusansbold.TTF)), hanFace}
	hanFace   = newFace("DroidSansFallback", unpacked(droidFallback))
	container gopdf.FontContainer
)

func given(ttf []byte) func() ([]byte, error) { return func() ([]byte, error) { return ttf, nil } }

func unpacked(packed []byte) func() ([]byte, error) {
	return func() ([]byte, error) {
		r, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}
}

func newFace(name string, load func() ([]byte, error)) *face {
	f := &face{name: name, load: load}
	for part := range f.added {
		f.added[part] = sync.OnceValue(func() error { return container.AddTTFFontData(f.part(part), f.data) })
	}
	return f
}

// part names one part of the face in a file.
func (f *face) part(n int) string { return fmt.Sprintf("%s-%d", f.name, n+1) }

// ready parses the font if nobody has.
func (f *face) ready() error {
	f.once.Do(func() {
		if f.data, f.err = f.load(); f.err != nil {
			return
		}
		var font gopdf.SubsetFontObj
		if f.err = font.SetTTFData(f.data); f.err == nil {
			f.measure(&font)
		}
	})
	return f.err
}

func (f *face) measure(font *gopdf.SubsetFontObj) {
	f.widths = make([]uint16, 1<<16)
	for r := range f.widths {
		f.widths[r] = missing
	}
	table := font.GetTTFParser()
	for s := range table.StartCount {
		for r := table.StartCount[s]; r <= min(table.EndCount[s], 0xFFFE); r++ {
			if glyph, err := font.CharCodeToGlyphIndex(rune(r)); err == nil && glyph != 0 && glyph < table.NumGlyphs() {
				f.widths[r] = uint16(font.GlyphIndexToPdfWidth(glyph))
			}
		}
	}
}

// use makes a part of the face known to a file.
func (f *face) use(file *gopdf.GoPdf, part int) error {
	if err := f.added[part](); err != nil {
		return err
	}
	return file.AddTTFFontFromFontContainer(f.part(part), &container)
}

// find answers the face for a character, the character to draw, which is the replacement
// sign where no face has it, and its width.
func find(r rune, bold bool) (*face, rune, uint16) {
	faces := plainFaces
	if bold {
		faces = boldFaces
	}
	if r < 1<<16 {
		for _, f := range faces {
			if f.ready() == nil && f.widths[r] != missing {
				return f, r, f.widths[r]
			}
		}
	}
	f := faces[1]
	_ = f.ready() // a font that does not parse is found by the first test
	return f, replacement, f.widths[replacement]
}

const replacement = '\uFFFD'
