package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"portico/domain"
)

// Format is the version of files and manifest. A program reads every older one.
const Format = 1

// The kinds of directory.
const (
	kindExport  = "export"  // the whole log, or from a position on; can be restored
	kindArchive = "archive" // a file for each sealed partition
)

// Manifest says what a directory holds. Its chain covers every event in it: whoever has
// noted the chain can later tell whether anything was changed.
type Manifest struct {
	Format        int       `json:"format"`
	Kind          string    `json:"kind"`
	Software      string    `json:"software"`
	MadeAt        time.Time `json:"made_at"`
	ChangedAt     time.Time `json:"changed_at"`
	First         uint64    `json:"first"` // position
	Last          uint64    `json:"last"`
	Count         uint64    `json:"count"`
	Chain         string    `json:"chain"` // the last segment's
	PartitionSize int64     `json:"partition_size,omitempty"`
	Segments      []Segment `json:"segments"`

	// Of an export: up to Complete it has all that a restore needs. What follows is of a
	// run that was interrupted.
	Complete  uint64     `json:"complete,omitempty"`
	Keys      *KeysFile  `json:"keys,omitempty"`
	Consumers []Consumer `json:"consumers,omitempty"`
	Refusals  []Refusal  `json:"refusals,omitempty"`
}

// Segment is one file of events without a gap.
type Segment struct {
	File        string `json:"file"`
	First       uint64 `json:"first"`
	Last        uint64 `json:"last"`
	LastID      string `json:"last_id"` // of the event at Last
	Count       uint64 `json:"count"`
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256"` // of the file
	PlainBytes  int64  `json:"plain_bytes"`
	PlainSHA256 string `json:"plain_sha256"` // of what gzip unpacks
	Chain       string `json:"chain"`
}

// noChain is what the first segment's chain begins with.
var noChain = strings.Repeat("0", hex.EncodedLen(sha256.Size))

// chain is SHA-256 over one line of text, in hex: easily made again without Portico.
func (s *Segment) chain(before string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %d %d\n", before, s.PlainSHA256, s.First, s.Last, s.Count))
	return hex.EncodeToString(sum[:])
}

// add takes a new segment up.
func (m *Manifest) add(s Segment) {
	before := noChain
	if len(m.Segments) > 0 {
		before = m.Chain
	} else {
		m.First = s.First
	}
	s.Chain = s.chain(before)
	m.Segments = append(m.Segments, s)
	m.Last, m.Count, m.Chain = s.Last, m.Count+s.Count, s.Chain
}

// broken says where the manifest contradicts itself.
func (m *Manifest) broken() (found []string) {
	before, next, count := noChain, m.First, uint64(0)
	for i := range m.Segments {
		s := &m.Segments[i]
		if s.First != next || s.Last < s.First || s.Count != s.Last-s.First+1 {
			found = append(found, fmt.Sprintf("%s holds %d events at %d to %d, and should begin at %d", s.File, s.Count, s.First, s.Last, next))
		}
		if s.Chain != s.chain(before) {
			found = append(found, fmt.Sprintf("the chain breaks at %s", s.File))
		}
		before, next, count = s.Chain, s.Last+1, count+s.Count
	}
	if len(m.Segments) > 0 && (m.Chain != before || m.Last != next-1) || m.Count != count {
		found = append(found, "the manifest's last position, count or chain is not its segments'")
	}
	return found
}

const manifestName = "manifest.json"

// ReadManifest reads a directory's manifest; nil if there is none.
func ReadManifest(dir string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, domain.Invalid("archive.manifest", "%s is damaged: %v", filepath.Join(dir, manifestName), err)
	}
	if m.Format < 1 || m.Format > Format {
		return nil, domain.Invalid("archive.format", "%s has format %d, this program reads up to %d: use a newer one", dir, m.Format, Format)
	}
	for _, s := range m.Segments {
		if filepath.Base(s.File) != s.File {
			return nil, domain.Invalid("archive.manifest", "%s names %q, which is not in its directory", dir, s.File)
		}
	}
	return m, nil
}

// existing is a directory's manifest, which must be there and not contradict itself.
func existing(dir string) (*Manifest, error) {
	m, err := ReadManifest(dir)
	switch {
	case err != nil:
		return nil, err
	case m == nil:
		return nil, domain.NotFound("archive.no_manifest", "%s holds no export or archive: there is no %s in it", dir, manifestName)
	}
	if found := m.broken(); len(found) > 0 {
		return nil, domain.Invalid("archive.manifest", "%s: %s", dir, found[0])
	}
	return m, nil
}

// save replaces the manifest in one step, after all that it names is on disk.
func (m *Manifest) save(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone, if it was renamed
	if _, err = f.Write(append(text, '\n')); err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return publish(f.Name(), filepath.Join(dir, manifestName))
}

// temporary begins the names of files that are not complete.
const temporary = ".incomplete-"

// publish gives a complete file its name, also across a power cut.
func publish(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// claim makes a directory ours alone until release, and removes what an interrupted run
// has left in it.
func claim(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(domain.Refused("archive.busy", "another process is writing to %s", dir), d.Close())
	} // a file system without locks: then it is the operator's to see to
	left, err := filepath.Glob(filepath.Join(dir, temporary+"*"))
	for _, file := range left {
		err = errors.Join(err, os.Remove(file))
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return func() { d.Close() }, nil
}
