// Package sample carries a small business to try Portico on: two days of the sales
// ledger of a British giftware wholesaler, 4,230 lines of 204 documents.
//
// It is part of Online Retail: Chen, D. (2015), Online Retail, UCI Machine Learning
// Repository, doi 10.24432/C5BW33, licensed under CC BY 4.0
// (https://creativecommons.org/licenses/by/4.0/). The lines of 2010-12-01 and
// 2011-08-12 were chosen; nothing in them was changed. What was paid of it, the names of
// eight of its customers and the year of trade in trade.go are made up.
package sample

import (
	"bytes"
	_ "embed"
	"io"
)

// Name is the file's name.
const Name = "online-retail-sample-2-days.csv.gz"

// Attribution is what must be shown with the data.
const Attribution = "Chen, D. (2015), Online Retail, UCI Machine Learning Repository, doi 10.24432/C5BW33, CC BY 4.0; two days chosen, lines unchanged"

//go:embed online-retail-sample-2-days.csv.gz
var file []byte

// Logo is the business's mark, a PNG of Portico's own.
//
//go:embed logo.png
var Logo []byte

// Open is the file, gzip-compressed, from its start.
func Open() io.ReadCloser { return io.NopCloser(bytes.NewReader(file)) }
