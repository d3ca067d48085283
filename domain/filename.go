package domain

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fileExtensions are the media types of files that people may hand in, with the extensions
// that their names may end in, the usual one first.
var fileExtensions = map[string][]string{
	"image/png":       {"png"},
	"image/jpeg":      {"jpg", "jpeg"},
	"image/gif":       {"gif"},
	"application/pdf": {"pdf"},
	"text/plain":      {"txt", "csv"},
	"text/csv":        {"csv", "txt"},
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": {"docx"},
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       {"xlsx"},
	"application/vnd.oasis.opendocument.text":                                 {"odt"},
	"application/vnd.oasis.opendocument.spreadsheet":                          {"ods"},
}

const (
	maxNameRunes = 100
	maxNameBytes = 200 // in UTF-8, the extension included: file systems take 255
)

// FileName is a name under which a file of a media type can be saved anywhere: without
// folders, control characters, characters that turn the direction of writing around or show
// nothing, what Windows reserves, and an extension that says something else. Of a name that
// is too long the end is cut, not the extension. It is the same for a name that it has made.
func FileName(name, mediaType string) string {
	base, _, _ := strings.Cut(mediaType, ";")
	known, ok := fileExtensions[strings.TrimSpace(base)]
	if !ok {
		known = []string{"bin"}
	}
	stem := plainName(name[strings.LastIndexAny(name, `/\`)+1:])
	extension := known[0]
	if dot := strings.LastIndexByte(stem, '.'); dot >= 0 {
		given := strings.ToLower(stem[dot+1:])
		switch {
		case slices.Contains(known, given):
			stem, extension = stem[:dot], given
		case dot > 0 && (isExtension(given) || slices.Contains(risky, given)):
			stem = stem[:dot]
		}
	}
	stem = strings.TrimSpace(strings.Trim(disarmed(stem), ". "))
	for runes := utf8.RuneCountInString(stem); runes > maxNameRunes || len(stem) > maxNameBytes-1-len(extension); runes-- {
		_, last := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-last]
	}
	stem = strings.TrimRight(stem, ". ")
	if stem == "" {
		stem = "file"
	}
	if first, _, _ := strings.Cut(stem, "."); slices.Contains(devices, strings.ToUpper(strings.TrimSpace(first))) {
		stem = "_" + stem
	}
	return stem + "." + extension
}

// plainName leaves out what cannot be seen, and what Windows has other uses for.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || unicode.Is(unicode.Zs, r):
			return ' '
		case !unicode.IsPrint(r): // controls, marks of direction, private use, U+FFFD is left
			return -1
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "�"))
}

// isExtension tells whether text after a dot is that of some file that we know.
func isExtension(text string) bool {
	for _, all := range fileExtensions {
		if slices.Contains(all, text) {
			return true
		}
	}
	return text == "webp"
}

// risky are extensions that programs or pages have. In the middle of a name they are there
// to deceive: many a desktop hides the last one.
var risky = strings.Fields(`bat chm cmd com cpl dll docm exe hta htm html jar js jse lnk mht mhtml msi msp php pif ps1
	py reg rtf scr sh shtml svg svgz swf url vb vbe vbs wsf xht xhtml xlsm xml zip rar 7z iso img`)

// disarmed writes an underscore for the dot before each of them.
func disarmed(stem string) string {
	parts := strings.Split(stem, ".")
	var b strings.Builder
	b.WriteString(parts[0])
	for _, p := range parts[1:] {
		dot := "."
		if slices.Contains(risky, strings.ToLower(strings.TrimSpace(p))) {
			dot = "_"
		}
		b.WriteString(dot + p)
	}
	return b.String()
}

// devices are names that Windows opens as something else than a file.
var devices = strings.Fields(`CON PRN AUX NUL COM0 COM1 COM2 COM3 COM4 COM5 COM6 COM7 COM8 COM9
	LPT0 LPT1 LPT2 LPT3 LPT4 LPT5 LPT6 LPT7 LPT8 LPT9`)
