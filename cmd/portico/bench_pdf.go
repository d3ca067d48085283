package main

import (
	"bytes"
	"context"
	"fmt"
	"runtime"

	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
	"github.com/signintech/gopdf"
	"github.com/spf13/cobra"

	"portico/domain"
	"portico/internal/pdf"
)

func benchPDFCommand(o *benchOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "pdf",
		Short: "Drawing invoices, beside the bare library writing as much text",
		Long: `Invoices of 5, 30 and 1,114 lines are drawn with one client and with one for each
processor. The floor is the library that draws them: the same texts in two embedded fonts,
on as many pages, at fixed places; nothing is measured, wrapped or put into a language.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			of := *o
			of.sizes = []int64{5, 30, 1_114}
			results, err := benchPDF(cmd.Context(), of)
			if err != nil {
				return err
			}
			return o.print(cmd.OutOrStdout(), results)
		},
	}
}

func benchPDF(ctx context.Context, o benchOptions) (results []result, err error) {
	fonts, err := bareFonts()
	if err != nil {
		return nil, err
	}
	clients := []int{1, runtime.GOMAXPROCS(0)}
	if clients[1] == 1 {
		clients = clients[:1]
	}
	for _, lines := range o.sizes {
		paper := benchPaper(int(lines))
		drawn, err := pdf.Draw(paper)
		if err != nil {
			return nil, err
		}
		bare, err := barePaper(fonts, paper, drawn.Pages)
		if err != nil {
			return nil, err
		}
		for _, n := range clients {
			ours := func(context.Context, int, int) error { _, err := pdf.Draw(paper); return err }
			floor := func(context.Context, int, int) error { _, err := barePaper(fonts, paper, drawn.Pages); return err }
			rate, p50, _, err := o.hold(ctx, contest{name: "draw", variant: fmt.Sprintf("%d lines, %d pages", lines, drawn.Pages), unit: "documents/s",
				clients: n, ours: func() work { return ours }, floor: func() work { return floor }})
			if err != nil {
				return nil, err
			}
			mib := func(rate float64, size int) float64 { return rate * float64(size) / (1 << 20) }
			results = append(results, rate, p50, result{"draw", rate.Variant, n, mib(rate.Value, len(drawn.Bytes)), "MiB/s", mib(rate.Floor, bare),
				mib(rate.Value, len(drawn.Bytes)) / mib(rate.Floor, bare)})
		}
	}
	return results, nil
}

// benchPaper is an invoice as wholesalers write them.
func benchPaper(lines int) pdf.Paper {
	p := pdf.Paper{Kind: "invoice", Language: "en-GB", Currency: "GBP", Number: "INV-20418",
		Issuer: pdf.Issuer{Name: "Calder & Vale Building Services Ltd", Address: []string{"Foundry Yard, Kirkstall Road", "Leeds LS4 2BB"},
			Payment: []string{"Sort code 04-00-04, account 12345678"}, Footer: "Registered in England and Wales."},
		Customer: pdf.Customer{Name: "Northgate Lettings", Number: "C-1042", Address: []string{"2 Park Row", "Leeds LS1 5HD"}},
		Facts:    []pdf.Fact{{Label: "issued_on", Date: "2026-10-31"}, {Label: "due_on", Date: "2026-11-14"}},
		Hash:     fmt.Sprintf("%064x", lines), VerifyURL: "https://portal.example/verify"}
	for i := range lines {
		p.Lines = append(p.Lines, domain.Line{SKU: fmt.Sprintf("P-%04d", i), Text: "Circulation pump, supplied and fitted", Quantity: "2",
			UnitPrice: domain.Decimal(fmt.Sprintf("%d.50", i+1)), TaxRate: "20", Minor: int64(i+1) * 201})
		p.Net += int64(i+1) * 201
	}
	p.Tax = []domain.TaxLine{{Code: "STD", Rate: "20", Net: p.Net, Minor: p.Net / 5}}
	p.Gross = p.Net + p.Net/5
	return p
}

func bareFonts() (*gopdf.FontContainer, error) {
	var fonts gopdf.FontContainer
	if err := fonts.AddTTFFontData("plain", liberationsansregular.TTF); err != nil {
		return nil, err
	}
	return &fonts, fonts.AddTTFFontData("bold", liberationsansbold.TTF)
}

// barePaper writes a paper's texts by the library alone, and answers the file's size.
func barePaper(fonts *gopdf.FontContainer, p pdf.Paper, pages int) (size int, err error) {
	var file gopdf.GoPdf
	file.Start(gopdf.Config{PageSize: *gopdf.PageSizeA4})
	do := func(step error) {
		if err == nil {
			err = step
		}
	}
	do(file.AddTTFFontFromFontContainer("plain", fonts))
	do(file.AddTTFFontFromFontContainer("bold", fonts))
	write := func(font string, x, y float64, texts ...string) {
		do(file.SetFont(font, "", 9))
		for i, text := range texts {
			file.SetXY(x+float64(i)*70, y)
			do(file.Text(text))
		}
	}
	for page := range pages {
		file.AddPage()
		write("bold", 48, 48, p.Issuer.Name, p.Number, "Item", "Description", "Qty", "Unit price", "Tax", "Amount (GBP)")
		write("plain", 48, 800, p.Issuer.Footer, p.VerifyURL, p.Hash, fmt.Sprint(page))
		from, to := page*len(p.Lines)/pages, (page+1)*len(p.Lines)/pages
		for i, l := range p.Lines[from:to] {
			write("plain", 48, float64(60+i*20), l.SKU, l.Text, string(l.Quantity), string(l.UnitPrice), string(l.TaxRate), domain.Money{Minor: l.Minor, Currency: p.Currency}.String())
		}
	}
	var b bytes.Buffer
	_, failed := file.WriteTo(&b)
	do(failed)
	return b.Len(), err
}
