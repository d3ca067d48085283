package pdf

import "unicode"

// Arabic letters join: each has up to four forms, and Unicode has a character for each form
// (presentation forms), which is what a font is asked for. Readers of the file's text get
// the letters back by normalising it (NFKC).

// forms is where a letter's forms begin: isolated, final, then initial and medial if it
// joins to the letter after it, too.
type forms struct {
	isolated rune
	both     bool
}

var arabic = func() map[rune]forms {
	m := map[rune]forms{}
	at := rune(0xFE80)
	add := func(count rune, letters ...rune) {
		for _, l := range letters {
			m[l] = forms{at, count == 4}
			at += count
		}
	}
	add(1, 0x621)
	add(2, 0x622, 0x623, 0x624, 0x625)
	add(4, 0x626)
	add(2, 0x627)
	add(4, 0x628)
	add(2, 0x629)
	add(4, 0x62A, 0x62B, 0x62C, 0x62D, 0x62E)
	add(2, 0x62F, 0x630, 0x631, 0x632)
	add(4, 0x633, 0x634, 0x635, 0x636, 0x637, 0x638, 0x639, 0x63A,
		0x641, 0x642, 0x643, 0x644, 0x645, 0x646, 0x647)
	add(2, 0x648, 0x649)
	add(4, 0x64A)
	for letter, f := range map[rune]forms{ // of Persian and Urdu
		0x679: {0xFB66, true}, 0x67E: {0xFB56, true}, 0x686: {0xFB7A, true}, 0x688: {0xFB88, false},
		0x691: {0xFB8C, false}, 0x698: {0xFB8A, false}, 0x6A9: {0xFB8E, true}, 0x6AF: {0xFB92, true},
		0x6BA: {0xFB9E, false}, 0x6BE: {0xFBAA, true}, 0x6C1: {0xFBA6, true}, 0x6CC: {0xFBFC, true}, 0x6D2: {0xFBAE, false},
	} {
		m[letter] = f
	}
	return m
}()

// lamAlef are the forms of lam with an alef after it.
var lamAlef = map[rune]rune{0x622: 0xFEF5, 0x623: 0xFEF7, 0x625: 0xFEF9, 0x627: 0xFEFB}

const (
	hamza     = 0x621
	lam       = 0x644
	kashida   = 0x640
	joiner    = 0x200D
	nonJoiner = 0x200C
)

// forward tells whether a letter joins to the one after it, backward to the one before it.
func forward(r rune) bool { return arabic[r].both || r == kashida || r == joiner }
func backward(r rune) bool {
	return arabic[r].isolated != 0 && r != hamza || r == kashida || r == joiner
}

// joined puts Arabic letters into the forms that their neighbours ask for. It leaves the
// logical order.
func joined(text []rune) []rune {
	out := make([]rune, 0, len(text))
	joins := false // the letter before joins to this one
	for i := 0; i < len(text); i++ {
		r := text[i]
		f, letter := arabic[r]
		switch {
		case unicode.Is(unicode.Mn, r):
			out = append(out, r) // marks stand on letters, and part none
		case r == nonJoiner || r == joiner:
			joins = r == joiner && joins
		case !letter:
			out, joins = append(out, r), r == kashida
		default:
			next, at := following(text, i)
			if alef := lamAlef[next]; r == lam && alef != 0 {
				out = append(append(out, shift(alef, joins, false)), text[i+1:at]...)
				i, joins = at, false
				continue
			}
			onward := f.both && backward(next)
			out, joins = append(out, shift(f.isolated, joins && r != hamza, onward)), onward
		}
	}
	return out
}

// following is the letter after i and its place, marks passed over.
func following(text []rune, i int) (rune, int) {
	for at := i + 1; at < len(text); at++ {
		if !unicode.Is(unicode.Mn, text[at]) {
			return text[at], at
		}
	}
	return 0, len(text)
}

// shift answers one of a letter's forms, which Unicode has in this order: isolated, final,
// initial, medial.
func shift(isolated rune, before, after bool) rune {
	if before {
		isolated++
	}
	if after {
		isolated += 2
	}
	return isolated
}
