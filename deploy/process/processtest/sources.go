// Package processtest is for tests that build the program and run it as a process.
package processtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Sources looks at each file under root, the folder of the module, that the program
// is made of. The program is built by a process of its own, so else `go test` would
// not know that a result in its cache is of another program.
func Sources(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "bin" || path != root && strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		}
		_, err = os.Stat(path)
		return err
	})
}
