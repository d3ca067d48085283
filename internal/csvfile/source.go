package csvfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"portico/domain"
)

const (
	maxField = 64 << 10 // bytes of a cell
	maxLine  = 1 << 20  // bytes of a physical line, and of a row
)

// Source reads a file's lines, decompressed and as UTF-8, and hashes its bytes as they
// are.
type Source struct {
	file   io.ReadCloser
	bytes  io.Reader // of the file, through the hash
	sum    hash.Hash
	text   *bufio.Reader
	no     int    // of the last line given
	unread []line // lines to give again, the next one last
	// Recoded counts lines that are not UTF-8 and were taken for Windows-1252.
	Recoded int64
}

// Open begins to read a file, which Close closes.
func Open(file io.ReadCloser) (*Source, error) { return OpenUpTo(file, math.MaxInt64) }

// OpenUpTo is Open for a file that has at most so many bytes, compressed and decompressed:
// those after it are an error, and are not read.
func OpenUpTo(file io.ReadCloser, most int64) (*Source, error) {
	s := &Source{file: file, sum: sha256.New()}
	s.bytes = &bounded{io.TeeReader(file, s.sum), most, most}
	raw := bufio.NewReaderSize(s.bytes, 64<<10)
	if magic, _ := raw.Peek(2); string(magic) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(raw)
		if err != nil {
			return nil, errors.Join(unreadable(err), file.Close())
		}
		raw = bufio.NewReaderSize(&bounded{unzipped, most, most}, 64<<10)
	}
	s.text = asUTF8(raw)
	return s, nil
}

// bounded reads so many bytes at most.
type bounded struct {
	from       io.Reader
	left, most int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 { // is there more?
		if n, err := b.from.Read(make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, domain.Invalid("csv.too_large", "this is more than %d bytes: send it in parts", b.most)
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func unreadable(err error) error {
	if domain.CodeOf(err) == "csv.too_large" {
		return err
	}
	return domain.Invalid("import.unreadable", "the file cannot be read to its end: %v", err)
}

// asUTF8 drops a byte order mark and decodes UTF-16, with a mark or without one. Lines
// in Windows-1252 are left to readLine.
func asUTF8(r *bufio.Reader) *bufio.Reader {
	start, _ := r.Peek(512)
	var order unicode.Endianness
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		_, _ = r.Discard(3)
		return r
	case bytes.HasPrefix(start, []byte("\xff\xfe")), nulsAt(start, 1):
		order = unicode.LittleEndian
	case bytes.HasPrefix(start, []byte("\xfe\xff")), nulsAt(start, 0):
		order = unicode.BigEndian
	default:
		return r
	}
	return bufio.NewReaderSize(transform.NewReader(r, unicode.UTF16(order, unicode.UseBOM).NewDecoder()), 64<<10)
}

// nulsAt tells whether every second byte from first on is zero, and none between is: so
// begins a Latin header in UTF-16.
func nulsAt(start []byte, first int) bool {
	for i, b := range start {
		if (b == 0) != (i%2 == first) {
			return false
		}
	}
	return len(start) >= 8
}

// line is a physical line without its end, cut if it was longer than maxLine.
type line struct {
	text string
	cut  bool
}

func (s *Source) readLine() (l line, err error) {
	s.no++
	if n := len(s.unread); n > 0 {
		l, s.unread = s.unread[n-1], s.unread[:n-1]
		return l, nil
	}
	var long []byte
	for {
		part, err := s.text.ReadSlice('\n')
		if len(long)+len(part) > maxLine {
			part, l.cut = part[:max(0, maxLine-len(long))], true
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = append(long, part...)
			continue
		case err == io.EOF && len(long)+len(part) == 0:
			return l, io.EOF
		case err != nil && err != io.EOF:
			return l, unreadable(err)
		}
		if long != nil {
			part = append(long, part...)
		}
		l.text = s.decoded(bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r")))
		return l, nil
	}
}

// back gives lines back, to be read again.
func (s *Source) back(lines []line) {
	for i := range lines {
		s.unread = append(s.unread, lines[len(lines)-1-i])
	}
	s.no -= len(lines)
}

func (s *Source) decoded(line []byte) string {
	if utf8.Valid(line) {
		return string(line)
	}
	s.Recoded++
	text, err := charmap.Windows1252.NewDecoder().Bytes(line)
	if err != nil { // it maps every byte
		return strings.ToValidUTF8(string(line), "\uFFFD")
	}
	return string(text)
}

// Close reads what is left, so that the hash, SHA-256 in hex, is of the whole file.
func (s *Source) Close() (fileHash string, err error) {
	_, err = io.Copy(io.Discard, s.bytes)
	if err = errors.Join(err, s.file.Close()); err != nil {
		return "", unreadable(err)
	}
	return hex.EncodeToString(s.sum.Sum(nil)), nil
}
