package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

// inS3 is a store in an S3 server of the test's own.
func inS3(t *testing.T) (*Store, *s3mem.Backend) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("papers"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	return opened(t, "s3://papers?region=eu-west-2&use_path_style=true&endpoint="+server.URL), backend
}

// Every kind of store names bytes by their hash, and gives back the same.
func TestBytesAreNamedByTheirHash(t *testing.T) {
	inFolder, _ := folder(t)
	s3, _ := inS3(t)
	for kind, s := range map[string]*Store{"mem": opened(t, "mem://"), "file": inFolder, "s3": s3} {
		for range 2 { // the second time is nothing
			f, err := s.Keep(t.Context(), "text/plain", []byte("abc"))
			if err != nil || f.SHA256 != abc || f.Size != 3 {
				t.Fatalf("%s: %+v, %v", kind, f, err)
			}
			if got := s.bytes(t, f.SHA256); string(got) != "abc" {
				t.Errorf("%s: %q", kind, got)
			}
		}
		if f, err := s.Keep(t.Context(), "text/plain", nil); err != nil || len(s.bytes(t, f.SHA256)) != 0 {
			t.Errorf("%s: no bytes at all: %v", kind, err)
		}
		for _, name := range []string{"00", strings.Repeat("0", 64), "../" + abc, ""} {
			if r, err := s.Read(t.Context(), name); err == nil || name != "" && !errors.Is(err, ErrMissing) {
				t.Errorf("%s: a name that nothing has, %q: %v, %v", kind, name, r, err)
			}
		}
	}
}

// A picture and 12 MB go to S3 and back; what is cut off is not there.
func TestS3(t *testing.T) {
	s, backend := inS3(t)
	pdf := append(long("%PDF-1.4\n", 12<<20), "%%EOF"...)
	for _, u := range []Upload{{"x.pdf", "", bytes.NewReader(pdf)}, {"x.png", "", bytes.NewReader(aPNG(photo(30, 20)))}} {
		f, err := s.Accept(t.Context(), u)
		if err != nil || int64(len(s.bytes(t, f.SHA256))) != f.Size {
			t.Errorf("%+v, %v", f, err)
		}
	}
	if _, err := s.Accept(t.Context(), Upload{"y.pdf", "", io.MultiReader(bytes.NewReader(pdf[1:]), failing{io.ErrUnexpectedEOF})}); err == nil {
		t.Error("half an upload was accepted")
	}
	list, err := backend.ListBucket("papers", nil, gofakes3.ListBucketPage{})
	if err != nil || len(list.Contents) != 2 {
		t.Errorf("%v, %v", list, err)
	}
}

// In a folder there are files under their names, and nothing else: what a killed process
// left is gone after a day.
func TestTheFolder(t *testing.T) {
	s, dir := folder(t)
	if _, err := s.Keep(t.Context(), "text/plain", []byte("abc")); err != nil {
		t.Fatal(err)
	}
	if names := kept(t, dir); len(names) != 1 || names[0] != abc {
		t.Errorf("%v", names)
	}
	if info, err := os.Stat(filepath.Join(dir, abc)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	half := func(name string, age time.Duration) {
		path := filepath.Join(dir, incomingName, name)
		if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Chtimes(path, time.Now(), time.Now().Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	half("portico-file-old", 25*time.Hour)
	half("portico-file-new", time.Minute)
	opened(t, "file://"+dir)
	if names := kept(t, dir); len(names) != 2 || names[1] != "portico-file-new" {
		t.Errorf("%v", names)
	}
}

// Bytes that are not those of their name are not given out whole: not one that was changed,
// not one that was cut, not one that was added.
func TestDamageIsFound(t *testing.T) {
	s, dir := folder(t)
	for _, size := range []int{1, 1_000, 32 << 10, 100_000} {
		f, err := s.Keep(t.Context(), "x", long("0123456789", size))
		if err != nil {
			t.Fatal(err)
		}
		good := s.bytes(t, f.SHA256)
		for what, bad := range map[string][]byte{"changed": append(bytes.Clone(good[:size-1]), 'x'), "cut": good[:size-1], "longer": append(bytes.Clone(good), 'x'), "empty": {}} {
			path := filepath.Join(dir, f.SHA256)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := s.Read(t.Context(), f.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			r.Close()
			if !errors.Is(err, ErrDamaged) || len(bad) > 0 && len(got) >= len(bad) || len(got) >= size && what != "longer" {
				t.Errorf("%d bytes, %s: got %d, %v", size, what, len(got), err)
			}
			if _, err := s.Keep(t.Context(), "x", good); err != nil || !bytes.Equal(s.bytes(t, f.SHA256), good) {
				t.Errorf("keeping it again does not mend it: %v", err)
			}
		}
	}
}

// 25 MB go in and out without being in memory.
func TestMemoryIsBounded(t *testing.T) {
	s, _ := folder(t)
	const size = MaxUpload
	used := func(do func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		do()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	var f File
	var err error
	in := used(func() {
		body := io.MultiReader(strings.NewReader("%PDF-1.4\n"), io.LimitReader(endless{}, size-14), strings.NewReader("%%EOF"))
		f, err = s.Accept(context.Background(), Upload{"x.pdf", "", body})
	})
	if err != nil || f.Size != size {
		t.Fatalf("%+v, %v", f, err)
	}
	out := used(func() {
		r, err := s.Read(context.Background(), f.SHA256)
		if err == nil {
			var n int64
			n, err = io.Copy(io.Discard, r)
			if n != size {
				t.Errorf("%d bytes", n)
			}
			r.Close()
		}
		if err != nil {
			t.Error(err)
		}
	})
	t.Logf("%d bytes allocated for taking it in, %d for handing it out", in, out)
	if in > 2<<20 || out > 1<<20 {
		t.Errorf("%d bytes of memory in, %d out", in, out)
	}
}

// endless is zeros.
type endless struct{}

func (endless) Read(b []byte) (int, error) { clear(b); return len(b), nil }
