package files

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
)

// checkPDF takes a PDF that begins with its first byte and ends with its last, and is
// nothing else besides. What is in it is not looked at: a browser shows it in a sandbox, and
// only as a download.
func checkPDF(_ context.Context, _ *Store, in *spool) (*spool, string, error) {
	head, err := in.part(0, 1<<10)
	if err != nil {
		return nil, "", err
	}
	tail, err := in.part(in.size-(64<<10+22), 64<<10+22)
	if err != nil {
		return nil, "", err
	}
	end := bytes.LastIndex(tail, []byte("%%EOF"))
	switch {
	case !bytes.HasPrefix(head, []byte("%PDF-")):
		return nil, "", damaged("PDF", nil)
	case markupIn.Match(head):
		return nil, "", refused("a PDF that is a page as well")
	case isZipEnd(tail):
		return nil, "", refused("a PDF that is an archive as well")
	case end < 0 || len(bytes.Trim(tail[end+len("%%EOF"):], "\x00\t\n\f\r ")) > 0:
		return nil, "", damaged("PDF", nil)
	}
	return in, "application/pdf", nil
}

// part is at most size bytes from an offset on, which may be before the beginning.
func (t *spool) part(from, size int64) ([]byte, error) {
	if from < 0 {
		from, size = 0, size+from
	}
	b := make([]byte, min(size, t.size-from))
	_, err := t.ReadAt(b, from)
	if err == io.EOF {
		err = nil
	}
	return b, err
}

// isZipEnd tells whether the end of a file is that of a zip file too: such a reader begins
// at the end, and looks past a comment.
func isZipEnd(tail []byte) bool {
	const size, signature = 22, "PK\x05\x06"
	for at := bytes.LastIndex(tail, []byte(signature)); at >= 0; at = bytes.LastIndex(tail[:at], []byte(signature)) {
		if at+size <= len(tail) && at+size+int(binary.LittleEndian.Uint16(tail[at+20:])) <= len(tail) {
			return true
		}
	}
	return false
}
