package files

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"

	"portico/domain"
)

const (
	maxPixels  = 50_000_000 // of a picture, or of all pictures of a moving one
	maxDecoded = 256 << 20  // bytes that decoding one may take
	maxFrames  = 1_000
)

// drawn is a decoded picture, and how to write it.
type drawn struct {
	mediaType string
	encode    func(io.Writer) error
}

// picture decodes and draws anew: metadata, and whatever else was in the file, is gone, and
// the picture stands as its metadata said that it should.
func picture(decode func(in *spool) (drawn, error)) func(context.Context, *Store, *spool) (*spool, string, error) {
	return func(ctx context.Context, s *Store, in *spool) (*spool, string, error) {
		select {
		case s.easel <- struct{}{}:
			defer func() { <-s.easel }()
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
		p, err := decode(in)
		if err != nil {
			return nil, "", err
		}
		to, err := s.spool()
		if err != nil {
			return nil, "", err
		}
		if err := p.encode(to); err != nil {
			to.discard()
			return nil, "", fmt.Errorf("files: drawing a picture anew: %w", err)
		}
		if to.size > 2*MaxUpload {
			to.discard()
			return nil, "", TooLarge(MaxUpload)
		}
		return to, p.mediaType, nil
	}
}

// fits refuses a picture by what its header says, before anything of its size is made.
func fits(c image.Config, bytesPerPixel int) error {
	if c.Width <= 0 || c.Height <= 0 {
		return damaged("picture", nil)
	}
	if pixels := int64(c.Width) * int64(c.Height); pixels > maxPixels || pixels*int64(bytesPerPixel) > maxDecoded {
		return imageTooLarge(c.Width, c.Height)
	}
	return nil
}

func imageTooLarge(width, height int) error {
	return domain.Invalid("file.image_too_large", "this picture has %d × %d pixels: at most %d million are accepted, and fewer of some types", width, height, maxPixels/1_000_000)
}

// depth is how many bytes a decoded pixel takes.
func depth(m color.Model) int {
	switch m {
	case color.GrayModel, color.AlphaModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.YCbCrModel:
		return 3
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	if _, ok := m.(color.Palette); ok {
		return 1
	}
	return 4
}

func decodePNG(in *spool) (drawn, error) {
	c, err := png.DecodeConfig(in.whole())
	if err != nil {
		return drawn{}, damaged("PNG", err)
	}
	if err := fits(c, depth(c.ColorModel)); err != nil {
		return drawn{}, err
	}
	m, err := png.Decode(in.whole())
	if err != nil {
		return drawn{}, damaged("PNG", err)
	}
	return asPNG(turned(m, readPNG(in.whole()))), nil
}

func asPNG(m image.Image) drawn {
	return drawn{"image/png", func(w io.Writer) error { return png.Encode(w, m) }}
}

func decodeJPEG(in *spool) (drawn, error) {
	c, err := jpeg.DecodeConfig(in.whole())
	if err != nil {
		return drawn{}, damaged("JPEG", err)
	}
	turn, progressive := readJPEG(in.whole())
	size := depth(c.ColorModel)
	if progressive {
		size *= 5 // its coefficients are decoded first, in four bytes each
	}
	if turn > 1 {
		size *= 2
	}
	if err := fits(c, size); err != nil {
		return drawn{}, err
	}
	m, err := jpeg.Decode(in.whole())
	if err != nil {
		return drawn{}, damaged("JPEG", err)
	}
	return asJPEG(turned(m, turn)), nil
}

// quality is of pictures that are drawn anew: what is lost is not seen.
const quality = 92

func asJPEG(m image.Image) drawn {
	return drawn{"image/jpeg", func(w io.Writer) error { return jpeg.Encode(w, m, &jpeg.Options{Quality: quality}) }}
}

// decodeWebP makes PNG or JPEG of it: there is no encoder for WebP.
func decodeWebP(in *spool) (drawn, error) {
	head, err := in.part(0, 32)
	if err != nil {
		return drawn{}, err
	}
	if len(head) > 20 && string(head[12:16]) == "VP8X" && head[20]&2 != 0 {
		return drawn{}, refused("a moving WebP picture")
	}
	c, err := webp.DecodeConfig(in.whole())
	if err != nil {
		return drawn{}, damaged("WebP", err)
	}
	if err := fits(c, 2*depth(c.ColorModel)); err != nil {
		return drawn{}, err
	}
	m, err := webp.Decode(in.whole())
	if err != nil {
		return drawn{}, damaged("WebP", err)
	}
	m = turned(m, readWebP(in.whole()))
	if _, photo := m.(*image.YCbCr); photo {
		return asJPEG(m), nil
	}
	return asPNG(m), nil
}

func decodeGIF(in *spool) (drawn, error) {
	all, err := gifFrames(in.whole())
	if err != nil {
		return drawn{}, damaged("GIF", err)
	}
	c, err := gif.DecodeConfig(in.whole())
	if err != nil {
		return drawn{}, damaged("GIF", err)
	}
	if err := fits(c, 1); err != nil {
		return drawn{}, err
	}
	if all.pixels > maxPixels || all.count > maxFrames {
		return drawn{}, imageTooLarge(c.Width, c.Height)
	}
	moving, err := gif.DecodeAll(in.whole())
	if err != nil {
		return drawn{}, damaged("GIF", err)
	}
	return drawn{"image/gif", func(w io.Writer) error { return gif.EncodeAll(w, moving) }}, nil
}
