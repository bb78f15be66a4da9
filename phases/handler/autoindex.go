package handler

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// AutoIndexConf is what a location lists its directories like.
type AutoIndexConf struct {
	On        bool
	LocalTime bool
	ExactSize bool // on
	Format    int
}

const (
	listHTML = iota
	listJSON
	listJSONP
	listXML
)

// AutoIndex lists directories that no index file stands for.
var AutoIndex = phases.Define(phases.Spec[AutoIndexConf]{
	Name:    "autoindex",
	Default: func() AutoIndexConf { return AutoIndexConf{ExactSize: true} },
	Directives: []phases.Directive[AutoIndexConf]{
		phases.SetFlag("autoindex", inFiles, func(c *AutoIndexConf) *bool { return &c.On }),
		phases.SetEnum("autoindex_format", inFiles, func(c *AutoIndexConf) *int { return &c.Format }, "html", "json", "jsonp", "xml"),
		phases.SetFlag("autoindex_localtime", inFiles, func(c *AutoIndexConf) *bool { return &c.LocalTime }),
		phases.SetFlag("autoindex_exact_size", inFiles, func(c *AutoIndexConf) *bool { return &c.ExactSize }),
	},
	Active:   func(own *AutoIndexConf) bool { return own.On },
	Handlers: []phases.Hook[AutoIndexConf]{phases.At(phases.Content, autoIndex)},
})

var listTypes = [...]string{"text/html", "application/json", "application/javascript", "text/xml"}

func autoIndex(r *phases.Request, own *AutoIndexConf) phases.Result {
	if r.URI[len(r.URI)-1] != '/' || r.Method != "GET" && r.Method != "HEAD" {
		return phases.Declined
	}
	format, callback := own.Format, []byte(nil)
	if format == listJSONP {
		var ok bool
		if callback, ok = callbackName(r); !ok {
			return 400
		}
		if len(callback) == 0 {
			format = listJSON
		}
	}
	path, _, ok := r.FilePath()
	if !ok {
		return 500
	}
	files, res := readDirectory(r, string(path))
	if res != phases.Next {
		return res
	}
	r.Out.Status, r.Out.ContentType = 200, listTypes[format]
	if format == listXML {
		r.Out.Charset = "utf-8"
	}
	if err := r.SendHeader(); err != nil {
		return r.Result(err)
	}
	if r.Out.NoBody {
		return r.Finish()
	}
	var page []byte
	switch format {
	case listHTML:
		page = own.html(r, files)
	case listXML:
		page = listAsXML(files)
	case listJSON:
		page = listAsJSON(nil, files)
	case listJSONP:
		page = append(append([]byte("/* callback */\r\n"), callback...), '(')
		page = append(listAsJSON(page, files), ");"...)
	}
	if err := r.Send(phases.Chunk{Bytes: page, Last: r.IsMain(), End: true}); err != nil {
		return r.Result(err)
	}
	return phases.Done
}

// callbackName is the function that a JSONP client asks to be called.
func callbackName(r *phases.Request) ([]byte, bool) {
	const longest = 128
	name, _ := r.Arg("callback")
	if len(name) > longest {
		r.Errorf(phases.LevelInfo, "client sent too long callback name: \"%s\"", name)
		return nil, false
	}
	for _, c := range name {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("[]$._", c) >= 0 {
			continue
		}
		r.Errorf(phases.LevelInfo, "client sent invalid callback name: \"%s\"", name)
		return nil, false
	}
	return name, true
}

// readDirectory returns the files of a directory that are not hidden,
// directories first. The Result is Next unless they cannot be read.
func readDirectory(r *phases.Request, path string) ([]fs.FileInfo, phases.Result) {
	dir := path
	if len(dir) > 1 {
		dir = strings.TrimSuffix(dir, "/")
	}
	f, err := os.Open(dir)
	var names []string
	if err == nil {
		defer f.Close()
		names, err = f.Readdirnames(-1)
	}
	if err != nil {
		res, level := phases.FileStatus(err)
		r.Errorf(level, "opendir() \"%s\" failed (%s)", dir, phases.Errno(err))
		return nil, res
	}
	var files []fs.FileInfo
	for _, name := range names {
		if name[0] == '.' {
			continue
		}
		st, err := os.Stat(path + name)
		if errors.Is(err, fs.ErrNotExist) { // a link to nothing
			st, err = os.Lstat(path + name)
		}
		if err != nil {
			r.Errorf(phases.LevelCrit, "%s", phases.OpenError(err))
			if errors.Is(err, fs.ErrPermission) {
				continue
			}
			return nil, 500
		}
		files = append(files, st)
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		if a.IsDir() != b.IsDir() {
			if a.IsDir() {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name(), b.Name())
	})
	return files, phases.Next
}

func (own *AutoIndexConf) html(r *phases.Request, files []fs.FileInfo) []byte {
	const column = 50 // characters of the names
	wide := strings.EqualFold(r.Out.Charset, "utf-8")
	b := []byte("<html>\r\n<head><title>Index of ")
	b = http1.AppendHTML(b, r.URI)
	b = append(b, "</title></head>\r\n<body>\r\n<h1>Index of "...)
	b = http1.AppendHTML(b, r.URI)
	b = append(b, "</h1><hr><pre><a href=\"../\">../</a>\r\n"...)
	for _, f := range files {
		name := f.Name()
		b = http1.AppendEscaped(append(b, "<a href=\""...), name, http1.EscapeURIComponent)
		if f.IsDir() {
			b = append(b, '/')
		}
		b = append(b, "\">"...)
		length := len(name)
		if wide {
			length = utf8.RuneCountInString(name)
		}
		if length > column {
			b = append(http1.AppendHTML(b, cut(name, column-3, wide)), "..&gt;</a>"...)
		} else {
			b = http1.AppendHTML(b, name)
			if f.IsDir() && length < column {
				b = append(b, '/')
				length++
			}
			b = append(b, "</a>"...)
			b = append(b, strings.Repeat(" ", column-length)...)
		}
		t := f.ModTime().UTC()
		if own.LocalTime {
			t = f.ModTime().Local()
		}
		b = t.AppendFormat(append(b, ' '), "02-Jan-2006 15:04 ")
		b = append(own.appendSize(b, f), "\r\n"...)
	}
	return append(b, "</pre><hr></body>\r\n</html>\r\n"...)
}

// cut returns the first n characters of name, which are bytes unless wide.
func cut(name string, n int, wide bool) string {
	if !wide {
		return name[:n]
	}
	for i := range name {
		if n == 0 {
			return name[:i]
		}
		n--
	}
	return name
}

func (own *AutoIndexConf) appendSize(b []byte, f fs.FileInfo) []byte {
	size, unit := f.Size(), ""
	switch {
	case own.ExactSize && f.IsDir():
		return fmt.Appendf(b, "%19s", "-")
	case own.ExactSize:
		return fmt.Appendf(b, "%19d", size)
	case f.IsDir():
		return fmt.Appendf(b, "%7s", "-")
	case size > 1<<30-1:
		size, unit = (size+1<<29)>>30, "G"
	case size > 1<<20-1:
		size, unit = (size+1<<19)>>20, "M"
	case size > 9999:
		size, unit = (size+1<<9)>>10, "K"
	default:
		return fmt.Appendf(b, " %6d", size)
	}
	return fmt.Appendf(b, "%6d%s", size, unit)
}

func kindOf(f fs.FileInfo) string {
	switch {
	case f.IsDir():
		return "directory"
	case f.Mode().IsRegular():
		return "file"
	}
	return "other"
}

func listAsJSON(b []byte, files []fs.FileInfo) []byte {
	b = append(b, "[\r\n"...)
	for i, f := range files {
		if i > 0 {
			b = append(b, ",\r\n"...)
		}
		b = escapeJSON(append(b, `{ "name":"`...), []byte(f.Name()))
		b = append(append(append(b, `", "type":"`...), kindOf(f)...), `", "mtime":"`...)
		b = append(http1.AppendHTTPDate(b, f.ModTime()), '"')
		if f.Mode().IsRegular() {
			b = strconv.AppendInt(append(b, `, "size":`...), f.Size(), 10)
		}
		b = append(b, " }"...)
	}
	return append(b, "\r\n]"...)
}

func listAsXML(files []fs.FileInfo) []byte {
	b := []byte("<?xml version=\"1.0\"?>\r\n<list>\r\n")
	for _, f := range files {
		kind := kindOf(f)
		b = append(append(append(b, '<'), kind...), ` mtime="`...)
		b = append(f.ModTime().UTC().AppendFormat(b, time.RFC3339), '"')
		if f.Mode().IsRegular() {
			b = append(strconv.AppendInt(append(b, ` size="`...), f.Size(), 10), '"')
		}
		b = http1.AppendHTML(append(b, '>'), f.Name())
		b = append(append(append(b, "</"...), kind...), ">\r\n"...)
	}
	return append(b, "</list>\r\n"...)
}
