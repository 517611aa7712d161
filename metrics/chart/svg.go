package chart

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"runtime"
	"sync"

	"github.com/dop251/goja"
)

// Renderer draws charts to SVG for paper and mail: ECharts itself runs in an
// interpreter, without a browser. The same chart at the same size gives the same
// bytes. It is safe for many goroutines.
type Renderer struct {
	compile func() (*goja.Program, error)
	lock    sync.Mutex
	idle    []*interpreter
}

// interpreter is one JavaScript runtime with ECharts loaded. It is not safe for
// several goroutines.
type interpreter struct {
	vm   *goja.Runtime
	draw goja.Callable
}

// NewRenderer takes the script of ECharts, echarts.min.js. It is inert: the
// script is compiled for the first picture.
func NewRenderer(script []byte) *Renderer {
	return &Renderer{compile: sync.OnceValues(func() (*goja.Program, error) {
		return goja.Compile("echarts.min.js", string(script), false)
	})}
}

// host stands for what a browser has and ECharts asks for while it loads and
// draws. Nothing is ever called later: a picture is drawn within one call.
const host = `
var setTimeout = function () { return 0; }, clearTimeout = function () {};
var requestAnimationFrame = setTimeout, cancelAnimationFrame = clearTimeout;
var console = { log: clearTimeout, warn: clearTimeout, error: clearTimeout };
`

const drawing = `(function (option, width, height) {
  var chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: width, height: height });
  try {
    option = JSON.parse(option);
    option.animation = false;
    chart.setOption(option);
    // As chart.renderToSVGString does, but without what a mouse would change.
    return chart.getZr().painter.renderToString({ useViewBox: true, cssEmphasis: false, cssAnimation: false });
  } finally {
    chart.dispose();
  }
})`

// instance are the numbers that ECharts counts its pictures with; they begin the
// ids and class names of an SVG.
var instance = regexp.MustCompile(`\bzr[0-9]+-`)

// SVG draws a chart, in CSS pixels. Its ids begin with a hash of the chart, so
// that several can stand in one document.
func (r *Renderer) SVG(ctx context.Context, c Chart, width, height int) ([]byte, error) {
	if width < 1 || height < 1 {
		return nil, fmt.Errorf("draw SVG: %d × %d pixels is no size", width, height)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("draw SVG: %w", err)
	}
	in, err := r.take()
	if err != nil {
		return nil, fmt.Errorf("draw SVG: %w", err)
	}
	unhook := context.AfterFunc(ctx, func() { in.vm.Interrupt(ctx.Err()) })
	text, err := in.draw(goja.Undefined(), in.vm.ToValue(string(c.Option)), in.vm.ToValue(width), in.vm.ToValue(height))
	if !unhook() || err != nil {
		// One that was interrupted or has thrown may be in any state: it is not kept.
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("draw SVG: %w", err)
	}
	r.give(in)
	hash := sha256.New()
	fmt.Fprintf(hash, "%d %d ", width, height)
	_, _ = hash.Write(c.Option) // never fails
	prefix := "c" + hex.EncodeToString(hash.Sum(nil)[:6]) + "-"
	return bytes.TrimSpace(instance.ReplaceAll([]byte(text.String()), []byte(prefix))), nil
}

// take gives an interpreter to one goroutine.
func (r *Renderer) take() (*interpreter, error) {
	r.lock.Lock()
	if last := len(r.idle) - 1; last >= 0 {
		in := r.idle[last]
		r.idle = r.idle[:last]
		r.lock.Unlock()
		return in, nil
	}
	r.lock.Unlock()
	program, err := r.compile()
	if err != nil {
		return nil, fmt.Errorf("compile ECharts: %w", err)
	}
	vm := goja.New()
	// ECharts draws lots for names that are seen nowhere; here they are always the same.
	vm.SetRandSource(func() float64 { return 0.5 })
	if _, err := vm.RunString(host); err != nil {
		return nil, fmt.Errorf("load ECharts: %w", err)
	}
	if _, err := vm.RunProgram(program); err != nil {
		return nil, fmt.Errorf("load ECharts: %w", err)
	}
	draw, err := vm.RunString(drawing)
	if err != nil {
		return nil, fmt.Errorf("load ECharts: %w", err)
	}
	call, ok := goja.AssertFunction(draw)
	if !ok {
		return nil, fmt.Errorf("load ECharts: it defines no function")
	}
	return &interpreter{vm, call}, nil
}

// give keeps an interpreter for the next picture, unless there are enough.
func (r *Renderer) give(in *interpreter) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if len(r.idle) < runtime.GOMAXPROCS(0) {
		r.idle = append(r.idle, in)
	}
}
