package domain

import "encoding/json"

// Rendition is a document as it was drawn: a file that is kept under its hash and never
// drawn again, so that whoever holds it holds the bytes that were published (S0.9).
type Rendition struct {
	SHA256    string `json:"sha256"`     // of the file's bytes, in hex
	Size      int64  `json:"size"`       // bytes
	Pages     int    `json:"pages"`      // of the drawing
	PaperHash string `json:"paper_hash"` // SHA-256, in hex, of all that it says: what is printed on it
}

// Unchanged is the upcast of a version that only adds fields that may be absent.
func Unchanged(map[string]json.RawMessage) {}
