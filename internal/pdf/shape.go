package pdf

import (
	"slices"
	"unicode"

	"github.com/go-text/typesetting/bidi"
)

// run is a stretch of text in one face, in the order in which it is drawn, left to right.
type run struct {
	face  *face
	text  []rune
	width int // 1/1000 of the size
}

// shaped turns one line of clean text into what is drawn, left to right. The line's
// direction is that of its first letter that has one.
func shaped(text string, bold bool) (runs []run) {
	for _, r := range visual([]rune(text)) {
		f, r, width := find(r, bold)
		if n := len(runs); n == 0 || runs[n-1].face != f {
			runs = append(runs, run{face: f})
		}
		last := &runs[len(runs)-1]
		last.text, last.width = append(last.text, r), last.width+int(width)
	}
	return runs
}

// measured is how wide text is, in 1/1000 of the size.
func measured(text string, bold bool) (width int) {
	if plain(text) {
		for _, r := range text {
			_, _, w := find(r, bold)
			width += int(w)
		}
		return width
	}
	for _, r := range shaped(text, bold) {
		width += r.width
	}
	return width
}

// plain tells whether text has only characters that run left to right and do not join.
func plain(text string) bool {
	for _, r := range text {
		if r >= 0x590 && !han(r) {
			return false
		}
	}
	return true
}

// visual puts a line's characters into the order in which they are seen, letters joined
// and brackets turned about (UAX #9; lines are broken before).
func visual(text []rune) []rune {
	if plain(string(text)) {
		return text
	}
	text = joined(text)
	var p bidi.Paragraph
	levels := p.Segment(text, bidi.Neutral)
	var runs []bidi.Run
	highest := bidi.Level(0)
	for i := range levels.NumRuns() {
		runs = append(runs, levels.Run(i))
		highest = max(highest, runs[i].Level)
	}
	for level := highest; level > 0; level-- { // rule L2
		for i := 0; i < len(runs); i++ {
			j := i
			for j < len(runs) && runs[j].Level >= level {
				j++
			}
			slices.Reverse(runs[i:j])
			i = max(i, j-1)
		}
	}
	out := make([]rune, 0, len(text))
	for _, r := range runs {
		part := text[r.Start:min(r.End, len(text))]
		if !r.IsLeftToRight() {
			part = reversed(part)
		}
		out = append(out, part...)
	}
	return slices.DeleteFunc(out, func(r rune) bool { return r == leftMark || r == rightMark })
}

// Marks of direction begin a line whose own first letter has another than its paragraph's.
const leftMark, rightMark = '\u200E', '\u200F'

var mirrored = map[rune]rune{'(': ')', ')': '(', '[': ']', ']': '[', '{': '}', '}': '{',
	'<': '>', '>': '<', '«': '»', '»': '«', '‹': '›', '›': '‹'}

// reversed turns text about; marks stay behind the letters they stand on (rule L3).
func reversed(text []rune) []rune {
	out := make([]rune, 0, len(text))
	for end := len(text); end > 0; {
		start := end - 1
		for start > 0 && unicode.Is(unicode.Mn, text[start]) {
			start--
		}
		for _, r := range text[start:end] {
			if m, ok := mirrored[r]; ok {
				r = m
			}
			out = append(out, r)
		}
		end = start
	}
	return out
}

// direction is the mark of the first letter of text that has a direction, 0 for none.
func direction(text string) rune {
	for _, r := range text {
		switch {
		case r == rightMark || unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko) && unicode.IsLetter(r):
			return rightMark
		case r == leftMark || unicode.IsLetter(r):
			return leftMark
		}
	}
	return 0
}
