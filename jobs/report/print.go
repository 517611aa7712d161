package report

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ErrNoBrowser says that no Chromium was found to print with. The same document
// can be had as HTML.
var ErrNoBrowser = errors.New("no Chromium found to print with (install it, on Debian by apt-get install chromium)")

// browsers are the names of the program, as systems call it.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Browser finds the Chromium that prints: its path, or ErrNoBrowser.
func Browser() (string, error) {
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	for _, path := range []string{"/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", ErrNoBrowser
}

// closing is how long the browser's last processes may write into its folder
// after it was told to end.
const closing = 5 * time.Second

// Print makes a PDF of a self-contained document: A4, all that the document has
// and nothing from elsewhere. The browser has a profile of its own, reaches no
// network, and has ended when Print returns. What a PDF says of the time of its
// making is set to made, so that the same document gives the same bytes.
func Print(ctx context.Context, browser string, document []byte, made time.Time) (pdf []byte, err error) {
	folder, err := os.MkdirTemp("", "youzhi-report-")
	if err != nil {
		return nil, fmt.Errorf("print report: %w", err)
	}
	defer func() { err = errors.Join(err, remove(ctx, folder)) }()
	file := filepath.Join(folder, "report.html")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		return nil, fmt.Errorf("print report: %w", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser), chromedp.UserDataDir(filepath.Join(folder, "profile")), chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-domain-reliability", true), chromedp.Flag("no-pings", true),
		chromedp.Flag("disable-quic", true),
		// No name resolves, not even an address: there is nowhere to go.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), chromedp.Flag("proxy-server", "http://0.0.0.0:1"), chromedp.Flag("proxy-bypass-list", "<-loopback>"),
		// The same type at every screen and in every zone.
		chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("lang", "en-US"),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's own rule for root
	}
	allocator, endAllocator := chromedp.NewExecAllocator(ctx, options...)
	defer endAllocator()
	tab, endTab := chromedp.NewContext(allocator)
	defer endTab()
	address := url.URL{Scheme: "file", Path: file}
	if err := chromedp.Do(tab, chromedp.Navigate(address.String())); err != nil {
		return nil, fmt.Errorf("print report: open the document in %s: %w", browser, err)
	}
	// Typefaces are read beside the page; without them it would be set in another one.
	loaded, err := chromedp.Call(tab, runtime.Evaluate, runtime.EvaluateParams{
		Expression: "document.fonts.ready.then(fonts => [...fonts].filter(f => f.status == 'error').length)", AwaitPromise: new(true), ReturnByValue: new(true),
	})
	if err != nil {
		return nil, fmt.Errorf("print report: load the typefaces: %w", err)
	}
	if loaded.ExceptionDetails != nil || string(loaded.Result.Value) != "0" {
		return nil, fmt.Errorf("print report: the typefaces could not be read: %s", loaded.Result.Value)
	}
	pdf, err = chromedp.Run(tab, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), chromedp.PDFPrintBackground(), chromedp.PDFOutlineAndTagged()))
	if err != nil {
		return nil, fmt.Errorf("print report: %w", err)
	}
	// Told to end, the browser closes by itself; the deferred calls see to the rest.
	if err := chromedp.Cancel(tab); err != nil {
		return nil, fmt.Errorf("print report: end the browser: %w", err)
	}
	return settle(pdf, made)
}

// remove takes a folder away that the browser's last processes may still write to.
func remove(ctx context.Context, folder string) error {
	deadline := time.NewTimer(closing)
	defer deadline.Stop()
	for {
		err := os.RemoveAll(folder)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline.C:
			return fmt.Errorf("print report: %w", err)
		case <-ctx.Done():
			return errors.Join(os.RemoveAll(folder), ctx.Err())
		}
	}
}
