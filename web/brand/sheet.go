package brand

import (
	"crypto/sha256"
	"encoding/hex"
)

// Default is the colour of a business that has chosen none.
const Default = "#0f5f55"

// Prefix is where sheets are served: Prefix + name.
const Prefix = "/brand/"

// Sheet is the style sheet of a business's colour, "" for none chosen, and the name under which
// it is served: the hash of its content, so that a browser may keep it for ever.
func Sheet(hex6 string) (name string, css []byte, err error) {
	if hex6 == "" {
		hex6 = Default
	}
	p, err := New(hex6)
	if err != nil {
		return "", nil, err
	}
	css = []byte(p.CSS())
	sum := sha256.Sum256(css)
	return hex.EncodeToString(sum[:8]) + ".css", css, nil
}
