package cardmask

import (
	"regexp"
	"strings"
)

// Accounts to pay to are in texts on purpose, and one in eight of their numbers would pass
// for a card's: what is an IBAN by its own checksum is left as it is.
var likeIBAN = regexp.MustCompile(`\b[A-Z]{2}[0-9]{2}(?:[ \x{00a0}]?[A-Z0-9]){11,30}\b`)

// ibans are where IBANs stand in a text: begin and end, in bytes.
func ibans(text string) (spans [][2]int) {
	for _, found := range likeIBAN.FindAllStringIndex(text, -1) {
		for end := found[1]; end-found[0] >= 15; end-- { // what follows may look like more of it
			if end < found[1] && !strings.ContainsRune(" \u00a0", rune(text[end])) && text[end] != 0xC2 {
				continue
			}
			if ibanHolds(text[found[0]:end]) {
				spans = append(spans, [2]int{found[0], end})
				break
			}
		}
	}
	return spans
}

// ibanHolds checks ISO 7064 MOD 97-10, of what follows the first four characters and then
// those.
func ibanHolds(s string) bool {
	s = strings.NewReplacer(" ", "", "\u00a0", "").Replace(s)
	rest := 0
	for _, c := range []byte(s[4:] + s[:4]) {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}
