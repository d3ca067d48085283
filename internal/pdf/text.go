package pdf

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// clean makes text fit to be drawn: composed, without characters that do not print or that
// turn the reading order about (SECURITY §4); white space becomes a space, a new line stays.
func clean(s string) string {
	ascii := true
	for i := 0; i < len(s) && ascii; i++ {
		ascii = s[i] >= ' ' && s[i] < 0x7F
	}
	if ascii {
		return s
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, string(replacement)), "\r\n", "\n")
	return norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == 0x85 || r == 0x2028 || r == 0x2029:
			return '\n'
		case r == nonJoiner || r == joiner || r == leftMark || r == rightMark || r == letterMark || r == 0xA0:
			return r
		case r == 0x202F || r == 0x2007:
			return 0xA0
		case unicode.IsSpace(r) || unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector):
			return -1
		}
		return r
	}, s))
}

// oneLine is text that must not break.
func oneLine(s string) string { return strings.ReplaceAll(clean(s), "\n", " ") }

// han tells whether a line may be broken before and after a character.
func han(r rune) bool {
	return r >= 0x2E80 && r < 0xA4D0 || r >= 0xAC00 && r < 0xD7B0 || r >= 0xF900 && r < 0xFB00 || r >= 0xFF01 && r < 0xFFA0
}

// wrapped breaks text into lines no wider than width points: at spaces, beside Chinese
// characters, and inside words that are wider than a line.
func wrapped(s string, st style, width float64) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(clean(s), "\n") {
		w := wrapper{style: st, limit: int(width * 1000 / st.size), way: direction(paragraph)}
		if len(paragraph) < 400 && measured(paragraph, st.bold) <= w.limit {
			lines = append(lines, strings.TrimRight(paragraph, " "))
			continue
		}
		for _, word := range atoms(paragraph) {
			w.add(word)
		}
		lines = append(lines, w.end()...)
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

type wrapper struct {
	style style
	limit int  // 1/1000 of the size
	way   rune // the paragraph's direction
	lines []string
	line  strings.Builder
	width int
}

// add puts a word, or the space between two, at the end of the text.
func (w *wrapper) add(word string) {
	wide := measured(word, w.style.bold)
	if word == " " && w.way == rightMark {
		wide = arabicSpace(w.style.bold)
	}
	switch {
	case word == " " && w.width == 0:
		return
	case w.width+wide <= w.limit || word == " ":
		w.put(word, wide)
		return
	case wide <= w.limit:
		w.flush()
		w.put(word, wide)
		return
	}
	if w.width > w.limit/2 {
		w.flush()
	}
	for _, r := range word { // a word wider than the line
		wide := measured(string(r), w.style.bold)
		if w.width+wide > w.limit && w.width > 0 && !unicode.Is(unicode.Mn, r) {
			w.flush()
		}
		w.put(string(r), wide)
	}
}

func (w *wrapper) put(word string, wide int) {
	w.line.WriteString(word)
	w.width += wide
}

func (w *wrapper) flush() {
	line := strings.TrimRight(w.line.String(), " ")
	if own := direction(line); own != 0 && own != w.way {
		line = string(w.way) + line
	}
	w.lines = append(w.lines, line)
	w.line.Reset()
	w.width = 0
}

func (w *wrapper) end() []string {
	w.flush()
	return w.lines
}

// atoms are the parts of text between which a line may break; spaces are parts.
func atoms(s string) (parts []string) {
	start := 0
	for i, r := range s {
		if r == ' ' || han(r) {
			if i > start {
				parts = append(parts, s[start:i])
			}
			start = i + len(string(r))
			parts = append(parts, s[i:start])
		}
	}
	if start < len(s) {
		parts = append(parts, s[start:])
	}
	return parts
}
