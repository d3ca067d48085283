package pdf

import (
	"testing"

	"portico/domain"
)

func TestFontsHaveWhatTheyAreFor(t *testing.T) {
	for _, text := range []string{"Zażółć gęślą jaźń", "Ελληνικά Ύδρευσης", "Дополнительные", "ﻣﺤﻤﺪ ﻋﺒﺪ", "שלום", "北京市朝阳区", "한국어", "日本語の説明", "£€$¥₹₺₽zł", "–—…“”„«»·•№°²½", "ế Ứ ỹ"} {
		for _, bold := range []bool{false, true} {
			for _, r := range text {
				if _, got, width := find(r, bold); got != r || width == missing {
					t.Errorf("no font has %q", r)
				}
			}
		}
	}
	for _, r := range []rune{'😀', 0x10FFFF, 0x1D400, 0xFFFE, 0xE000 + 0x1234} {
		if _, got, width := find(r, false); got != replacement || width == 0 || width == missing {
			t.Errorf("%U is drawn as %U", r, got)
		}
	}
}

// The library embeds the parts of a sign, but not parts of parts.
func TestNoSignHasNestedParts(t *testing.T) {
	for _, f := range append(append([]*face{}, plainFaces...), boldFaces...) {
		if err := f.ready(); err != nil {
			t.Fatal(f.name, err)
		}
		file, err := openFont(f.data)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(file.loca) - 1 {
			g := file.glyph(n)
			if len(g) == 0 || int16(be.Uint16(g)) >= 0 {
				continue
			}
			for next, rest := true, g[10:]; next; {
				var p part
				p, rest = readPart(rest)
				next = p.flags&more != 0
				if inner := file.glyph(int(p.glyph)); len(inner) > 0 && int16(be.Uint16(inner)) < 0 {
					t.Errorf("%s: sign %d has sign %d as a part, which has parts", f.name, n, p.glyph)
				}
			}
		}
	}
}

func TestABrokenFontIsAnError(t *testing.T) {
	whole := plainFaces[0]
	given, _ := whole.load()
	for _, cut := range []int{0, 3, 11, 300, len(given) / 2} {
		if _, err := simplified(given[:cut:cut]); err == nil {
			t.Errorf("%d bytes of a font are taken for one", cut)
		}
	}
}

// PDF 32000-1, 9.10.3: a range of a table of characters has at most 100 entries.
func TestAFaceOfManyCharactersIsSeveralParts(t *testing.T) {
	c := newCanvas(600, 800, false)
	c.page()
	text := ""
	for r := rune(0x4E00); r < 0x4E00+250; r++ {
		text += string(r)
	}
	c.write(span{0, 600, false, body, text}, 100)
	if c.err != nil || c.used[hanFace] != 3 {
		t.Errorf("%d parts for 250 characters (%v)", c.used[hanFace], c.err)
	}
	p := sample("en-GB", 0)
	p.Lines = []domain.Line{{Text: text}}
	if got := said(t, mustDraw(t, p).Bytes); len(got) < 750 {
		t.Errorf("characters are lost: %s", got)
	}
}

func TestAColourCanBeRead(t *testing.T) {
	for _, hex := range []string{"#ffffff", "#ff7a1a", "#ffff00", "#000000", "#0f5f55", "", "red", "#12345", "#zzzzzz"} {
		if c := readable(hex); contrast(c) < 4.5 {
			t.Errorf("%q becomes %v, of contrast %.1f", hex, c, contrast(c))
		}
	}
	if readable("#1a5896") != (rgb{0x1a, 0x58, 0x96}) {
		t.Error("a colour that can be read was changed")
	}
}
