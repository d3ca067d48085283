package files

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"portico/domain"
)

// office is a kind of document that is a zip file. It is kept as it came; what is checked is
// that it is one, that unpacking it harms nobody, and that nothing in it runs.
type office struct {
	mediaType string
	part      string // that it must have
	// says is what the document says of itself: the part's content type in
	// [Content_Types].xml, or, for OpenDocument, the whole of the first entry.
	says string
	open bool // OpenDocument
}

const openXML = "application/vnd.openxmlformats-officedocument."

var (
	docx = office{openXML + "wordprocessingml.document", "word/document.xml", openXML + "wordprocessingml.document.main+xml", false}
	xlsx = office{openXML + "spreadsheetml.sheet", "xl/workbook.xml", openXML + "spreadsheetml.sheet.main+xml", false}
	odt  = office{"application/vnd.oasis.opendocument.text", "content.xml", "application/vnd.oasis.opendocument.text", true}
	ods  = office{"application/vnd.oasis.opendocument.spreadsheet", "content.xml", "application/vnd.oasis.opendocument.spreadsheet", true}
)

const (
	maxEntries  = 2_000
	maxUnpacked = 256 << 20 // bytes, of all entries together
)

func (o office) check(ctx context.Context, _ *Store, in *spool) (*spool, string, error) {
	err := o.read(ctx, in)
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrAlgorithm) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = damaged("document", err)
	}
	return in, o.mediaType, err
}

func (o office) read(ctx context.Context, in *spool) error {
	if err := tight(in); err != nil {
		return err
	}
	z, err := zip.NewReader(in.whole(), in.size)
	if err != nil {
		return err
	}
	if len(z.File) > maxEntries {
		return tooMuch("has more than %d parts", maxEntries)
	}
	if err := plainEntries(z.File); err != nil {
		return err
	}
	if err := fromTheStart(in, z.File); err != nil {
		return err
	}
	left := int64(maxUnpacked)
	for _, f := range z.File {
		n, err := harmless(f, left)
		if left -= n; err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return o.itself(z)
}

// tight checks that a zip file ends with the last byte: nothing is behind it, or in a comment.
func tight(in *spool) error {
	const endSize = 22
	tail, err := in.part(in.size-endSize, endSize)
	if err != nil {
		return err
	}
	if len(tail) < endSize || !bytes.HasPrefix(tail, []byte("PK\x05\x06")) {
		return damaged("document", nil)
	}
	return nil
}

// fromTheStart checks that the entry whose header is at the first byte is the first one
// that is listed: or something else is there.
func fromTheStart(in *spool, all []*zip.File) error {
	const headerSize = 30
	head, err := in.part(0, headerSize)
	if err != nil {
		return err
	}
	first := in.size
	for _, f := range all {
		at, err := f.DataOffset()
		if err != nil {
			return err
		}
		first = min(first, at)
	}
	if len(head) < headerSize || string(head[:4]) != "PK\x03\x04" ||
		first != headerSize+int64(binary.LittleEndian.Uint16(head[26:]))+int64(binary.LittleEndian.Uint16(head[28:])) {
		return damaged("document", nil)
	}
	return nil
}

// plainEntries checks that each entry has a name of its own, inside the document, and that
// none is encrypted or in a form that only some programs read.
func plainEntries(all []*zip.File) error {
	seen := map[string]bool{}
	for _, f := range all {
		name := strings.ToLower(f.Name)
		switch {
		case name == "", seen[name], path.IsAbs(name), strings.ContainsAny(name, "\\:\x00"), path.Clean("/"+name) != "/"+strings.TrimSuffix(name, "/"):
			return refused("a document with a part of the name %q", clipped(f.Name))
		case f.Flags&1 != 0:
			return refused("an encrypted document")
		case !f.Mode().IsRegular() && !f.Mode().IsDir():
			return refused("a document with links in it")
		}
		seen[name] = true
		if hasMacros(name) {
			return domain.Invalid("file.has_macros", "this document has macros: save it without them")
		}
		if slices.Contains(embeddings, path.Ext(name)) {
			return refused("a document with files in it (%s)", clipped(f.Name))
		}
	}
	return nil
}

func hasMacros(name string) bool {
	return strings.Contains(name, "vbaproject") || strings.Contains(name, "vbadata") || strings.HasPrefix(name, "basic/") ||
		strings.HasPrefix(name, "scripts/") || strings.Contains(name, "macrosheets/") || strings.HasPrefix(name, "customui/")
}

var embeddings = []string{".ole", ".zip", ".jar", ".7z", ".rar", ".gz", ".exe", ".dll", ".js", ".vbs", ".bat", ".cmd", ".ps1", ".lnk",
	".html", ".htm", ".svg", ".docm", ".xlsm", ".docx", ".xlsx", ".odt", ".ods", ".pptx", ".doc", ".xls"}

// harmless unpacks an entry to nowhere: its sizes may lie. It answers how many bytes it has.
func harmless(f *zip.File, left int64) (int64, error) {
	r, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	head := make([]byte, 8)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && (err != io.ErrUnexpectedEOF || f.UncompressedSize64 > uint64(n)) {
		return 0, err
	}
	for _, magic := range []string{"PK\x03\x04", "PK\x05\x06", "\xd0\xcf\x11\xe0", "MZ", "\x7fELF", "Rar!", "7z\xbc\xaf"} {
		if bytes.HasPrefix(head[:n], []byte(magic)) {
			return 0, refused("a document with files in it (%s)", clipped(f.Name))
		}
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(r, left+1))
	if total := rest + int64(n); total > left {
		return total, tooMuch("unpacks to more than %d MiB", maxUnpacked>>20)
	}
	return rest + int64(n), err
}

func tooMuch(format string, args ...any) error {
	return domain.Invalid("file.unpacks_too_large", "this document "+format, args...)
}

// itself checks that the document is of the kind that it is said to be.
func (o office) itself(z *zip.Reader) error {
	if _, err := z.Open(o.part); err != nil {
		return differs("this is a document, but not one of the type %s", o.mediaType)
	}
	if o.open {
		if f := z.File[0]; f.Name != "mimetype" || f.Method != zip.Store || f.UncompressedSize64 > 200 {
			return damaged("document", nil)
		}
		says, err := readEntry(z, "mimetype")
		if err == nil && says != o.says {
			err = differs("this is a document, but not one of the type %s", o.mediaType)
		}
		return err
	}
	types, err := readEntry(z, "[Content_Types].xml")
	switch {
	case err != nil:
		return damaged("document", err)
	case strings.Contains(types, "macroEnabled"):
		return domain.Invalid("file.has_macros", "this document has macros: save it without them")
	case !strings.Contains(types, `"`+o.says+`"`) && !strings.Contains(types, `'`+o.says+`'`):
		return differs("this is a document, but not one of the type %s", o.mediaType)
	}
	return nil
}

// maxTypes is how much of [Content_Types].xml is read: some bytes for each entry.
const maxTypes = 1 << 20

func readEntry(z *zip.Reader, name string) (string, error) {
	f, err := z.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTypes))
	return string(text), err
}
