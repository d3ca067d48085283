package files

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"regexp"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// markup is what no text that is handed in begins with, and no beginning of one holds: what
// a careless program takes for a page or a script.
var (
	markupFirst = regexp.MustCompile(`^(<[a-zA-Z!?/%]|#!)`)
	markupIn    = regexp.MustCompile(`(?i)<(html|head|body|script|iframe|svg|object|embed|!doctype|\?xml|\?php|%@|xsl:|math|meta|link|style|img|form|base)\b`)
)

// checkText takes text in UTF-8, UTF-16 with a byte order mark, or Windows-1252, without
// control characters. It is kept as it came: what looks like a formula in CSV too.
func checkText(mediaType string) func(context.Context, *Store, *spool) (*spool, string, error) {
	return func(_ context.Context, _ *Store, in *spool) (*spool, string, error) {
		head := make([]byte, headSize)
		n, err := in.ReadAt(head, 0)
		if err != nil && err != io.EOF {
			return nil, "", err
		}
		charset, decoder := textIn(in, head[:n])
		r := bufio.NewReaderSize(transform.NewReader(in.whole(), decoder.NewDecoder()), 32<<10)
		begins, err := r.Peek(headSize)
		if err != nil && err != io.EOF {
			return nil, "", damaged("text", err)
		}
		begins = bytes.TrimLeft(bytes.TrimPrefix(begins, []byte("\ufeff")), " \t\r\n\f")
		if markupFirst.Match(begins) || markupIn.Match(begins) {
			return nil, "", refused("markup or a script")
		}
		for {
			c, _, err := r.ReadRune()
			if err == io.EOF {
				return in, mediaType + "; charset=" + charset, nil
			}
			if err != nil || c == utf8.RuneError && charset != "utf-8" || c == 0x7f || c < ' ' && !bytes.ContainsRune([]byte("\t\n\r\f"), c) {
				return nil, "", damaged("text", err)
			}
		}
	}
}

// textIn is the encoding of a text: by its byte order mark; else UTF-8 if all of it is.
func textIn(in *spool, head []byte) (string, encoding.Encoding) {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return "utf-16", unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	case isUTF8(in.whole()):
		return "utf-8", unicode.UTF8
	}
	return "windows-1252", charmap.Windows1252
}

func isUTF8(from io.Reader) bool {
	r := bufio.NewReaderSize(from, 32<<10)
	for {
		switch c, size, err := r.ReadRune(); {
		case err == io.EOF:
			return true
		case err != nil, c == utf8.RuneError && size == 1:
			return false
		}
	}
}
