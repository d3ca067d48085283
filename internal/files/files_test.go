package files

import (
	"errors"
	"io"
	"testing"
)

func TestBytesAreNamedByTheirHash(t *testing.T) {
	s, err := Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 { // the second time is nothing
		f, err := s.Keep(t.Context(), "text/plain", []byte("abc"))
		if err != nil || f.SHA256 != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" || f.Size != 3 {
			t.Fatalf("%+v, %v", f, err)
		}
		r, err := s.Read(t.Context(), f.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != "abc" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		r.Close()
	}
	if _, err := s.Read(t.Context(), "00"); !errors.Is(err, ErrMissing) {
		t.Errorf("a name that nothing has: %v", err)
	}
}
