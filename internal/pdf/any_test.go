package pdf

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"testing"

	"pgregory.net/rapid"

	"portico/domain"
)

// anyPaper is a paper that nobody in their right mind would write.
func anyPaper() *rapid.Generator[Paper] {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "(\\)/JS", "😀👩‍👩‍👧", "\x00\x07", "\u202Eevil", "محمد", "北京", "a\nb\n\nc", "\xff\xfe"}),
		rapid.StringN(0, 60, 200))
	list := rapid.SliceOfN(text, 0, 5)
	number := rapid.Map(rapid.OneOf(text, rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,12})?`)), func(s string) domain.Decimal { return domain.Decimal(s) })
	minor := rapid.Int64()
	return rapid.Custom(func(t *rapid.T) Paper {
		p := Paper{Kind: rapid.OneOf(rapid.SampledFrom([]string{"invoice", "credit_memo", "statement"}), text).Draw(t, "kind"),
			Language: rapid.OneOf(rapid.SampledFrom([]string{"en-GB", "en-US", "ar", "de", "es", "pl"}), text).Draw(t, "language"),
			Currency: rapid.OneOf(rapid.SampledFrom([]string{"GBP", "JPY", "KWD"}), text).Draw(t, "currency"),
			Issuer: Issuer{text.Draw(t, "name"), list.Draw(t, "address"), list.Draw(t, "contact"), list.Draw(t, "payment"),
				text.Draw(t, "footer"), text.Draw(t, "colour"), []byte(text.Draw(t, "logo"))},
			Customer: Customer{text.Draw(t, "customer"), text.Draw(t, "number"), list.Draw(t, "to")},
			Number:   text.Draw(t, "number"), Note: text.Draw(t, "note"), Net: minor.Draw(t, "net"), Gross: minor.Draw(t, "gross"),
			Opening: minor.Draw(t, "opening"), Closing: minor.Draw(t, "closing"), Hash: text.Draw(t, "hash"), VerifyURL: text.Draw(t, "url")}
		for range rapid.IntRange(0, 4).Draw(t, "many") {
			p.Facts = append(p.Facts, Fact{text.Draw(t, "label"), text.Draw(t, "value"), domain.Date(text.Draw(t, "date"))})
			p.Lines = append(p.Lines, domain.Line{SKU: text.Draw(t, "sku"), Text: text.Draw(t, "text"), Quantity: number.Draw(t, "quantity"),
				UnitPrice: number.Draw(t, "price"), Discount: number.Draw(t, "discount"), TaxRate: number.Draw(t, "rate"), TaxCode: text.Draw(t, "code"), Minor: minor.Draw(t, "minor")})
			p.Tax = append(p.Tax, domain.TaxLine{Code: text.Draw(t, "code"), Rate: number.Draw(t, "rate"), Net: minor.Draw(t, "net"), Minor: minor.Draw(t, "tax")})
			p.Sums = append(p.Sums, Sum{text.Draw(t, "label"), minor.Draw(t, "sum")})
			p.Entries = append(p.Entries, Entry{domain.Date(text.Draw(t, "on")), text.Draw(t, "kind"), text.Draw(t, "number"), text.Draw(t, "text"), minor.Draw(t, "minor"), minor.Draw(t, "balance")})
			p.Ageing = append(p.Ageing, Sum{text.Draw(t, "label"), minor.Draw(t, "age")})
		}
		return p
	})
}

func TestAnyPaperIsDrawn(t *testing.T) {
	papers := anyPaper()
	for seed := range 20 {
		d, err := Draw(papers.Example(seed))
		if err != nil || d.Pages < 1 {
			t.Fatalf("seed %d: %d pages, %v", seed, d.Pages, err)
		}
		if seed%10 == 0 {
			tool(t, d.Bytes, "qpdf", "--check", "FILE")
		}
	}
}

// A long text makes a row go on, and a table that is too wide gives way.
func TestNothingIsTooLongOrTooWide(t *testing.T) {
	p := sample("en-GB", 2)
	huge := string(bytes.Repeat([]byte("word "), 6_000))
	p.Lines[0].Text, p.Note, p.Customer.Address = huge, huge, []string{huge}
	p.Lines[1].Quantity, p.Lines[1].UnitPrice = "123456789012345678901234567890.123", "123456789012345678901234567890.456"
	p.Lines[1].SKU = string(bytes.Repeat([]byte("W"), 500))
	p.Issuer.Payment = []string{huge}
	text := said(t, mustDraw(t, p).Bytes)
	if n := bytes.Count([]byte(text), []byte("word")); n != 4*6_000 {
		t.Errorf("%d words of %d", n, 4*6_000)
	}
}

// Figures stay on one line while there is any other room.
func TestAmountsAreNotBroken(t *testing.T) {
	p := sample("en-GB", 1)
	p.Lines = append(p.Lines, domain.Line{SKU: "SKU-LONG-SKU-LONG-SKU-LONG-", Text: string(bytes.Repeat([]byte("x"), 500)),
		Quantity: "123456.789", UnitPrice: "9999999.123456", TaxRate: "20", Discount: "12.5", Minor: -999_999_999_999})
	text := said(t, mustDraw(t, p).Bytes)
	for _, want := range []string{"-9,999,999,999.99", "9,999,999.123456", "123,456.789", "12.5%"} {
		if !bytes.Contains([]byte(text), []byte(want)) {
			t.Errorf("%s is broken", want)
		}
	}
}

func TestALogoIsDrawnFromItsPixelsOnly(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 1_200, 30)), nil); err != nil {
		t.Fatal(err)
	}
	secret := append(b.Bytes(), "<script>GPS 51.5</script>"...)
	p := sample("en-GB", 1)
	p.Issuer.Logo = secret
	d := mustDraw(t, p)
	if bytes.Contains(d.Bytes, []byte("GPS")) {
		t.Error("the file has what was behind the picture")
	}
	if out := tool(t, d.Bytes, "pdfimages", "-list", "FILE"); !bytes.Contains([]byte(out), []byte(" 600 ")) {
		t.Errorf("the logo is not there, or not made smaller:\n%s", out)
	}
	b.Reset()
	bomb := image.NewPaletted(image.Rect(0, 0, 5_000, 3_400), color.Palette{color.White, color.Black})
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, bomb); err != nil {
		t.Fatal(err)
	}
	if p := ready(b.Bytes()); p.png != nil {
		t.Errorf("a picture of 17 megapixels in %d bytes was decoded", b.Len())
	}
}

func FuzzDraw(f *testing.F) {
	f.Add("Invoice (1)", "ar", "محمد 12 (x)", "12.5", int64(-1))
	f.Add("", "", "", "", int64(0))
	f.Add("x\xff\u202E", "en-US", "北京\n\n😀", "1e9", int64(1)<<62)
	f.Fuzz(func(t *testing.T, name, language, text, number string, minor int64) {
		if len(name)+len(text) > 10_000 {
			t.Skip()
		}
		p := Paper{Kind: name, Language: language, Currency: number, Number: name, Note: text, Hash: name, VerifyURL: text, Gross: minor, Net: minor / 2,
			Issuer: Issuer{Name: name, Footer: text, Colour: number, Payment: []string{text}, Logo: []byte(text)}, Customer: Customer{Name: text},
			Lines: []domain.Line{{SKU: name, Text: text, Quantity: domain.Decimal(number), UnitPrice: domain.Decimal(number), Minor: minor}},
			Sums:  []Sum{{name, minor}}}
		if d, err := Draw(p); err != nil || !bytes.HasPrefix(d.Bytes, []byte("%PDF-")) {
			t.Fatal(err)
		}
	})
}

// TestWriteSamples puts the samples into a directory, to be looked at.
func TestWriteSamples(t *testing.T) {
	dir := os.Getenv("PDF_SAMPLES")
	if dir == "" {
		t.Skip("PDF_SAMPLES names no directory")
	}
	for name, p := range samples() {
		if err := os.WriteFile(dir+"/"+name+".pdf", mustDraw(t, p).Bytes, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
