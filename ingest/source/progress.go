package source

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// every is how often a line is written where no bar can be drawn.
const every = 5 * time.Second

// progress shows how far an import is, by the bytes of its inputs.
type progress struct {
	out   io.Writer
	bar   *progressbar.ProgressBar // nil: lines
	now   func() time.Time
	next  time.Time
	total int64
	read  int64
}

func newProgress(o Options, name string, total int64) *progress {
	p := &progress{out: o.Progress, now: o.Now, total: total}
	switch {
	case p.out == nil:
		p.out = io.Discard
	case o.Terminal:
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription("import "+name),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetRenderBlankState(true), progressbar.OptionSetWidth(30))
	}
	p.next = p.now().Add(every)
	return p
}

// counted counts the bytes that are read.
type counted struct {
	io.Reader
	progress *progress
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.progress.read += int64(n)
	return n, err
}

// show tells the state; a bar or line is drawn at most as often as it helps.
func (p *progress) show(r *Result) error {
	if p.bar != nil {
		if err := p.bar.Set64(min(p.read, p.total)); err != nil {
			return fmt.Errorf("draw progress: %w", err)
		}
		return nil
	}
	if now := p.now(); !now.Before(p.next) {
		p.next = now.Add(every)
		return p.line(r)
	}
	return nil
}

func (p *progress) line(r *Result) error {
	percent := 100.0
	if p.total > 0 {
		percent = 100 * float64(p.read) / float64(p.total)
	}
	if _, err := fmt.Fprintf(p.out, "import %s: %.0f %%, %d rows, %d events, %d bad rows\n", r.Mapping, percent, r.Rows, r.Sent(), r.BadRows); err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	return nil
}

// end draws the last state.
func (p *progress) end(r *Result) error {
	if p.bar != nil {
		if err := p.bar.Finish(); err != nil {
			return fmt.Errorf("draw progress: %w", err)
		}
	}
	return p.line(r)
}
