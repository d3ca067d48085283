package brand

import (
	"fmt"
	"testing"
)

func TestEveryColourMeetsAA(t *testing.T) {
	n := 0
	worst := map[string]float64{}
	low := func(k string, v float64) {
		if w, ok := worst[k]; !ok || v < w {
			worst[k] = v
		}
	}
	for r := 0; r < 256; r += 17 {
		for g := 0; g < 256; g += 17 {
			for b := 0; b < 256; b += 17 {
				p, err := New(fmt.Sprintf("#%02x%02x%02x", r, g, b))
				if err != nil {
					t.Fatal(err)
				}
				n++
				low("light on/solid", Contrast(p.Light.On, p.Light.Solid))
				low("light text/canvas", Contrast(p.Light.Text, CanvasL))
				low("light softtext/soft", Contrast(p.Light.SoftText, p.Light.Soft))
				low("light white/deep", Contrast(White, p.Light.Deep))
				low("dark on/solid", Contrast(p.Dark.On, p.Dark.Solid))
				low("dark solid/surface", Contrast(p.Dark.Solid, SurfaceD))
				low("dark text/surface2", Contrast(p.Dark.Text, SurfaceD2))
				low("dark softtext/soft", Contrast(p.Dark.SoftText, p.Dark.Soft))
			}
		}
	}
	for k, v := range worst {
		lim := 4.5
		if k == "dark solid/surface" {
			lim = 3
		}
		if v < lim {
			t.Errorf("%s worst %.2f < %.1f", k, v, lim)
		}
		t.Logf("%-20s worst %.2f over %d colours", k, v, n)
	}
}

func TestASheetIsNamedForItsContent(t *testing.T) {
	name, css, err := Sheet("")
	same, _, _ := Sheet(" #0F5F55")
	other, _, _ := Sheet("#c2410c")
	if err != nil || name != same || name == other || len(css) > 400 {
		t.Error(name, same, other, len(css), err)
	}
	for _, bad := range []string{"#12345", "red", "#12345g", "#fff;}", "#-12345"} {
		if _, _, err := Sheet(bad); err == nil {
			t.Errorf("%q is no colour", bad)
		}
	}
}
