package keyring

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// epoch is one key-encryption key. Data keys are wrapped under the newest; destroying an
// older one makes whatever was copied while it was in use unreadable (SECURITY §3.5).
type epoch struct {
	no     int
	madeAt time.Time // the zero time: it is from before there were epochs
	key    []byte    // nil: destroyed
}

// readKEKs reads a key file, which is made, readable by its owner only, if it is missing:
// a line for each epoch, "2 2026-11-22T10:00:00Z <base64>". A file of base64 alone is from
// before there were epochs, and is the first. Losing it loses all personal data.
func readKEKs(file string) ([]epoch, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		if err := makeKEK(file); err != nil {
			return nil, fmt.Errorf("making the key file %s: %w", file, err)
		}
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	all, err := parseKEKs(text)
	if err != nil {
		return nil, fmt.Errorf("the key file %s: %w", file, err)
	}
	return all, nil
}

const destroyed = "destroyed"

func parseKEKs(text []byte) (all []epoch, err error) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		switch len(f) {
		case 0:
			continue
		case 1: // before there were epochs
			f = []string{"1", "", f[0]}
		}
		if len(f) != 3 {
			return nil, fmt.Errorf("line %d is not a number, a time and a key", len(all)+1)
		}
		var e epoch
		if e.no, err = strconv.Atoi(f[0]); err != nil || e.no != len(all)+1 {
			return nil, fmt.Errorf("line %d is not that of epoch %[1]d", len(all)+1)
		}
		if f[1] != "" {
			if e.madeAt, err = time.Parse(time.RFC3339, f[1]); err != nil {
				return nil, err
			}
		}
		if f[2] != destroyed {
			if e.key, err = base64.StdEncoding.DecodeString(f[2]); err != nil || len(e.key) != keySize {
				return nil, fmt.Errorf("epoch %d does not hold %d bytes in base64", e.no, keySize)
			}
		}
		all = append(all, e)
	}
	if len(all) == 0 || all[len(all)-1].key == nil {
		return nil, fmt.Errorf("it does not hold %d bytes in base64", keySize)
	}
	return all, nil
}

// makeKEK writes beside the file and links it into place: of two processes that start
// at once, both end with the same key.
func makeKEK(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return install(file, []byte(base64.StdEncoding.EncodeToString(newKey())+"\n"), func(temp string) error {
		if err := os.Link(temp, file); !errors.Is(err, os.ErrExist) {
			return err
		}
		return nil
	})
}

func newKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key)
	return key
}

// writeKEKs replaces the file by one with these epochs, at once or not at all.
func writeKEKs(file string, all []epoch) error {
	var b bytes.Buffer
	for _, e := range all {
		key := destroyed
		if e.key != nil {
			key = base64.StdEncoding.EncodeToString(e.key)
		}
		fmt.Fprintln(&b, e.no, e.madeAt.UTC().Format(time.RFC3339), key)
	}
	return install(file, b.Bytes(), func(temp string) error { return os.Rename(temp, file) })
}

// install writes text beside a file and puts it into place, so that it lasts.
func install(file string, text []byte, place func(temp string) error) error {
	temp, err := os.CreateTemp(filepath.Dir(file), ".kek-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err = temp.Write(text); err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = place(temp.Name())
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file)) // or a power cut could leave data without its key
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// alone keeps two operators from changing the file at once.
func alone(file string, change func() error) error {
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	return change()
}

// addKEK adds an epoch to the file and answers its number.
func addKEK(file string, now time.Time) (no int, err error) {
	err = alone(file, func() error {
		all, err := readKEKs(file)
		if err != nil {
			return err
		}
		no = len(all) + 1
		return writeKEKs(file, append(all, epoch{no, now, newKey()}))
	})
	return no, err
}

// dropKEK takes the key of an epoch out of the file.
func dropKEK(file string, no int) error {
	return alone(file, func() error {
		all, err := readKEKs(file)
		if err != nil {
			return err
		}
		all[no-1].key = nil
		return writeKEKs(file, all)
	})
}

// load takes the keys of the file up, if it was changed since.
func (k *Keyring) load() error {
	if k.file == "" {
		return nil
	}
	info, err := os.Stat(k.file)
	if err == nil && info.ModTime().Equal(k.changed) && info.Size() == k.size {
		return nil
	}
	all, err := readKEKs(k.file)
	if err != nil {
		return err
	}
	keks := map[int]cipher.AEAD{}
	for _, e := range all {
		if e.key == nil {
			continue
		}
		if keks[e.no], err = newAEAD(e.key); err != nil {
			return err
		}
	}
	k.keks, k.newest = keks, len(all)
	if info, err = os.Stat(k.file); err == nil {
		k.changed, k.size = info.ModTime(), info.Size()
	}
	return nil
}

// kek is the key-encryption key of an epoch. One that is not known may have been added to
// the file since.
func (k *Keyring) kek(no int) (cipher.AEAD, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if a, ok := k.keks[no]; ok {
		return a, nil
	}
	if err := k.load(); err != nil {
		return nil, err
	}
	if a, ok := k.keks[no]; ok {
		return a, nil
	}
	return nil, fmt.Errorf("keyring: the key file has no key of epoch %d: copy the newest here, unless it was destroyed", no)
}
