package phases

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"
)

// OpenFile opens a file for reading and tells what it is. Something that is
// not a regular file, a named pipe above all, does not make it wait.
func OpenFile(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
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
	case errors.Is(err, syscall.EACCES):
		return 403, LevelError
	}
	return 500, LevelCrit
}

// SendFile answers with the whole of a regular file, of which parts may be
// asked for.
func (r *Request) SendFile(f *os.File, st fs.FileInfo) Result {
	o := &r.Out
	o.Status, o.ContentLength = 200, st.Size()
	r.SetModified(st.ModTime(), st.Size())
	r.SetContentType()
	o.AllowRanges = true
	if err := r.SendHeader(); err != nil {
		return r.Result(err)
	}
	if o.NoBody {
		return r.Finish()
	}
	c := Chunk{Last: r.IsMain(), End: true}
	if st.Size() > 0 {
		c.File, c.Size = f, st.Size()
	}
	if err := r.Send(c); err != nil {
		return r.Result(err)
	}
	return Done
}

// SetModified gives the response the time and entity tag of a file that was
// modified at t and has size bytes.
func (r *Request) SetModified(t time.Time, size int64) {
	r.Out.LastModified = t
	if !r.Loc.Core.ETag {
		return
	}
	tag := make([]byte, 0, 32)
	tag = append(tag, '"')
	tag = strconv.AppendInt(tag, t.Unix(), 16)
	tag = append(tag, '-')
	tag = strconv.AppendInt(tag, size, 16)
	r.Out.Set("ETag", string(append(tag, '"')))
}
