package pdf

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// simplified prepares a TrueType font for the library and for small files. A sign that is
// put together from signs which are put together themselves gets its parts directly: the
// library embeds parts, but not parts of parts, so that dots and marks of Arabic letters
// were lost. Hints for coarse screens are left out: they were more than half of a file.
func simplified(ttf []byte) (_ []byte, err error) {
	f, err := openFont(ttf)
	if err != nil {
		return nil, err
	}
	defer broken(&err)
	f.rebuild()
	for _, hints := range []string{"cvt ", "fpgm", "prep"} {
		f.tables[hints] = nil
	}
	for _, unused := range []string{"GSUB", "GPOS", "GDEF", "kern", "gasp", "hdmx", "VDMX", "LTSH", "DSIG", "FFTM", "vhea", "vmtx"} {
		delete(f.tables, unused)
	}
	return f.bytes(), nil
}

// openFont reads where a font's tables and glyphs are.
func openFont(ttf []byte) (f *fontFile, err error) {
	defer broken(&err)
	f = &fontFile{tables: map[string][]byte{}}
	for i := range int(be.Uint16(ttf[4:])) {
		entry := ttf[12+16*i:]
		from, length := be.Uint32(entry[8:]), be.Uint32(entry[12:])
		f.tables[string(entry[:4])] = ttf[from : from+length]
	}
	f.index()
	return f, nil
}

// broken turns a panic into an error: an offset that leads out of the file.
func broken(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("font: %v", r)
	}
}

var be = binary.BigEndian

// fontFile is a TrueType font being prepared.
type fontFile struct {
	tables map[string][]byte
	loca   []uint32 // where each glyph begins in glyf; one more for the end
}

func (f *fontFile) index() {
	loca := f.tables["loca"]
	for i := range int(be.Uint16(f.tables["maxp"][4:])) + 1 {
		if be.Uint16(f.tables["head"][50:]) == 0 {
			f.loca = append(f.loca, uint32(be.Uint16(loca[2*i:]))*2)
		} else {
			f.loca = append(f.loca, be.Uint32(loca[4*i:]))
		}
	}
}

func (f *fontFile) glyph(n int) []byte { return f.tables["glyf"][f.loca[n]:f.loca[n+1]] }

// rebuild writes every glyph anew, and the index for them.
func (f *fontFile) rebuild() {
	var glyf, loca []byte
	for n := range len(f.loca) - 1 {
		loca = be.AppendUint32(loca, uint32(len(glyf)))
		glyf = append(glyf, f.plainGlyph(n)...)
		glyf = append(glyf, make([]byte, -len(glyf)&3)...)
	}
	loca = be.AppendUint32(loca, uint32(len(glyf)))
	head := slices.Clone(f.tables["head"])
	be.PutUint16(head[50:], 1) // long index
	f.tables["glyf"], f.tables["loca"], f.tables["head"] = glyf, loca, head
}

// plainGlyph is a glyph without hints and without nested parts.
func (f *fontFile) plainGlyph(n int) []byte {
	g := f.glyph(n)
	if len(g) == 0 {
		return nil
	}
	contours := int(int16(be.Uint16(g)))
	if contours >= 0 {
		at := 10 + 2*contours // where the length of the hints is
		hints := int(be.Uint16(g[at:]))
		return slices.Concat(g[:at], []byte{0, 0}, g[at+2+hints:])
	}
	out := slices.Clone(g[:10])
	parts := f.parts(n, 0)
	for i, p := range parts {
		out = p.append(out, i < len(parts)-1)
	}
	return out
}

// part is one component of a put-together glyph.
type part struct {
	flags, glyph uint16
	x, y         int
	scale        []byte // as in the file: nothing, or one, two or four numbers
}

// Flags of a component (OpenType, glyf).
const (
	wordArgs   = 0x0001
	offsetArgs = 0x0002
	oneScale   = 0x0008
	more       = 0x0020
	twoScales  = 0x0040
	fourScales = 0x0080
	ownMetrics = 0x0200
)

// parts are a glyph's components, nested ones resolved. A scaled part stays as it is: none
// of our fonts scales one that has parts, and a test says so.
func (f *fontFile) parts(n, depth int) (all []part) {
	g := f.glyph(n)[10:]
	for next := true; next; {
		var p part
		p, g = readPart(g)
		next = p.flags&more != 0
		inner := f.glyph(int(p.glyph))
		if len(inner) == 0 || int16(be.Uint16(inner)) >= 0 || len(p.scale) > 0 || p.flags&offsetArgs == 0 || depth > 8 {
			all = append(all, p)
			continue
		}
		for _, q := range f.parts(int(p.glyph), depth+1) {
			q.x, q.y = q.x+p.x, q.y+p.y
			q.flags = q.flags&^ownMetrics | q.flags&p.flags&ownMetrics
			all = append(all, q)
		}
	}
	return all
}

func readPart(g []byte) (part, []byte) {
	p := part{flags: be.Uint16(g), glyph: be.Uint16(g[2:])}
	g = g[4:]
	if p.flags&wordArgs != 0 {
		p.x, p.y, g = int(int16(be.Uint16(g))), int(int16(be.Uint16(g[2:]))), g[4:]
	} else {
		p.x, p.y, g = int(int8(g[0])), int(int8(g[1])), g[2:]
	}
	size := 0
	switch {
	case p.flags&oneScale != 0:
		size = 2
	case p.flags&twoScales != 0:
		size = 4
	case p.flags&fourScales != 0:
		size = 8
	}
	p.scale = g[:size]
	return p, g[size:]
}

func (p part) append(out []byte, others bool) []byte {
	const kept = offsetArgs | 0x0004 | oneScale | twoScales | fourScales | ownMetrics | 0x0400 | 0x0800 | 0x1000
	flags := p.flags&kept | wordArgs
	if others {
		flags |= more
	}
	out = be.AppendUint16(be.AppendUint16(out, flags), p.glyph)
	out = be.AppendUint16(be.AppendUint16(out, uint16(int16(p.x))), uint16(int16(p.y)))
	return append(out, p.scale...)
}

// bytes is the font as a file.
func (f *fontFile) bytes() []byte {
	tags := slices.Sorted(maps.Keys(f.tables))
	out := []byte{0, 1, 0, 0}
	out = be.AppendUint16(out, uint16(len(tags)))
	out = append(out, make([]byte, 6)...) // for a binary search that the library does not do
	at := len(out) + 16*len(tags)
	var data []byte
	for _, tag := range tags {
		table := f.tables[tag]
		out = append(out, tag...)
		out = be.AppendUint32(out, checksum(table))
		out = be.AppendUint32(out, uint32(at+len(data)))
		out = be.AppendUint32(out, uint32(len(table)))
		data = append(data, table...)
		data = append(data, make([]byte, -len(data)&3)...)
	}
	return append(out, data...)
}

func checksum(table []byte) (sum uint32) {
	padded := append(table[:len(table):len(table)], make([]byte, -len(table)&3)...)
	for ; len(padded) > 0; padded = padded[4:] {
		sum += be.Uint32(padded)
	}
	return sum
}
