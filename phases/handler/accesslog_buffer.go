package handler

import (
	"bytes"
	"compress/gzip"
	"io"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// logBuffer collects lines for a log: until it is full, flush has passed
// since the first of them, the log is reopened or the configuration goes.
// It is safe for concurrent use.
type logBuffer struct {
	logParams
	out   io.Writer
	mu    sync.Mutex
	lines []byte
	timer *time.Timer
}

// openLogBuffer returns the buffer of the log called name; all that log there
// share it and must agree about it.
func openLogBuffer(b *phases.Block, s *conf.Stmt, name string, p logParams) (*logBuffer, error) {
	all := accessLogs.Of(b.Config)
	path := b.Path(name)
	if old := all.buffers[path]; old != nil {
		if old.logParams != p {
			return nil, s.Errorf("access_log \"%s\" already defined with conflicting parameters", name)
		}
		return old, nil
	}
	out, err := b.OpenLog(s, name)
	if err != nil {
		return nil, err
	}
	l := &logBuffer{logParams: p, out: out}
	if f, ok := out.(*phases.LogFile); ok {
		f.Attach(l)
	}
	if all.buffers == nil {
		all.buffers = map[string]*logBuffer{}
	}
	all.buffers[path] = l
	return l, nil
}

func (l *logBuffer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if int64(len(l.lines)+len(line)) > l.size {
		err = l.flushLocked()
	}
	if int64(len(line)) > l.size {
		l.lines = append(l.lines, line...)
		if e := l.flushLocked(); err == nil {
			err = e
		}
		return len(line), err
	}
	if len(l.lines) == 0 && l.flush > 0 {
		if l.timer == nil {
			l.timer = time.AfterFunc(l.flush, l.Flush)
		} else {
			l.timer.Reset(l.flush)
		}
	}
	l.lines = append(l.lines, line...)
	return len(line), err
}

// Flush writes what has been collected. What cannot be written is lost, as in
// nginx.
func (l *logBuffer) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.flushLocked()
}

func (l *logBuffer) flushLocked() error {
	if l.timer != nil {
		l.timer.Stop()
	}
	if len(l.lines) == 0 {
		return nil
	}
	lines := l.lines
	l.lines = l.lines[:0]
	if l.gzip == 0 {
		_, err := l.out.Write(lines)
		return err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, l.gzip)
	if err != nil {
		return err
	}
	if _, err = z.Write(lines); err == nil {
		err = z.Close()
	}
	if err == nil {
		_, err = l.out.Write(packed.Bytes())
	}
	return err
}
