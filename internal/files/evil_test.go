package files

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// The corpus is built here: no evil file is in the repository.

// photo is a picture with some structure, so that turning it shows.
func photo(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{uint8(x * 255 / w), uint8(y * 255 / h), 128, 255})
		}
	}
	return m
}

func encoded(encode func(io.Writer) error) []byte {
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func aPNG(m image.Image) []byte {
	return encoded(func(w io.Writer) error { return png.Encode(w, m) })
}

func aJPEG(m image.Image) []byte {
	return encoded(func(w io.Writer) error { return jpeg.Encode(w, m, nil) })
}

func aGIF(count int) []byte {
	all := &gif.GIF{}
	for i := range count {
		m := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.Black, color.White})
		m.SetColorIndex(i%8, i/8%8, 1)
		all.Image, all.Delay = append(all.Image, m), append(all.Delay, 10)
	}
	return encoded(func(w io.Writer) error { return gif.EncodeAll(w, all) })
}

// aWebP is one white pixel, lossy (VP8), in the extended form if there are chunks besides.
func aWebP(flags byte, chunks ...[]byte) []byte {
	body := riff("VP8 ", []byte("\x30\x01\x00\x9d\x01\x2a\x01\x00\x01\x00\x02\x00\x34\x25\xa4\x00\x03\x70\x00\xfe\xfb\xfd\x50\x00"))
	if flags != 0 {
		body = append(riff("VP8X", []byte{flags, 0, 0, 0, 0, 0, 0, 0, 0, 0}), body...)
	}
	for _, c := range chunks {
		body = append(body, c...)
	}
	return riff("RIFF", append([]byte("WEBP"), body...))
}

func riff(name string, data []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(data)))
	out = append(out, data...)
	if len(data)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

func chunk(name string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, name...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(append([]byte(name), data...)))
}

const pngSignature = "\x89PNG\r\n\x1a\n"

// pngHeader says a size and a kind of pixels: color type 0 is grey, 2 is RGB, 6 has alpha.
func pngHeader(w, h uint32, bits, colors byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, w)
	return chunk("IHDR", append(binary.BigEndian.AppendUint32(b, h), bits, colors, 0, 0, 0))
}

func deflated(data []byte) []byte {
	return encoded(func(w io.Writer) error {
		z := zlib.NewWriter(w)
		_, err := z.Write(data)
		z.Close()
		return err
	})
}

// pngWith puts chunks before the picture's own.
func pngWith(chunks ...[]byte) []byte {
	plain := aPNG(photo(16, 16))
	const afterHeader = 8 + 25
	return bytes.Join([][]byte{plain[:afterHeader], bytes.Join(chunks, nil), plain[afterHeader:]}, nil)
}

// pngBomb is a small file of a picture that would take 10 GB.
func pngBomb() []byte {
	return bytes.Join([][]byte{[]byte(pngSignature), pngHeader(50_000, 50_000, 8, 6), chunk("IDAT", deflated(make([]byte, 1<<16))), chunk("IEND", nil)}, nil)
}

// jpegWith puts a segment behind the first marker.
func jpegWith(mark byte, data []byte, m image.Image) []byte {
	plain := aJPEG(m)
	segment := append(binary.BigEndian.AppendUint16([]byte{0xff, mark}, uint16(len(data)+2)), data...)
	return bytes.Join([][]byte{plain[:2], segment, plain[2:]}, nil)
}

// exif says how to turn a picture, and where on earth it was taken.
func exif(orientation uint16) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00\x03\x00")
	entry := func(tag, kind uint16, count, value uint32) {
		b = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, tag), kind)
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, count), value)
	}
	entry(0x0112, 3, 1, uint32(orientation))
	entry(0x8825, 4, 1, 64) // GPS
	entry(0x010e, 2, 20, 90)
	return append(b, "\x00\x00\x00\x00GPS 51.5074N 0.1278W; taken by Jane Doe"...)
}

func gifComment(text string) []byte {
	plain := aGIF(1)
	at := bytes.Index(plain, []byte{0x21, 0xf9})
	if at < 0 {
		at = bytes.Index(plain, []byte{0x2c})
	}
	block := append(append([]byte{0x21, 0xfe, byte(len(text))}, text...), 0)
	return bytes.Join([][]byte{plain[:at], block, plain[at:]}, nil)
}

// gifHeaders says many large pictures and holds none.
func gifHeaders(count int, w, h uint16) []byte {
	b := []byte("GIF89a")
	b = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, w), h)
	b = append(b, 0x80, 0, 0, 0, 0, 0, 255, 255, 255)
	for range count {
		b = append(b, 0x2c, 0, 0, 0, 0)
		b = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, w), h)
		b = append(b, 0, 2, 1, 0x3b, 0)
	}
	return append(b, 0x3b)
}

func aPDF(body string) []byte {
	return []byte("%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" + body + "\nxref\n0 1\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n")
}

// part is one entry of a document.
type part struct{ name, content string }

func zipped(parts ...part) []byte {
	return encoded(func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, p := range parts {
			h := &zip.FileHeader{Name: p.name, Method: zip.Deflate}
			if p.name == "mimetype" {
				h.Method = zip.Store
			}
			f, err := z.CreateHeader(h)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(f, p.content); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// zipBomb is a table with parts of nothing but zeros, which are packed once.
func zipBomb(parts, size int) []byte {
	zeros := make([]byte, size)
	packed := encoded(func(w io.Writer) error {
		z, _ := flate.NewWriter(w, flate.BestSpeed)
		_, err := z.Write(zeros)
		return errors.Join(err, z.Close())
	})
	return encoded(func(w io.Writer) error {
		z := zip.NewWriter(w)
		for i := range parts {
			f, err := z.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("xl/p%d.xml", i), Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(zeros),
				CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(size)})
			if err != nil {
				return err
			}
			if _, err := f.Write(packed); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

func contentTypes(main string) part {
	return part{"[Content_Types].xml", `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/x.xml" ContentType="` + main + `"/></Types>`}
}

func aDOCX(more ...part) []byte {
	return zipped(append([]part{contentTypes(docx.says), {"_rels/.rels", "<Relationships/>"}, {docx.part, "<w:document/>"}}, more...)...)
}

func anXLSX(more ...part) []byte {
	return zipped(append([]part{contentTypes(xlsx.says), {"_rels/.rels", "<Relationships/>"}, {xlsx.part, "<workbook/>"}}, more...)...)
}

func anODF(kind office, more ...part) []byte {
	return zipped(append([]part{{"mimetype", kind.says}, {"content.xml", "<office:document-content/>"}, {"META-INF/manifest.xml", "<manifest/>"}}, more...)...)
}

func manyParts(n int) (all []part) {
	for i := range n {
		all = append(all, part{fmt.Sprintf("word/p%d.xml", i), ""})
	}
	return all
}

func inUTF16(text string) []byte {
	b := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// noise is a picture that does not get smaller.
func noise(w, h int) *image.NRGBA {
	m, r := image.NewNRGBA(image.Rect(0, 0, w, h)), rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(m.Pix)
	return m
}

func long(text string, size int) []byte {
	return []byte(strings.Repeat(text, size/len(text)+1)[:size])
}
