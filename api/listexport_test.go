package api

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"net/url"
	"strings"
	"testing"
)

// A list's file holds what the list shows whoever asks, and no more; no cell of it runs in a
// spreadsheet; documents come together for those that are the asker's, or not at all.
func TestListsAsFilesHoldWhatTheListShows(t *testing.T) {
	d := newDesk(t)
	ours := d.issue("INV-1", `,"publish":true,"description":"=HYPERLINK(1)"`)
	hidden := d.issue("INV-2", "")
	d.settled()
	kim, _ := d.contactSession()
	rows := func(path string) [][]string {
		t.Helper()
		got := d.as(kim, "GET", path, "")
		all, err := csv.NewReader(got.Body).ReadAll()
		if got.Code != 200 || err != nil || !strings.HasPrefix(got.Header().Get("Content-Disposition"), "attachment") {
			t.Fatalf("%s: %d %v %v", path, got.Code, err, got.Header())
		}
		return all
	}
	if all := rows("/v1/invoice-export?text=inv"); len(all) != 2 || all[1][0] != "INV-1" || all[1][6] != "'=HYPERLINK(1)" || all[1][14] != ours || strings.Contains(all[1][10], ",") {
		t.Errorf("%q", all)
	}
	if all := rows("/v1/invoice-export?text=nothing"); len(all) != 1 {
		t.Errorf("%q", all)
	}
	if all := rows("/v1/customers/" + d.ours.customer.String() + "/statement/export"); len(all) < 4 || all[1][1] != "opening" || all[len(all)-1][1] != "closing" {
		t.Errorf("%q", all)
	}
	for path, want := range map[string]int{"/v1/customers/" + d.theirs.customer.String() + "/statement/export": 404, "/v1/invoice-documents?id=" + ours + "&id=" + hidden: 404, "/v1/invoice-documents": 422, "/v1/invoice-documents?id=x": 422} {
		if got := d.as(kim, "GET", path, ""); got.Code != want || strings.Contains(got.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d %v", path, got.Code, got.Header())
		}
	}
	got := d.as(kim, "GET", "/v1/invoice-documents?"+url.Values{"id": {ours, ours}}.Encode(), "")
	archive, err := zip.NewReader(bytes.NewReader(got.Body.Bytes()), int64(got.Body.Len()))
	if err != nil || len(archive.File) != 2 || archive.File[0].Name == archive.File[1].Name {
		t.Fatalf("%d %v %s", got.Code, err, d.log)
	}
	first, err := archive.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if pdf, err := io.ReadAll(first); err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("%v %.20q", err, pdf)
	}
}

// An amount below zero is none that a spreadsheet takes for a formula.
func TestCellsOfTables(t *testing.T) {
	var b strings.Builder
	out := table{csv.NewWriter(&b)}
	if err := out.row("=1+1", "@x", "-2.50", "-2+3", "Smith", ""); err != nil || out.end() != nil || b.String() != "'=1+1,'@x,-2.50,'-2+3,Smith,\n" {
		t.Errorf("%v %q", err, b.String())
	}
}
