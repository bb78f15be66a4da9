package phases

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"
)

// Level is how loud a line of the error log is; lower is louder.
type Level uint8

const (
	LevelStderr Level = iota
	LevelEmerg
	LevelAlert
	LevelCrit
	LevelError
	LevelWarn
	LevelNotice
	LevelInfo
	LevelDebug
)

var levelNames = [...]string{"stderr", "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"}

func (l Level) String() string { return levelNames[l] }

// ParseLevel reads a level's name.
func ParseLevel(name string) (Level, bool) {
	for i, n := range levelNames {
		if n == name && i > 0 {
			return Level(i), true
		}
	}
	return 0, false
}

// Logs holds the log files that are open, once each, for all configurations
// of a server.
type Logs struct {
	mu    sync.Mutex
	files map[string]*LogFile
	// Slog, when not nil, gets every line of the error log, as a Go program
	// that embeds the server wants it.
	Slog   *slog.Logger
	deflt  string
	Stderr io.Writer
}

// NewLogs returns an empty set. fallback is where errors go when no error_log
// is configured: a path, or "stderr".
func NewLogs(stderr io.Writer) *Logs { return &Logs{files: map[string]*LogFile{}, Stderr: stderr} }

func (ls *Logs) fallback(path string) {
	if path != "" {
		ls.deflt = path
	}
	if ls.deflt == "" {
		ls.deflt = "stderr"
	}
}

// LogFile is an open log; writes are whole lines.
type LogFile struct {
	path string
	mu   sync.Mutex
	w    io.Writer
	f    *os.File
	// buffer is flushed before the file is reopened or closed.
	buffer interface{ Flush() }
}

// Attach makes b, which writes to f, what is flushed before f is reopened or
// closed. The one before it is flushed and forgotten.
func (f *LogFile) Attach(b interface{ Flush() }) {
	f.mu.Lock()
	old := f.buffer
	f.buffer = b
	f.mu.Unlock()
	if old != nil {
		old.Flush()
	}
}

func (f *LogFile) flush() {
	f.mu.Lock()
	b := f.buffer
	f.mu.Unlock()
	if b != nil {
		b.Flush()
	}
}

// Open opens path for appending, or returns it if it is open already.
func (ls *Logs) Open(path string) (*LogFile, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if f := ls.files[path]; f != nil {
		return f, nil
	}
	f := &LogFile{path: path}
	if path == "stderr" || path == "/dev/stderr" {
		f.w = ls.Stderr
	} else if err := f.reopen(); err != nil {
		return nil, err
	}
	ls.files[path] = f
	return f, nil
}

// UsesStderr tells whether something is logged to the standard error.
func (ls *Logs) UsesStderr() bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, f := range ls.files {
		if f.f == nil {
			return true
		}
	}
	return false
}

func (f *LogFile) reopen() error {
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	f.mu.Lock()
	old := f.f
	f.f, f.w = file, file
	f.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

// Write appends one or more whole lines.
func (f *LogFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.w.Write(p)
}

// Reopen opens every file anew, for log rotation.
func (ls *Logs) Reopen() error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	var first error
	for _, f := range ls.files {
		if f.f == nil {
			continue
		}
		f.flush()
		if err := f.reopen(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Close closes every file.
func (ls *Logs) Close() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, f := range ls.files {
		f.flush()
		if f.f != nil {
			f.f.Close()
		}
	}
	ls.files = map[string]*LogFile{}
}

// logTarget is one error_log directive.
type logTarget struct {
	level Level
	w     io.Writer
}

// Logger is the error log of a location: one or more targets, each with its
// level. It is safe for concurrent use.
type Logger struct {
	targets []*logTarget
	slog    *slog.Logger
	max     Level
	capture *func(level Level, when time.Time, line []byte)
}

// Enabled tells whether any target takes lines of the level.
func (l *Logger) Enabled(level Level) bool {
	return level <= l.max || l.slog != nil && l.slog.Enabled(context.Background(), slogLevel(level))
}

// Level is the quietest level that is written.
func (l *Logger) Level() Level { return l.max }

// Log writes one line in nginx's form; conn is the connection's number, 0 for
// none.
func (l *Logger) Log(level Level, conn uint64, text string) {
	if level <= l.max {
		now := time.Now()
		line := AppendLogLine(make([]byte, 0, len(text)+64), now, level, conn, text)
		if l.capture != nil && *l.capture != nil {
			(*l.capture)(level, now, line)
		}
		for _, t := range l.targets {
			if level <= t.level {
				// A log that cannot be written has nowhere to say so.
				if s, ok := t.w.(*syslog); ok {
					_, _ = s.write(int(level)-1, line)
				} else {
					_, _ = t.w.Write(line)
				}
			}
		}
	}
	if l.slog != nil {
		l.slog.Log(context.Background(), slogLevel(level), text, "connection", conn)
	}
}

// Logf is Log with a format.
func (l *Logger) Logf(level Level, conn uint64, format string, a ...any) {
	if l.Enabled(level) {
		l.Log(level, conn, fmt.Sprintf(format, a...))
	}
}

func slogLevel(l Level) slog.Level {
	switch {
	case l <= LevelError:
		return slog.LevelError
	case l == LevelWarn:
		return slog.LevelWarn
	case l <= LevelInfo:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// AppendLogLine appends a line of the error log with its newline.
func AppendLogLine(dst []byte, now time.Time, level Level, conn uint64, text string) []byte {
	dst = now.AppendFormat(dst, "2006/01/02 15:04:05 [")
	dst = append(dst, level.String()...)
	dst = append(dst, "] "...)
	dst = strconv.AppendInt(dst, int64(os.Getpid()), 10)
	dst = append(dst, "#0: "...)
	if conn != 0 {
		dst = append(dst, '*')
		dst = strconv.AppendUint(dst, conn, 10)
		dst = append(dst, ' ')
	}
	dst = append(dst, text...)
	return append(dst, '\n')
}

// Log is the request's error log.
func (r *Request) Log() *Logger {
	if r.Client.Debug {
		return r.Loc.Core.ErrorLog.verbose()
	}
	return r.Loc.Core.ErrorLog
}

// LogEnabled tells whether lines of the level are written for the request.
func (r *Request) LogEnabled(level Level) bool { return r.Log().Enabled(level) }

// Errorf writes a line to the request's error log, followed by what nginx
// says of the request: client, server, request, upstream, host, referrer.
func (r *Request) Errorf(level Level, format string, a ...any) {
	if !r.LogEnabled(level) {
		return
	}
	line := fmt.Appendf(nil, format, a...)
	r.Log().Log(level, r.Client.ID, string(r.AppendSuffix(line)))
}

// AppendSuffix appends what the error log says of a request after the message.
func (r *Request) AppendSuffix(line []byte) []byte {
	line = fmt.Appendf(line, ", client: %s", r.Client.Name)
	if r.Server != nil {
		line = fmt.Appendf(line, ", server: %s", r.Server.Name)
	}
	if len(r.Main.RequestLine) > 0 {
		line = fmt.Appendf(line, ", request: \"%s\"", r.Main.RequestLine)
	}
	if !r.IsMain() {
		line = fmt.Appendf(line, ", subrequest: \"%s\"", r.URI)
	}
	if r.UpstreamName != "" {
		line = fmt.Appendf(line, ", upstream: \"%s\"", r.UpstreamName)
	}
	if host := r.Main.Field("Host"); host != nil {
		line = fmt.Appendf(line, ", host: \"%s\"", host)
	}
	if ref := r.Main.Field("Referer"); ref != nil {
		line = fmt.Appendf(line, ", referrer: \"%s\"", ref)
	}
	return line
}
