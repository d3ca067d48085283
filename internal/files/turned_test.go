package files

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

// corners says where the four colours of a picture's corners are, clockwise from the top
// left: r, g, b, w.
func corners(m image.Image) (out string) {
	box := m.Bounds()
	for _, at := range []image.Point{{2, 2}, {box.Dx() - 3, 2}, {box.Dx() - 3, box.Dy() - 3}, {2, box.Dy() - 3}} {
		r, g, b, _ := m.At(box.Min.X+at.X, box.Min.Y+at.Y).RGBA()
		switch {
		case r > 0x9000 && g > 0x9000 && b > 0x9000:
			out += "w"
		case r > 0x9000:
			out += "r"
		case g > 0x9000:
			out += "g"
		case b > 0x9000:
			out += "b"
		default:
			out += "?"
		}
	}
	return out
}

func quarters(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{255, 255, 255, 255} // bottom left
			switch {
			case x < w/2 && y < h/2:
				c = color.NRGBA{255, 0, 0, 255}
			case y < h/2:
				c = color.NRGBA{0, 255, 0, 255}
			case x >= w/2:
				c = color.NRGBA{0, 0, 255, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// What EXIF says of how to turn a picture is done, and then EXIF is gone.
func TestPicturesAreTurned(t *testing.T) {
	s, _ := folder(t)
	want := map[uint16]string{0: "rgbw", 1: "rgbw", 2: "grwb", 3: "bwrg", 4: "wbgr", 5: "rwbg", 6: "wrgb", 7: "bgrw", 8: "gbwr", 9: "rgbw"}
	for orientation, corner := range want {
		m := quarters(47, 31)
		for _, data := range [][]byte{jpegWith(0xe1, append([]byte("Exif\x00\x00"), exif(orientation)...), m), pngOf(m, orientation)} {
			name := "x.jpg"
			if data[0] == 0x89 {
				name = "x.png"
			}
			f, err := s.Accept(t.Context(), Upload{name, "", bytes.NewReader(data)})
			if err != nil {
				t.Fatal(orientation, err)
			}
			got, _, err := image.Decode(bytes.NewReader(s.bytes(t, f.SHA256)))
			if err != nil {
				t.Fatal(err)
			}
			w, h := 47, 31
			if orientation >= 5 && orientation <= 8 {
				w, h = h, w
			}
			if corners(got) != corner || got.Bounds().Dx() != w || got.Bounds().Dy() != h {
				t.Errorf("%s, orientation %d: %s %v, want %s", name, orientation, corners(got), got.Bounds(), corner)
			}
		}
	}
}

func pngOf(m image.Image, orientation uint16) []byte {
	plain := aPNG(m)
	return bytes.Join([][]byte{plain[:33], chunk("eXIf", exif(orientation)), plain[33:]}, nil)
}

// All resolutions of colours are turned alike.
func TestTurningKeepsColours(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410} {
		m := image.NewYCbCr(image.Rect(0, 0, 48, 32), ratio)
		for y := range 32 {
			for x := range 48 {
				c := quarters(48, 32).NRGBAAt(x, y)
				m.Y[m.YOffset(x, y)], m.Cb[m.COffset(x, y)], m.Cr[m.COffset(x, y)] = color.RGBToYCbCr(c.R, c.G, c.B)
			}
		}
		for orientation, want := range map[int]string{2: "grwb", 3: "bwrg", 5: "rwbg", 6: "wrgb", 8: "gbwr"} {
			out, err := turned(m, orientation)
			if err != nil {
				t.Fatal(err)
			}
			if got := corners(out); got != want {
				t.Errorf("%v, orientation %d: %s, want %s", ratio, orientation, got, want)
			}
		}
	}
	grey := image.NewGray(image.Rect(0, 0, 3, 2))
	grey.Pix = []byte{1, 2, 3, 4, 5, 6}
	out, _ := turned(grey, 6)
	if got := out.(*image.Gray); !bytes.Equal(got.Pix, []byte{4, 1, 5, 2, 6, 3}) || got.Rect.Dx() != 2 {
		t.Errorf("%v", got)
	}
}

// What a header says of a picture decides before anything is decoded: also in a file that
// hides it from whoever reads by the letter.
func TestAProgressivePhotoCountsForMore(t *testing.T) {
	b := aJPEG(photo(8, 8))
	at := bytes.Index(b, []byte{0xff, 0xc0})
	b[at+1] = 0xc2
	copy(b[at+5:], "\x13\x88\x13\x88") // 5,000 × 5,000
	hidden := bytes.Join([][]byte{b[:at], []byte("junk\xff\x00\xff\xff"), b[at:]}, nil)
	for _, data := range [][]byte{b, hidden} {
		if _, progressive := readJPEG(bytes.NewReader(data)); !progressive {
			t.Error("taken for an ordinary one")
		}
		s, _ := folder(t)
		_, err := s.Accept(t.Context(), Upload{"x.jpg", "", bytes.NewReader(data)})
		is(t, err, pixels)
	}
	if _, err := jpeg.DecodeConfig(bytes.NewReader(hidden)); err != nil {
		t.Errorf("image/jpeg does not read it: then it is no test: %v", err)
	}
}

func TestAPNGKeepsItsDepth(t *testing.T) {
	s, _ := folder(t)
	for _, m := range []image.Image{image.NewGray(image.Rect(0, 0, 9, 9)), image.NewNRGBA64(image.Rect(0, 0, 9, 9)), image.NewPaletted(image.Rect(0, 0, 9, 9), color.Palette{color.Black, color.White})} {
		f, err := s.Accept(t.Context(), Upload{"x.png", "", bytes.NewReader(aPNG(m))})
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.DecodeConfig(bytes.NewReader(s.bytes(t, f.SHA256)))
		if want, _ := png.DecodeConfig(bytes.NewReader(aPNG(m))); err != nil || depth(got.ColorModel) != depth(want.ColorModel) {
			t.Errorf("%T: %v", m, err)
		}
	}
}
