package files

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
)

// ErrDamaged says that kept bytes are not those that their name says.
var ErrDamaged = errors.New("files: the bytes are not those that were kept")

// checked compares what is read with its name. The bytes that end it are not given out
// before all of them are compared, so that no reader takes damaged bytes for whole ones.
type checked struct {
	from  io.Closer
	ahead *bufio.Reader
	sum   hash.Hash
	want  string
	err   error
}

func verified(r io.ReadCloser, sum string) io.ReadCloser {
	return &checked{from: r, ahead: bufio.NewReaderSize(r, 32<<10), sum: sha256.New(), want: sum}
}

// Read implements io.Reader.
func (c *checked) Read(p []byte) (int, error) {
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	n, err := c.ahead.Read(p)
	c.sum.Write(p[:n])
	if err == nil {
		_, err = c.ahead.Peek(1) // is this the end?
	}
	if err == io.EOF && hex.EncodeToString(c.sum.Sum(nil)) != c.want {
		clear(p[:n])
		n, err = 0, ErrDamaged
	}
	c.err = err
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// Close implements io.Closer.
func (c *checked) Close() error { return c.from.Close() }
