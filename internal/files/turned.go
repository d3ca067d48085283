package files

import (
	"image"
	"image/draw"
)

// turned is a picture as its orientation says that it should be seen.
func turned(m image.Image, orientation int) image.Image {
	if orientation < 2 || orientation > 8 {
		return m
	}
	box := m.Bounds()
	t := turning{box.Dx(), box.Dy(), orientation}
	switch m := m.(type) {
	case *image.Gray:
		pix, w, h := t.plane(m.Pix, m.Stride, 1)
		return &image.Gray{Pix: pix, Stride: w, Rect: image.Rect(0, 0, w, h)}
	case *image.YCbCr:
		if ratio, ok := t.ratio(m.SubsampleRatio); ok {
			return t.photo(m, ratio)
		}
	}
	plain := image.NewNRGBA(image.Rect(0, 0, t.w, t.h))
	draw.Draw(plain, plain.Rect, m, box.Min, draw.Src)
	pix, w, h := t.plane(plain.Pix, plain.Stride, 4)
	return &image.NRGBA{Pix: pix, Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}
}

// turning is how a plane of w × h samples is mirrored and rotated.
type turning struct{ w, h, orientation int }

// swaps tells whether width becomes height.
func (t turning) swaps() bool { return t.orientation >= 5 }

// plane turns samples of size bytes each.
func (t turning) plane(pix []byte, stride, size int) (out []byte, w, h int) {
	if w, h = t.w, t.h; t.swaps() {
		w, h = h, w
	}
	out = make([]byte, w*h*size)
	for y := range h {
		row := out[y*w*size : (y+1)*w*size]
		for x := range w {
			fromX, fromY := t.from(x, y)
			at := fromY*stride + fromX*size
			copy(row[x*size:(x+1)*size], pix[at:at+size])
		}
	}
	return out, w, h
}

// from is where a sample of the result comes from (EXIF 2.32, 4.6.4 A, Orientation).
func (t turning) from(x, y int) (int, int) {
	right, bottom := t.w-1, t.h-1
	switch t.orientation {
	case 2:
		return right - x, y
	case 3:
		return right - x, bottom - y
	case 4:
		return x, bottom - y
	case 5:
		return y, x
	case 6:
		return y, bottom - x
	case 7:
		return right - y, bottom - x
	}
	return right - y, x // 8
}

// ratio is that of colour to brightness in the turned photo, if there is one.
func (t turning) ratio(was image.YCbCrSubsampleRatio) (image.YCbCrSubsampleRatio, bool) {
	switch was {
	case image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio420:
		return was, true
	case image.YCbCrSubsampleRatio422:
		if t.swaps() {
			return image.YCbCrSubsampleRatio440, true
		}
		return was, true
	case image.YCbCrSubsampleRatio440:
		if t.swaps() {
			return image.YCbCrSubsampleRatio422, true
		}
		return was, true
	}
	return was, false
}

// photo turns brightness and colours each in their own resolution.
func (t turning) photo(m *image.YCbCr, ratio image.YCbCrSubsampleRatio) image.Image {
	c := t
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		c.w, c.h = (t.w+1)/2, (t.h+1)/2
	case image.YCbCrSubsampleRatio422:
		c.w = (t.w + 1) / 2
	case image.YCbCrSubsampleRatio440:
		c.h = (t.h + 1) / 2
	}
	out := &image.YCbCr{SubsampleRatio: ratio}
	var w, h int
	out.Cb, w, _ = c.plane(m.Cb, m.CStride, 1)
	out.Cr, _, _ = c.plane(m.Cr, m.CStride, 1)
	out.CStride = w
	out.Y, w, h = t.plane(m.Y, m.YStride, 1)
	out.YStride, out.Rect = w, image.Rect(0, 0, w, h)
	return out
}
