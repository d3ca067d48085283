package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bar shows how far long work is: a bar on a terminal, a plain line now and then elsewhere.
type bar struct {
	out   io.Writer
	what  string
	on    *progressbar.ProgressBar // nil if out is no terminal
	last  time.Time
	total int64
}

// plainEvery is how often a line is written where there is no terminal.
const plainEvery = 5 * time.Second

func newBar(out io.Writer, what string) *bar {
	b := &bar{out: out, what: what, last: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.on = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	return b
}

func (b *bar) describe(what string) {
	if b.what = what; b.on != nil {
		b.on.Describe(what)
	}
}

func (b *bar) set(done, total int64) {
	switch {
	case b.on != nil:
		if total > 0 && total != b.total {
			b.on.ChangeMax64(total)
			b.total = total
		}
		_ = b.on.Set64(done)
	case time.Since(b.last) >= plainEvery:
		b.last = time.Now()
		if total > 0 {
			fmt.Fprintf(b.out, "%s: %d of %d\n", b.what, done, total)
		} else {
			fmt.Fprintf(b.out, "%s: %d\n", b.what, done)
		}
	}
}

func (b *bar) finish() {
	if b.on != nil {
		_ = b.on.Finish()
	}
}
