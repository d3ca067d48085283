package archive_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"portico/internal/archive"
	"portico/internal/pgtest"
)

func (d db) archive(t *testing.T, dir string) (fresh []int) {
	t.Helper()
	all, err := d.Archive(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.New {
			fresh = append(fresh, a.No)
		}
	}
	return fresh
}

func TestSealedPartitionsAreArchivedOnce(t *testing.T) {
	t.Parallel()
	d, dir := newDB(t), t.TempDir()
	d.write(t, 100)
	if got := d.archive(t, dir); got != nil {
		t.Errorf("the head's own partition is archived: %v", got)
	}
	d.write(t, 150)
	if got := d.archive(t, dir); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("archived %v", got)
	}
	if got := d.archive(t, dir); got != nil {
		t.Errorf("again: %v", got)
	}
	d.write(t, 60)
	if got := d.archive(t, dir); !slices.Equal(got, []int{3}) {
		t.Errorf("later: %v", got)
	}
	if got := d.archive(t, t.TempDir()); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("elsewhere: %v", got)
	}
	if broken := d.verify(t, dir); broken != nil {
		t.Error(broken)
	}
	if _, err := archive.Restore(t.Context(), d.url, dir, archive.RestoreOptions{}); code(err) != "archive.kind" {
		t.Errorf("restoring an archive: %v", err)
	}
	for _, sql := range []string{"DELETE FROM es.archives", "UPDATE es.archives SET sha256 = ''", "TRUNCATE es.archives"} {
		if _, err := d.DB.Exec(t.Context(), sql); err == nil {
			t.Errorf("the application may %s", sql)
		}
	}
}

// What somebody could do to the database, or to the files, and what finds it.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	sql := func(statement string) func(*testing.T, db, string, []string) {
		return func(t *testing.T, d db, _ string, _ []string) {
			pgtest.Exec(t, d.super, "SET session_replication_role = replica; "+statement)
		}
	}
	for name, c := range map[string]struct {
		tamper func(t *testing.T, d db, dir string, files []string)
		want   []string
	}{
		"nothing":            {func(*testing.T, db, string, []string) {}, nil},
		"one byte of data":   {sql(`UPDATE es.events SET data = set_byte(data || '\x00', 0, 1) WHERE pos = 142`), []string{archive.RuleEvent}},
		"one byte of an id":  {sql(`UPDATE es.events SET id = gen_random_uuid() WHERE pos = 7`), []string{archive.RuleEvent}},
		"a microsecond":      {sql(`UPDATE es.events SET at = at + interval '1 microsecond' WHERE pos = 199`), []string{archive.RuleEvent}},
		"a deleted row":      {sql(`DELETE FROM es.events WHERE pos = 142`), []string{archive.RuleEvent}},
		"a renamed stream":   {sql(`UPDATE es.streams SET name = 'main.test-x' WHERE name = 'main.test-3'`), []string{archive.RuleEvent}},
		"a forgotten record": {sql(`DELETE FROM es.archives WHERE no = 2`), []string{archive.RuleRecord}},
		"swapped files": {func(t *testing.T, _ db, _ string, files []string) {
			a, b := read(t, files[0]), read(t, files[1])
			put(t, files[0], b)
			put(t, files[1], a)
		}, []string{archive.RuleFile}},
		"a truncated file": {func(t *testing.T, _ db, _ string, files []string) {
			put(t, files[1], read(t, files[1])[:2000])
		}, []string{archive.RuleFile}},
		"a missing file": {func(t *testing.T, _ db, _ string, files []string) { os.Remove(files[0]) }, []string{archive.RuleFile}},
		"a longer file": {func(t *testing.T, _ db, _ string, files []string) {
			put(t, files[0], append(read(t, files[0]), pack(t, []byte("{}\n"))...))
		}, []string{archive.RuleFile}},
		"packed otherwise": {func(t *testing.T, _ db, _ string, files []string) { put(t, files[0], pack(t, unpack(t, files[0]))) }, []string{archive.RuleFile}},
		"a changed line": {func(t *testing.T, _ db, _ string, files []string) {
			put(t, files[0], pack(t, bytes.Replace(unpack(t, files[0]), []byte(`test.done`), []byte(`test.gone`), 1)))
		}, []string{archive.RuleEvent, archive.RuleFile}},
		"file and manifest changed": {func(t *testing.T, _ db, dir string, files []string) {
			put(t, files[0], pack(t, bytes.Replace(unpack(t, files[0]), []byte(`test.done`), []byte(`test.gone`), 1)))
			adopt(t, dir, 0)
		}, []string{archive.RuleEvent, archive.RuleManifest, archive.RuleRecord}},
		"a shorter manifest": {func(t *testing.T, _ db, dir string, _ []string) {
			edit(t, dir, func(m *archive.Manifest) { m.Segments = m.Segments[:1] })
		}, []string{archive.RuleManifest}},
		"segments changed places": {func(t *testing.T, _ db, dir string, _ []string) {
			edit(t, dir, func(m *archive.Manifest) { slices.Reverse(m.Segments) })
		}, []string{archive.RuleManifest}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, dir := newDB(t), t.TempDir()
			d.write(t, 230)
			d.archive(t, dir)
			m, err := archive.ReadManifest(dir)
			if err != nil {
				t.Fatal(err)
			}
			var files []string
			for _, s := range m.Segments {
				files = append(files, filepath.Join(dir, s.File))
			}
			c.tamper(t, d, dir, files)
			if got := d.verify(t, dir); !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}
}

// A table that was changed after it was archived is not archived anew.
func TestAChangedPartitionIsNotArchivedAgain(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.write(t, 130)
	d.archive(t, t.TempDir())
	pgtest.Exec(t, d.super, "SET session_replication_role = replica; UPDATE es.events SET type = 'test.gone' WHERE pos = 50")
	if _, err := d.Archive(t.Context(), t.TempDir()); code(err) != "archive.differs" {
		t.Errorf("%v", err)
	}
}

// What docs/log.md tells auditors to type.
func TestAnAuditorNeedsNoPortico(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "gzip", "jq", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	d, dir := newDB(t), t.TempDir()
	d.write(t, 60)
	m := d.export(t, dir)
	sh := func(script string) string {
		cmd := exec.Command("bash", "-euc", script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v %s", script, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := sh(`gzip -dc events-*.ndjson.gz | jq -r 'select(.stream == "main.test-3") | .version' | tail -1`); got != "8" {
		t.Errorf("the last version is %s", got)
	}
	sh(`jq -r '.segments[] | "\(.sha256)  \(.file)"' manifest.json | sha256sum -c --quiet`)
	if got := sh(chainScript); got != m.Chain {
		t.Errorf("the chain is %s, not %s", got, m.Chain)
	}
	doc := read(t, "../../docs/log.md")
	if !bytes.Contains(doc, []byte(chainScript)) {
		t.Error("docs/log.md shows another way to compute the chain")
	}
}

const chainScript = `chain=$(printf '0%.0s' {1..64})
while read -r file first last count; do
  sum=$(gzip -dc "$file" | sha256sum | cut -d' ' -f1)
  chain=$(printf '%s %s %d %d %d\n' "$chain" "$sum" "$first" "$last" "$count" | sha256sum | cut -d' ' -f1)
done < <(jq -r '.segments[] | "\(.file) \(.first) \(.last) \(.count)"' manifest.json)
echo "$chain"`

func unpack(t *testing.T, path string) []byte {
	t.Helper()
	in, err := gzip.NewReader(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := out.ReadFrom(in); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func pack(t *testing.T, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func edit(t *testing.T, dir string, change func(*archive.Manifest)) {
	t.Helper()
	path := filepath.Join(dir, "manifest.json")
	m := &archive.Manifest{}
	if err := json.Unmarshal(read(t, path), m); err != nil {
		t.Fatal(err)
	}
	change(m)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, text)
}

// adopt makes the manifest say what a changed file is, but not the chain that follows.
func adopt(t *testing.T, dir string, i int) {
	t.Helper()
	edit(t, dir, func(m *archive.Manifest) {
		s := &m.Segments[i]
		path := filepath.Join(dir, s.File)
		s.Bytes, s.PlainBytes = int64(len(read(t, path))), int64(len(unpack(t, path)))
		s.SHA256, s.PlainSHA256 = sum(read(t, path)), sum(unpack(t, path))
	})
}

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
