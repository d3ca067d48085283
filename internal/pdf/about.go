package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"portico/domain"
)

// about is what a file says of itself.
type about struct {
	title, author, language string
	rtl                     bool
	on                      domain.Date // "" for no date
}

// catalog is the file's root object: the library's own has no language.
func (a about) catalog() string {
	direction := "/L2R"
	if a.rtl {
		direction = "/R2L"
	}
	return fmt.Sprintf("<<\n/Type /Catalog\n/Pages 2 0 R\n/Lang %s\n/ViewerPreferences <</DisplayDocTitle true /Direction %s>>\n>>\n",
		literal(a.language), direction)
}

// information is the document information dictionary.
func (a about) information() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<<\n/Title %s\n/Author %s\n/Producer %s\n", literal(a.title), literal(a.author), literal("Portico"))
	if at, err := time.Parse(time.DateOnly, string(a.on)); err == nil {
		fmt.Fprintf(&b, "/CreationDate (D:%s000000Z)\n", at.Format("20060102"))
	}
	return b.String() + ">>\n"
}

// literal is text as a hexadecimal string, which nothing in it can end.
func literal(s string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, unit := range utf16.Encode([]rune(oneLine(s))) {
		fmt.Fprintf(&b, "%04X", unit)
	}
	return b.String() + ">"
}

// rooted makes object n the file's root, and the one after it its information. The trailer
// stands behind the table of offsets, so that nothing moves.
func rooted(file []byte, n int) ([]byte, error) {
	old := []byte("/Root 1 0 R\n")
	at := bytes.LastIndex(file, old)
	if at < 0 {
		return nil, errors.New("pdf: the trailer is not as gopdf writes it")
	}
	return append(append(file[:at:at], fmt.Sprintf("/Root %d 0 R\n/Info %d 0 R\n", n, n+1)...), file[at+len(old):]...), nil
}
