package pdf

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"portico/domain"
)

const (
	sampleHash = "3f2a91c07be4d6580912aa34cdef5678901b23c4d5e6f708192a3b4c5d6e7f80"
	sampleURL  = "https://portal.calder-vale.example/verify"
)

// who are an issuer and a customer of each language.
var who = map[string]struct {
	currency string
	issuer   Issuer
	customer Customer
	texts    []string
}{
	"en-GB": {"GBP",
		Issuer{Name: "Calder & Vale Building Services Ltd", Address: []string{"Foundry Yard, Kirkstall Road, Leeds LS4 2BB"},
			Contact: []string{"0113 496 0142 · accounts@calder-vale.example", "VAT GB 123 4567 89 · Company 01234567"},
			Payment: []string{"Calder & Vale Building Services Ltd, sort code 04-00-04, account 12345678", "Please quote INV-20418"},
			Footer:  "Registered in England and Wales. Guarantee on parts and labour: 12 months."},
		Customer{"Northgate Lettings", "C-1042", []string{"2 Park Row", "Leeds LS1 5HD"}},
		[]string{"Circulation pump, Grundfos MAGNA3 25-60, supplied and fitted, serial PP3-221904", "Labour, heating engineer", "Flush, refill and inhibitor: valves, unions and system cleaner included"}},
	"en-US": {"USD",
		Issuer{Name: "Harbor Mechanical Inc.", Address: []string{"410 Pier Street, Portland, ME 04101"}, Contact: []string{"(207) 555-0142 · billing@harbor.example"},
			Payment: []string{"ACH: routing 011200365, account 000123456789"}, Colour: "#ff7a1a"},
		Customer{"José Ångström Properties LLC", "77", []string{"12 Congress St", "Portland, ME 04101"}},
		[]string{"Rooftop unit inspection", "Filter set, MERV 13", "Refrigerant R-454B, per lb"}},
	"de": {"EUR",
		Issuer{Name: "Müßiggang & Söhne Gebäudetechnik GmbH", Address: []string{"Straße des 17. Juni 135", "10623 Berlin"}, Contact: []string{"030 5550142", "USt-IdNr. DE123456789"},
			Payment: []string{"IBAN DE02 1203 0000 0000 2020 51, BIC BYLADEM1001"}, Colour: "#1a5896"},
		Customer{"Zażółć Gęślą Jaźń sp. z o.o.", "K-9", []string{"ul. Świętokrzyska 1", "00-360 Warszawa"}},
		[]string{"Wartung der Heizungsanlage", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "Anfahrt"}},
	"es": {"EUR",
		Issuer{Name: "Instalaciones Núñez e Hijos, S.L.", Address: []string{"Calle de Alcalá 50, 28014 Madrid"}, Contact: []string{"NIF B12345678"},
			Payment: []string{"IBAN ES91 2100 0418 4502 0005 1332"}, Colour: "#8e2a5b"},
		Customer{"Αθηναϊκή Εταιρεία Ύδρευσης", "", []string{"Πανεπιστημίου 12", "Αθήνα 106 79"}},
		[]string{"Revisión de caldera", "Sustitución de válvula", "Дополнительные работы на объекте"}},
	"pl": {"PLN",
		Issuer{Name: "Ćwierćtuzin Ślusarstwo i Żaluzje", Address: []string{"ul. Łąkowa 7, 90-562 Łódź"}, Contact: []string{"NIP 725-000-00-00"},
			Payment: []string{"PL61 1090 1014 0000 0712 1981 2874"}, Colour: "#222222"},
		Customer{"北京市朝阳区物业管理有限公司", "", []string{"朝阳区建国路88号", "北京 100022, 中国"}},
		[]string{"Wymiana zamków w drzwiach zewnętrznych", "暖气管道检修及阀门更换", "한국어 설명 · 日本語の説明"}},
	"ar": {"AED",
		Issuer{Name: "شركة الخليج لخدمات المباني ذ.م.م", Address: []string{"شارع الشيخ زايد 120، دبي"}, Contact: []string{"هاتف: 04 555 0142", "الرقم الضريبي 100123456700003"},
			Payment: []string{"بنك الإمارات، IBAN AE07 0331 2345 6789 0123 456", "يرجى ذكر رقم الفاتورة"}, Footer: "سجل تجاري رقم 12345. جميع الحقوق محفوظة.", Colour: "#7a1f3d"},
		Customer{"محمد بن عبد الله القحطاني", "ع-17", []string{"برج السلام، الطابق 12", "أبوظبي (الإمارات)"}},
		[]string{"صيانة وحدة التكييف المركزي (طراز AC-220)", "أجور العمل", "قطع غيار: Filter MERV 13"}},
}

// sample is a paper as people write them.
func sample(language string, lines int) Paper {
	w := who[language]
	p := Paper{Kind: "invoice", Language: language, Currency: w.currency, Issuer: w.issuer, Customer: w.customer, Number: "INV-20418",
		Facts: []Fact{{Label: "issued_on", Date: "2026-10-31"}, {Label: "due_on", Date: "2026-11-14"}, {Label: "purchase_order", Value: "NL-88213"}},
		Hash:  sampleHash, VerifyURL: sampleURL}
	p.Issuer.Logo = sampleLogo()
	for i := range lines {
		l := domain.Line{SKU: fmt.Sprintf("P-%04d", i+1), Text: w.texts[i%len(w.texts)], Quantity: domain.Decimal(fmt.Sprint(i%7 + 1)),
			UnitPrice: domain.Decimal(fmt.Sprintf("%d.50", 100+i*13)), TaxRate: "20", TaxCode: "STD", Minor: int64(i%7+1) * int64(10050+i*1300)}
		switch i % 3 {
		case 1:
			l.Quantity, l.UnitPrice, l.TaxRate, l.TaxCode = "3.5", "65.0625", "5", "RED"
		case 2:
			l.Discount = "10"
		}
		p.Net += l.Minor
		p.Lines = append(p.Lines, l)
	}
	p.Tax = []domain.TaxLine{{Code: "STD", Rate: "20", Net: p.Net / 3, Minor: p.Net / 15}, {Code: "RED", Rate: "5", Net: p.Net - p.Net/3, Minor: p.Net / 30}}
	p.Gross = p.Net + p.Net/15 + p.Net/30
	p.Sums = []Sum{{"withheld", -12345}, {"to_pay", p.Gross - 12345}}
	return p
}

// sampleStatement is a statement of n entries.
func sampleStatement(language string, n int) Paper {
	p := sample(language, 0)
	p.Kind, p.Number, p.Tax, p.Sums, p.Gross, p.Net = "statement", "ST-77", nil, nil, 0, 0
	p.Facts = []Fact{{Label: "from", Date: "2026-10-01"}, {Label: "until", Date: "2026-10-31"}}
	p.Opening = 100_000
	balance := p.Opening
	for i := range n {
		e := Entry{On: domain.Date("2026-10-01").AddDays(i % 30), Kind: "invoice", Number: fmt.Sprintf("INV-%04d", i), Text: "NL-88213", Minor: int64(12_000 + i*117)}
		if i%3 == 2 {
			e = Entry{On: e.On, Kind: "payment", Number: fmt.Sprintf("PAY-%04d", i), Minor: -int64(20_000 + i*31)}
		}
		balance += e.Minor
		e.Balance = balance
		p.Entries = append(p.Entries, e)
	}
	p.Closing = balance
	p.Ageing = []Sum{{"not_due", balance / 2}, {"days_1_30", balance / 4}, {"days_31_60", 0}, {"days_61_90", 0}, {"days_over_90", balance - balance/2 - balance/4}}
	return p
}

// sampleLogo is an arch on transparent ground.
var sampleLogo = func() func() []byte {
	m := image.NewNRGBA(image.Rect(0, 0, 96, 96))
	for y := range 96 {
		for x := range 96 {
			dx, dy := float64(x)-48, float64(y)-44
			in := y > 44 && x > 8 && x < 88 || dx*dx+dy*dy < 1600
			hole := y > 50 && x > 34 && x < 62 || dx*dx+(dy-6)*(dy-6) < 196
			if in && !hole {
				m.Set(x, y, color.NRGBA{0x0f, 0x5f, 0x55, 255})
			}
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.Bytes
}()
