package pdf

import (
	"bytes"
	"crypto/sha256"
	"image"
	_ "image/jpeg" // a logo may be one
	"image/png"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/image/draw"
)

// picture is a logo made ready: decoded, on white, no larger than it prints sharply, and
// encoded anew, so that nothing of the given file but its pixels gets into a paper.
type picture struct {
	png           []byte
	width, height float64 // pixels
}

const (
	maxPixels  = 16 << 20 // of a logo that is given
	sharpWidth = 600      // pixels
	sharpTall  = 240
)

// pictures are the logos used last: the same one is on every paper of a business.
var pictures, _ = lru.New[[sha256.Size]byte, picture](32)

// ready makes a picture of a logo, an empty one of what cannot be decoded.
func ready(logo []byte) picture {
	if len(logo) == 0 {
		return picture{}
	}
	key := sha256.Sum256(logo)
	if p, ok := pictures.Get(key); ok {
		return p
	}
	p := drawn(logo)
	pictures.Add(key, p)
	return p
}

func drawn(logo []byte) picture {
	size, _, err := image.DecodeConfig(bytes.NewReader(logo))
	if err != nil || size.Width <= 0 || size.Height <= 0 || size.Width > maxPixels/size.Height {
		return picture{}
	}
	from, _, err := image.Decode(bytes.NewReader(logo))
	if err != nil {
		return picture{}
	}
	shrink := max(1, float64(size.Width)/sharpWidth, float64(size.Height)/sharpTall)
	to := image.NewRGBA(image.Rect(0, 0, max(1, int(float64(size.Width)/shrink)), max(1, int(float64(size.Height)/shrink))))
	draw.Draw(to, to.Bounds(), image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(to, to.Bounds(), from, from.Bounds(), draw.Over, nil)
	var b bytes.Buffer
	if err := png.Encode(&b, to); err != nil {
		return picture{}
	}
	return picture{b.Bytes(), float64(to.Rect.Dx()), float64(to.Rect.Dy())}
}

// fit is the size at which it is drawn, in points.
func (p picture) fit() (width, height float64) {
	if p.png == nil {
		return 0, 0
	}
	scale := min(logoWidth/p.width, logoTall/p.height)
	return p.width * scale, p.height * scale
}
