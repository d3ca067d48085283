package files

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
)

// A folder is read through gocloud.dev/blob, and written here: the library's own writer
// renames without fsync, so that a power cut could leave a name with half of its bytes
// (fileblob.go, v0.47.0).

// folderOf is the folder that a file: URL names.
func folderOf(at string) (string, bool) {
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "file" || u.Path == "" {
		return "", false
	}
	return filepath.FromSlash(u.Path), true
}

// stale is the age from which what was left half sent is nobody's any more: an upload ends
// sooner, and other processes may share the folder.
const stale = 24 * time.Hour

// openFolder opens it, and throws away what was being sent when a process was killed.
func openFolder(folder string) (*blob.Bucket, error) {
	incoming := filepath.Join(folder, incomingName)
	if err := os.MkdirAll(incoming, 0o700); err != nil {
		return nil, err
	}
	left, err := os.ReadDir(incoming)
	if err != nil {
		return nil, err
	}
	for _, e := range left {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > stale && strings.HasPrefix(e.Name(), "portico-file-") {
			_ = os.Remove(filepath.Join(incoming, e.Name())) // next time, if not now
		}
	}
	return fileblob.OpenBucket(folder, &fileblob.Options{Metadata: fileblob.MetadataDontWrite})
}

const incomingName = "incoming"

// incoming is where spools are: "" for the system's folder of temporary files.
func (s *Store) incoming() string {
	if s.folder == "" {
		return ""
	}
	return filepath.Join(s.folder, incomingName)
}

// settle gives a spool its name, once its bytes are on the disk; then the name is, too.
func (s *Store) settle(t *spool, name string) error {
	if err := t.File.Sync(); err != nil {
		return err
	}
	if err := os.Rename(t.File.Name(), filepath.Join(s.folder, name)); err != nil {
		return err
	}
	t.placed = true
	dir, err := os.Open(s.folder)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
