package phases

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// OpenFile opens a file for reading and tells what it is. Something that is
// not a regular file, a named pipe above all, does not make it wait.
func OpenFile(path string) (*os.File, fs.FileInfo, error) {
	return withInfo(os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0))
}

// withInfo adds what an opened file is.
func withInfo(f *os.File, err error) (*os.File, fs.FileInfo, error) {
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, st, nil
}

// OpenFile is the function OpenFile for a file of the location, as
// disable_symlinks says.
func (r *Request) OpenFile(path string) (*os.File, fs.FileInfo, error) {
	c := r.Loc.Core
	if c.Symlinks == SymlinksFollow {
		return OpenFile(path)
	}
	return withInfo(actor.OpenUnlinked(path, r.linksFrom(path), c.Symlinks == SymlinksOwned, false))
}

// StatFile tells what a file of the location is, as disable_symlinks says.
func (r *Request) StatFile(path string) (fs.FileInfo, error) {
	c := r.Loc.Core
	if c.Symlinks == SymlinksFollow {
		return os.Stat(path)
	}
	f, err := actor.OpenUnlinked(path, r.linksFrom(path), c.Symlinks == SymlinksOwned, true)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			pe.Op = "stat"
		}
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// linksFrom is how much of a path may have links in any case.
func (r *Request) linksFrom(path string) int {
	t := r.Loc.Core.SymlinksFrom
	if t == nil {
		return 0
	}
	from := strings.TrimRight(t.String(r), "/")
	if strings.HasPrefix(path, from) && (len(path) == len(from) || path[len(from)] == '/') {
		return len(from)
	}
	return 0
}

// NoSuchFile tells whether a file operation failed because there is nothing
// under the name, whatever the reason.
func NoSuchFile(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// FileStatus is what a request is answered with whose file cannot be opened,
// and the level at which the log says so.
func FileStatus(err error) (Result, Level) {
	switch {
	case NoSuchFile(err):
		return 404, LevelError
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.ELOOP):
		return 403, LevelError
	}
	return 500, LevelCrit
}

// SendFile answers with the whole of a regular file of size bytes that was
// modified at t, of which parts may be asked for. tag is its FileTag.
func (r *Request) SendFile(f *os.File, size int64, t time.Time, tag string) Result {
	o := &r.Out
	o.Status, o.ContentLength, o.LastModified = 200, size, t
	if r.Loc.Core.ETag {
		o.Set("ETag", tag)
	}
	r.SetContentType()
	o.AllowRanges = true
	if err := r.SendHeader(); err != nil {
		return r.Result(err)
	}
	if o.NoBody {
		return r.Finish()
	}
	c := Chunk{Last: r.IsMain(), End: true}
	if size > 0 {
		c.File, c.Size = f, size
	}
	if err := r.Send(c); err != nil {
		return r.Result(err)
	}
	return Done
}

// FileTag is the entity tag of a file, in nginx's form.
func FileTag(t time.Time, size int64) string {
	tag := make([]byte, 0, 32)
	tag = append(tag, '"')
	tag = strconv.AppendInt(tag, t.Unix(), 16)
	tag = append(tag, '-')
	tag = strconv.AppendInt(tag, size, 16)
	return string(append(tag, '"'))
}
