package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"portico/domain"
)

// Upload is what somebody sends.
type Upload struct {
	Name      string // with an extension
	MediaType string // as declared; "" and application/octet-stream declare nothing
	Body      io.Reader
}

// MaxUpload is the most bytes that any upload may have.
const MaxUpload = 25 << 20

// kind is a sort of file that is accepted.
type kind struct {
	mediaType  string
	extensions []string
	also       []string // other names of the media type that senders use
	max        int64    // bytes
	// check looks at all of it, and answers what to keep: the spool it was given, or another
	// one, which it made; and its media type.
	check func(ctx context.Context, s *Store, in *spool) (keep *spool, mediaType string, err error)
}

const maxText = 10 << 20

var kinds = []kind{
	{"image/png", []string{"png"}, []string{"image/apng"}, MaxUpload, picture(decodePNG)},
	{"image/jpeg", []string{"jpg", "jpeg"}, []string{"image/jpg", "image/pjpeg"}, MaxUpload, picture(decodeJPEG)},
	{"image/gif", []string{"gif"}, nil, MaxUpload, picture(decodeGIF)},
	{"image/webp", []string{"webp"}, nil, MaxUpload, picture(decodeWebP)},
	{"application/pdf", []string{"pdf"}, []string{"application/x-pdf"}, MaxUpload, checkPDF},
	{"text/plain", []string{"txt"}, nil, maxText, checkText("text/plain")},
	{"text/csv", []string{"csv"}, []string{"application/csv", "text/plain", "application/vnd.ms-excel"}, maxText, checkText("text/csv")},
	{docx.mediaType, []string{"docx"}, nil, MaxUpload, docx.check},
	{xlsx.mediaType, []string{"xlsx"}, nil, MaxUpload, xlsx.check},
	{odt.mediaType, []string{"odt"}, nil, MaxUpload, odt.check},
	{ods.mediaType, []string{"ods"}, nil, MaxUpload, ods.check},
}

const accepted = "pictures (PNG, JPEG, GIF, WebP), PDF, plain text, CSV, and documents (DOCX, XLSX, ODT, ODS) are"

// MediaTypes are those that may be declared.
func MediaTypes() (all []string) {
	for _, k := range kinds {
		all = append(all, k.mediaType)
	}
	return all
}

func refused(format string, args ...any) error {
	return domain.Invalid("file.type_refused", "%s is not accepted: %s", fmt.Sprintf(format, args...), accepted)
}

func differs(format string, args ...any) error {
	return domain.Invalid("file.type_differs", format, args...)
}

func damaged(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%w (%w)", domain.Invalid("file.damaged", "this is not a whole %s", what), err)
	}
	return domain.Invalid("file.damaged", "this is not a whole %s", what)
}

// Accept keeps what somebody sends, if it is of a type that is accepted, and what its
// content, its name and its declared type say agrees. Pictures are drawn anew, so that
// nothing but what can be seen is kept of them; the rest is kept as it came. What is refused,
// or ends early, leaves nothing. Its refusals are domain.Errors with codes file.…
func (s *Store) Accept(ctx context.Context, u Upload) (File, error) {
	k, err := declared(u)
	if err != nil {
		return File{}, err
	}
	in, err := s.spool()
	if err != nil {
		return File{}, err
	}
	defer in.discard()
	if err := receive(ctx, in, u.Body, k.max); err != nil {
		return File{}, err
	}
	if err := k.agrees(in); err != nil {
		return File{}, err
	}
	keep, mediaType, err := k.check(ctx, s, in)
	if err != nil {
		return File{}, err
	}
	defer keep.discard()
	f, err := s.place(ctx, keep, mediaType)
	f.Name = domain.FileName(u.Name, mediaType)
	return f, err
}

// declared is the kind that an upload's name says it is, if its declared type agrees.
func declared(u Upload) (kind, error) {
	name := strings.TrimRight(u.Name, ". ")
	extension := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	said, _, err := mime.ParseMediaType(u.MediaType)
	if said == "" || said == "application/octet-stream" {
		said = ""
	} else if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return kind{}, differs("the declared media type cannot be read")
	}
	at := slices.IndexFunc(kinds, func(k kind) bool { return slices.Contains(k.extensions, extension) })
	switch {
	case said != "" && !slices.ContainsFunc(kinds, func(k kind) bool { return k.is(said) }):
		return kind{}, refused("the declared type %s", clipped(said))
	case at < 0 && extension == "":
		return kind{}, refused("a name without an extension")
	case at < 0:
		return kind{}, refused("a file whose name ends in .%s", clipped(extension))
	case said != "" && !kinds[at].is(said):
		return kind{}, differs("the name ends in .%s, the declared type is %s", extension, said)
	}
	return kinds[at], nil
}

func (k kind) is(mediaType string) bool {
	return k.mediaType == mediaType || slices.Contains(k.also, mediaType)
}

// clipped is the sender's own text, for a message.
func clipped(s string) string {
	if len(s) > 100 {
		s = s[:100]
	}
	return strings.ToValidUTF8(s, "")
}

// receive writes what comes to a spool, up to a number of bytes.
func receive(ctx context.Context, to *spool, from io.Reader, limit int64) error {
	n, err := io.Copy(to, io.LimitReader(from, limit+1))
	switch {
	case n > limit:
		return TooLarge(limit)
	case err != nil:
		return fmt.Errorf("files: receiving: %w", err)
	case n == 0:
		return domain.Invalid("file.empty", "the file is empty")
	}
	return ctx.Err()
}

// TooLarge refuses what has more bytes than a limit.
func TooLarge(limit int64) error {
	return domain.Invalid("file.too_large", "a file of this type may have at most %d MiB", limit>>20)
}

// headSize is how much of the beginning says what a file is.
const headSize = 4 << 10

// agrees compares what the bytes are with what they are said to be. What only looks like it
// is found out by the check that follows.
func (k kind) agrees(in *spool) error {
	head := make([]byte, headSize)
	n, err := in.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	found := mimetype.Detect(head[:n])
	switch {
	case k.has(found):
		return nil
	case slices.ContainsFunc(kinds, func(other kind) bool { return other.mediaType == base(found) }):
		return differs("the content is %s, the name says %s", base(found), k.mediaType)
	case found.Is("application/octet-stream"):
		return damaged(k.mediaType, nil)
	}
	return refused("%s content", base(found))
}

// has tells whether found content may be of this kind. Text has no signature, and a
// document is a zip file whose inside has to be read.
func (k kind) has(found *mimetype.MIME) bool {
	switch {
	case strings.HasPrefix(k.mediaType, "text/"):
		return slices.Contains([]string{"text/plain", "text/csv", "text/tab-separated-values", "application/json", "application/x-ndjson", "application/octet-stream"}, base(found))
	case k.mediaType == "image/png" && base(found) == "image/vnd.mozilla.apng":
		return true
	case strings.HasPrefix(k.mediaType, "application/vnd."):
		for m := found; m != nil; m = m.Parent() {
			if m.Is("application/zip") {
				return !slices.ContainsFunc(kinds, func(other kind) bool { return other.mediaType == base(found) && other.mediaType != k.mediaType })
			}
		}
		return false
	}
	return base(found) == k.mediaType
}

func base(m *mimetype.MIME) string {
	name, _, _ := strings.Cut(m.String(), ";")
	return strings.TrimSpace(name)
}
