// Package assets are the files that every page loads: style sheet, scripts, fonts. They are in
// the binary, and each is served under an address that holds its hash, so that a browser keeps
// it for ever. Nothing in them is loaded from elsewhere.
package assets

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
)

// Prefix is where Handler is mounted.
const Prefix = "/assets/"

//go:embed css/*.css js/*.js fonts/*.woff2 icon.svg
var files embed.FS

// asset is a file as it is served. gzip and brotli are nil where compressing saves nothing.
type asset struct {
	name, kind string
	plain      []byte
	gzip       []byte
	brotli     []byte
}

// Names of what pages refer to.
const (
	Styles = "portico.css"
	Script = "portico.js"
	// Passkey is loaded by the pages that offer to sign in with one, besides Script.
	Passkey = "passkey.js"
	Icon    = "icon.svg"
	Font    = "inter-latin.woff2"
)

// set is every asset by its address below Prefix, and the address of each name.
type set struct {
	served  map[string]asset
	address map[string]string
}

var all = sync.OnceValue(mustBuild)

// URL is the address of an asset. A name that does not exist is a mistake in a page.
func URL(name string) string {
	at, ok := all().address[name]
	if !ok {
		panic("assets: no " + name)
	}
	return Prefix + at
}

func mustBuild() set {
	s := set{map[string]asset{}, map[string]string{}}
	fonts := s.must(fs.Glob(files, "fonts/*"))
	for _, f := range append(fonts, Icon) {
		s.add(path.Base(f), mustRead(f))
	}
	s.add(Script, mustMinify("js", mustRead("js/portico.js")))
	s.add(Passkey, mustMinify("js", mustRead("js/passkey.js")))
	var sheet bytes.Buffer
	for _, f := range s.must(fs.Glob(files, "css/*")) { // sorted: 01, 02, …
		sheet.Write(mustRead(f))
	}
	text := mustMinify("css", sheet.Bytes())
	for _, f := range fonts {
		text = bytes.ReplaceAll(text, []byte("../"+f), []byte(Prefix+s.address[path.Base(f)]))
	}
	s.add(Styles, text)
	return s
}

func (s set) must(names []string, err error) []string {
	if err != nil {
		panic(err) // a pattern of ours
	}
	return names
}

func (s set) add(name string, body []byte) {
	sum := sha256.Sum256(body)
	at := hex.EncodeToString(sum[:8]) + "/" + name
	s.address[name] = at
	s.served[at] = compressed(asset{name: name, kind: kindOf(name), plain: body})
}

func kindOf(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	}
	panic("assets: what is " + name + "?")
}

func mustRead(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is in the binary
	}
	return b
}

// mustMinify leaves out comments and white space. Files that others wrote are served as they
// are: their hash is checked.
func mustMinify(kind string, text []byte) []byte {
	m := minify.New()
	m.AddFunc("css", css.Minify)
	m.Add("js", &js.Minifier{KeepVarNames: false})
	out, err := m.Bytes(kind, text)
	if err != nil {
		panic(fmt.Sprintf("assets: %s: %v", kind, err)) // a test builds it
	}
	return bytes.TrimSpace(out)
}

// compressible says whether a kind of content gets smaller.
func compressible(kind string) bool { return strings.HasPrefix(kind, "text/") }
