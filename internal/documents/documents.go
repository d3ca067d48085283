// Package documents makes the files that customers hold: it puts what an invoice, a credit
// memo or a statement says on a paper, has it drawn, and keeps the bytes. A file is drawn
// once, before the event that names it, and never again: what is given out for years are
// the bytes that were published (S0.8, S0.9). Who may have which is for the queries to say.
package documents

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // logos
	_ "image/png"
	"io"
	"runtime"
	"sync/atomic"

	"portico/commands"
	"portico/domain"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/files"
	"portico/internal/pdf"
)

// MediaType is that of documents.
const MediaType = "application/pdf"

// Papers draws and keeps: it is what commands.Papers asks for.
type Papers struct {
	Files *files.Store
	Draw  func(pdf.Paper) (pdf.Drawn, error) // pdf.Draw
	// PublicURL is where people reach Portico, without a slash at its end. The address that
	// is printed to verify documents at follows from it.
	PublicURL string
	// Portal is where the portal of a tenant is, if that is not at PublicURL.
	Portal func(tenant string) string

	logo atomic.Pointer[logo] // that was used last
}

var _ commands.Papers = (*Papers)(nil)

type logo struct {
	sha256 string
	bytes  []byte
}

// Invoice draws and keeps an invoice.
func (p *Papers) Invoice(ctx context.Context, l commands.Letter, d invoice.Document) (domain.Rendition, error) {
	return p.keep(ctx, l, invoicePaper(l, d))
}

// CreditMemo draws and keeps a credit memo.
func (p *Papers) CreditMemo(ctx context.Context, l commands.Letter, d creditmemo.Document, against string) (domain.Rendition, error) {
	return p.keep(ctx, l, memoPaper(l, d, against))
}

// keep completes a paper with the logo and its own hash, draws it, and keeps the file.
func (p *Papers) keep(ctx context.Context, l commands.Letter, paper pdf.Paper) (domain.Rendition, error) {
	var err error
	if l.Branding.Logo != "" {
		if paper.Issuer.Logo, err = p.picture(ctx, l.Branding.Logo); err != nil {
			return domain.Rendition{}, unavailable(err)
		}
	}
	if paper.Hash, err = hashOf(paper); err != nil {
		return domain.Rendition{}, err
	}
	at := p.PublicURL
	if p.Portal != nil {
		at = p.Portal(l.Tenant)
	}
	if at != "" {
		paper.VerifyURL = at + "/verify"
	}
	drawn, err := p.draw(ctx, paper)
	if err != nil {
		return domain.Rendition{}, err
	}
	f, err := p.Files.Keep(ctx, MediaType, drawn.Bytes)
	if err != nil {
		return domain.Rendition{}, unavailable(err)
	}
	return domain.Rendition{SHA256: f.SHA256, Size: f.Size, Pages: drawn.Pages, PaperHash: paper.Hash}, nil
}

// easels are how many papers this process draws at once. A long one takes a processor for
// seconds, and a hundred MiB: more of them at once would only take longer, and all of the
// memory.
var easels = make(chan struct{}, runtime.GOMAXPROCS(0))

func (p *Papers) draw(ctx context.Context, paper pdf.Paper) (pdf.Drawn, error) {
	select {
	case easels <- struct{}{}:
		defer func() { <-easels }()
	case <-ctx.Done():
		return pdf.Drawn{}, unavailable(ctx.Err())
	}
	drawn, err := p.Draw(paper)
	if err != nil {
		err = fmt.Errorf("documents: drawing %s %s: %w", paper.Kind, paper.Number, err)
	}
	return drawn, err
}

// hashOf is the SHA-256 of all that a paper says, in hex: the logo by its own hash, the hash
// itself and the address to ask at left out.
func hashOf(paper pdf.Paper) (string, error) {
	picture := ""
	if paper.Issuer.Logo != nil {
		picture = hexOf(paper.Issuer.Logo)
	}
	paper.Issuer.Logo, paper.Hash, paper.VerifyURL = nil, "", ""
	content, err := json.Marshal(struct {
		Paper pdf.Paper
		Logo  string
	}{paper, picture})
	return hexOf(content), err
}

func hexOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func unavailable(err error) error {
	return fmt.Errorf("%w (%w)", &domain.Error{Kind: domain.KindUnavailable, Code: "documents.unavailable",
		Message: "documents cannot be kept just now, so nothing was published: try again"}, err)
}

const (
	maxPicture = 10 << 20 // bytes
	maxPixels  = 16 << 20
)

// picture reads a logo. A business has one, so the last one is remembered.
func (p *Papers) picture(ctx context.Context, sha256 string) ([]byte, error) {
	if last := p.logo.Load(); last != nil && last.sha256 == sha256 {
		return last.bytes, nil
	}
	data, err := p.read(ctx, sha256)
	if err == nil {
		p.logo.Store(&logo{sha256, data})
	}
	return data, err
}

func (p *Papers) read(ctx context.Context, sha256 string) ([]byte, error) {
	r, err := p.Files.Read(ctx, sha256)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxPicture+1))
}

// Image refuses what is not a kept PNG or JPEG of a size that can be drawn.
func (p *Papers) Image(ctx context.Context, sha256 string) error {
	data, err := p.read(ctx, sha256)
	if errors.Is(err, files.ErrMissing) {
		return domain.NotFound("file.unknown", "upload the picture first")
	}
	if err != nil {
		return unavailable(err)
	}
	if len(data) > maxPicture {
		return domain.Invalid("tenant.logo", "a logo has at most %d MiB", maxPicture>>20)
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return domain.Invalid("tenant.logo", "a logo is a PNG or a JPEG")
	}
	if size.Width <= 0 || size.Height <= 0 || size.Width > maxPixels/size.Height {
		return domain.Invalid("tenant.logo", "a logo has at most %d megapixels", maxPixels>>20)
	}
	if _, _, err := image.Decode(bytes.NewReader(data)); err != nil {
		return domain.Invalid("tenant.logo", "the picture is damaged")
	}
	return nil
}
