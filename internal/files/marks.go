package files

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// What pictures say of themselves beside what can be seen: how they should be turned
// (EXIF's orientation, 1 to 8; 0 if it is not said), and how large their decoding gets. All
// of it is the sender's: what makes no sense says nothing.

const maxExif = 64 << 10

// readJPEG reads the segments before the picture itself. It skips what image/jpeg skips: or a
// file could hide from it how large its decoding gets.
func readJPEG(from io.Reader) (turn int, progressive bool) {
	r := bufio.NewReader(from)
	_, _ = r.Discard(2)
	for {
		mark, size, err := segment(r)
		switch {
		case err != nil || mark == 0xd9 || mark == 0xda: // the end, or the picture
			return turn, progressive
		case mark == 0xc2:
			progressive = true
		case mark == 0xe1 && turn == 0:
			b, _ := io.ReadAll(io.LimitReader(r, int64(size)))
			if exif, is := bytes.CutPrefix(b, []byte("Exif\x00\x00")); is {
				turn = orientation(exif)
			}
			continue
		}
		if _, err := r.Discard(size); err != nil {
			return turn, progressive
		}
	}
}

// segment finds the next marker, and how many bytes follow that belong to it.
func segment(r *bufio.Reader) (mark byte, size int, err error) {
	for {
		if _, err = r.ReadSlice(0xff); err != nil && err != bufio.ErrBufferFull {
			return 0, 0, err
		}
		if err != nil {
			continue // extraneous bytes
		}
		for mark = 0xff; mark == 0xff; {
			if mark, err = r.ReadByte(); err != nil {
				return 0, 0, err
			}
		}
		if mark == 0 || 0xd0 <= mark && mark <= 0xd7 {
			continue
		}
		if mark == 0xd9 {
			return mark, 0, nil
		}
		var length [2]byte
		_, err = io.ReadFull(r, length[:])
		return mark, max(int(binary.BigEndian.Uint16(length[:]))-2, 0), err
	}
}

// readPNG looks for the chunk eXIf.
func readPNG(from io.ReadSeeker) int {
	if _, err := from.Seek(8, io.SeekStart); err != nil {
		return 0
	}
	for {
		var head [8]byte // size and name
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return 0
		}
		size := int64(binary.BigEndian.Uint32(head[:]))
		if string(head[4:]) == "eXIf" {
			exif, _ := io.ReadAll(io.LimitReader(from, min(size, maxExif)))
			return orientation(exif)
		}
		if _, err := from.Seek(size+4, io.SeekCurrent); err != nil { // and its checksum
			return 0
		}
	}
}

// readWebP looks for the chunk EXIF.
func readWebP(from io.ReadSeeker) int {
	if _, err := from.Seek(12, io.SeekStart); err != nil {
		return 0
	}
	for {
		var head [8]byte // name and size
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return 0
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		if string(head[:4]) == "EXIF" {
			exif, _ := io.ReadAll(io.LimitReader(from, min(size, maxExif)))
			return orientation(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")))
		}
		if _, err := from.Seek(size+size%2, io.SeekCurrent); err != nil {
			return 0
		}
	}
}

// orientation reads it out of EXIF, which is a TIFF file: tag 0x0112 of its first folder.
func orientation(exif []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(exif, []byte("MM\x00*")):
		order = binary.BigEndian
	case !bytes.HasPrefix(exif, []byte("II*\x00")):
		return 0
	}
	if len(exif) < 8 {
		return 0
	}
	at := int64(order.Uint32(exif[4:]))
	if at+2 > int64(len(exif)) {
		return 0
	}
	entries := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		if len(entries) < 12 {
			return 0
		}
		if value := int(order.Uint16(entries[8:])); order.Uint16(entries) == 0x0112 && value >= 1 && value <= 8 {
			return value
		}
		entries = entries[12:]
	}
	return 0
}

// frames is how much decoding a GIF makes.
type frames struct {
	count  int
	pixels int64
}

var errGIF = errors.New("the blocks do not follow each other")

// gifFrames adds up what the headers of a GIF's pictures say, decoding none.
func gifFrames(from io.Reader) (all frames, err error) {
	r := bufio.NewReader(from)
	var head [13]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return all, err
	}
	if err := skipTable(r, head[10]); err != nil {
		return all, err
	}
	for {
		block, err := r.ReadByte()
		if err != nil {
			return all, err
		}
		switch block {
		case 0x3b:
			return all, nil
		case 0x21:
			if _, err := r.Discard(1); err != nil {
				return all, err
			}
		case 0x2c:
			var d [9]byte
			if _, err := io.ReadFull(r, d[:]); err != nil {
				return all, err
			}
			all.count++
			all.pixels += int64(binary.LittleEndian.Uint16(d[4:])) * int64(binary.LittleEndian.Uint16(d[6:]))
			if err := skipTable(r, d[8]); err != nil {
				return all, err
			}
			if _, err := r.Discard(1); err != nil {
				return all, err
			}
		default:
			return all, errGIF
		}
		if err := skipBlocks(r); err != nil {
			return all, err
		}
	}
}

// skipTable skips the colours that a byte of flags says follow.
func skipTable(r *bufio.Reader, flags byte) (err error) {
	if flags&0x80 != 0 {
		_, err = r.Discard(3 << (flags&7 + 1))
	}
	return err
}

func skipBlocks(r *bufio.Reader) error {
	for {
		size, err := r.ReadByte()
		if err != nil || size == 0 {
			return err
		}
		if _, err := r.Discard(int(size)); err != nil {
			return err
		}
	}
}
