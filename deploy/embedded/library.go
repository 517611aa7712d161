package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// ErrNoEngine says that libchdb.so was not found. Its text names the command
// that gets it.
var ErrNoEngine = errors.New("the ClickHouse engine is missing")

// EngineVariable is the environment variable that names the engine's file.
const EngineVariable = "YOUZHI_ENGINE"

// EnginePath finds libchdb.so: the file named by YOUZHI_ENGINE if that is set,
// else the npm package of this platform in a node_modules folder beside the
// program or in a folder above it, else in the working folder or above it. The
// error wraps ErrNoEngine.
func EnginePath() (string, error) {
	if named := os.Getenv(EngineVariable); named != "" {
		info, err := os.Stat(named)
		if err != nil {
			return "", fmt.Errorf("%w: %s names %s: %w", ErrNoEngine, EngineVariable, named, err)
		}
		if !info.Mode().IsRegular() {
			return "", fmt.Errorf("%w: %s names %s, which is not a file", ErrNoEngine, EngineVariable, named)
		}
		return named, nil
	}
	var starts []string
	if program, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(program); err == nil {
			program = resolved
		}
		starts = append(starts, filepath.Dir(program))
	}
	if working, err := os.Getwd(); err == nil {
		starts = append(starts, working)
	}
	for _, start := range starts {
		for folder := start; ; folder = filepath.Dir(folder) {
			path := filepath.Join(folder, "node_modules", "@chdb", enginePackage(), "libchdb.so")
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path, nil
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
				return "", fmt.Errorf("look for the ClickHouse engine: %w", err)
			}
			if folder == filepath.Dir(folder) {
				break
			}
		}
	}
	return "", fmt.Errorf("%w: no node_modules/@chdb/%s/libchdb.so beside the program or the working folder or above them: run 'make setup', or name the file by %s",
		ErrNoEngine, enginePackage(), EngineVariable)
}

// enginePackage is the name of the npm package that holds the engine for this
// platform, without its scope.
func enginePackage() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	name := "lib-" + runtime.GOOS + "-" + arch
	if runtime.GOOS == "linux" {
		name += "-gnu"
	}
	return name
}

// library is libchdb's C interface, as far as it is used here. Handles are
// pointers that belong to the engine; uintptr keeps the garbage collector's
// hands off them. Lengths are explicit throughout, so text may hold any byte.
type library struct {
	connect func(argc int32, argv unsafe.Pointer) uintptr
	// closeConn takes the pointer that connect gave.
	closeConn func(conn uintptr)

	query func(conn uintptr, text unsafe.Pointer, textLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) uintptr
	stream func(conn uintptr, text unsafe.Pointer, textLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) uintptr
	fetch        func(conn, stream uintptr) uintptr
	cancelStream func(conn, stream uintptr)

	insert func(conn uintptr, text unsafe.Pointer, textLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) uintptr
	appendInsert  func(insert uintptr, data unsafe.Pointer, length uintptr) int32
	finishInsert  func(insert uintptr) uintptr
	cancelInsert  func(insert uintptr)
	insertError   func(insert uintptr) uintptr
	destroyInsert func(insert uintptr)

	resultBuffer       func(result uintptr) uintptr
	resultLength       func(result uintptr) uintptr
	resultError        func(result uintptr) uintptr
	resultRowsRead     func(result uintptr) uint64
	resultBytesRead    func(result uintptr) uint64
	resultRowsWritten  func(result uintptr) uint64
	resultBytesWritten func(result uintptr) uint64
	destroyResult      func(result uintptr)

	classify func(conn uintptr, text unsafe.Pointer, textLen uintptr, database unsafe.Pointer, databaseLen uintptr,
		analysis unsafe.Pointer) int32
}

// loadLibrary loads the engine into the process, once: half a gigabyte is
// mapped, and it cannot be taken out again.
var loadLibrary = sync.OnceValues(func() (*library, error) {
	path, err := EnginePath()
	if err != nil {
		return nil, err
	}
	if err := setZone(); err != nil {
		return nil, err
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load the ClickHouse engine %s: %w", path, err)
	}
	lib := new(library)
	for _, entry := range []struct {
		function any
		symbol   string
	}{
		{&lib.connect, "chdb_connect"},
		{&lib.closeConn, "chdb_close_conn"},
		{&lib.query, "chdb_query_with_params_n"},
		{&lib.stream, "chdb_stream_query_with_params_n"},
		{&lib.fetch, "chdb_stream_fetch_result"},
		{&lib.cancelStream, "chdb_stream_cancel_query"},
		{&lib.insert, "chdb_stream_insert_with_params_n"},
		{&lib.appendInsert, "chdb_stream_append"},
		{&lib.finishInsert, "chdb_stream_done"},
		{&lib.cancelInsert, "chdb_stream_cancel_insert"},
		{&lib.insertError, "chdb_stream_insert_error"},
		{&lib.destroyInsert, "chdb_destroy_insert_stream"},
		{&lib.resultBuffer, "chdb_result_buffer"},
		{&lib.resultLength, "chdb_result_length"},
		{&lib.resultError, "chdb_result_error"},
		{&lib.resultRowsRead, "chdb_result_storage_rows_read"},
		{&lib.resultBytesRead, "chdb_result_storage_bytes_read"},
		{&lib.resultRowsWritten, "chdb_result_rows_written"},
		{&lib.resultBytesWritten, "chdb_result_bytes_written"},
		{&lib.destroyResult, "chdb_destroy_query_result"},
		{&lib.classify, "chdb_classify_query_n"},
	} {
		// RegisterLibFunc panics on a missing symbol, so look first: an engine
		// of another version is a mistake in the set-up, to be named.
		address, err := purego.Dlsym(handle, entry.symbol)
		if err != nil {
			return nil, fmt.Errorf("the ClickHouse engine %s has no %s: take the version that package-lock.json names: %w", path, entry.symbol, err)
		}
		purego.RegisterFunc(entry.function, address)
	}
	return lib, nil
})

// setZone makes UTC the engine's zone: a machine's own must not decide what a
// DateTime without a zone means. The engine reads it from the C library's
// environment, which is not that of Go, when it first needs it.
func setZone() error {
	address, err := purego.Dlsym(purego.RTLD_DEFAULT, "setenv")
	if err != nil {
		return fmt.Errorf("set the ClickHouse engine's time zone: %w", err)
	}
	var setenv func(name, value string, overwrite int32) int32
	purego.RegisterFunc(&setenv, address)
	if setenv("TZ", "UTC", 1) != 0 {
		return errors.New("set the ClickHouse engine's time zone: setenv failed")
	}
	return nil
}

// engineText copies a C string that belongs to the engine.
func engineText(address uintptr) string {
	if address == 0 {
		return ""
	}
	length := 0
	for *(*byte)(pointer(address + uintptr(length))) != 0 {
		length++
	}
	return string(unsafe.Slice((*byte)(pointer(address)), length))
}

// pointer turns an address that the engine gave into a pointer. The memory is
// the engine's, not the garbage collector's, so the address cannot move; the
// detour keeps vet's rule for Go's own memory out of it.
func pointer(address uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}
