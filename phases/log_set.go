package phases

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
)

// addErrorLog is error_log: a file, stderr, syslog:…, and a level.
func addErrorLog(own *Core, b *Block, s *conf.Stmt) error {
	t := &logTarget{level: LevelError}
	if len(s.Args) > 2 {
		return s.Errorf("invalid number of arguments in \"error_log\" directive")
	}
	if len(s.Args) == 2 {
		level, ok := ParseLevel(s.Args[1])
		if !ok {
			return s.Errorf("invalid log level \"%s\"", s.Args[1])
		}
		t.level = level
	}
	w, err := b.OpenLog(s, s.Args[0])
	if err != nil {
		return err
	}
	t.w = w
	own.logs.Add(s, t)
	return nil
}

// OpenLog opens what a log directive names: a file below the prefix, "stderr"
// or "syslog:server=…".
func (b *Block) OpenLog(s *conf.Stmt, name string) (io.Writer, error) {
	if params, ok := strings.CutPrefix(name, "syslog:"); ok {
		w, err := newSyslog(b.Config, params)
		if err != nil {
			return nil, s.Errorf("%v", err)
		}
		return w, nil
	}
	if name != "stderr" {
		name = b.Path(name)
	}
	f, err := b.Config.Logs.Open(name)
	if err != nil {
		return nil, s.Errorf("%s", OpenError(err))
	}
	return f, nil
}

// OpenKeyLog opens the file of a directive like proxy_ssl_key_log as a log that
// only the server's user may read.
func (cfg *Config) OpenKeyLog(path string) (io.Writer, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		f.Close()
		var w io.Writer
		if w, err = cfg.Logs.Open(path); err == nil {
			return w, nil
		}
	}
	return nil, errors.New(OpenError(err))
}

// logger makes the error log of a block.
func (cfg *Config) logger(own *Core) *Logger {
	l := &Logger{targets: own.logs.Items, slog: cfg.Logs.Slog, capture: &cfg.CaptureLog}
	if len(l.targets) == 0 {
		path := cfg.Logs.deflt
		if path != "stderr" {
			path = join(cfg.Prefix, path)
		}
		if f, err := cfg.Logs.Open(path); err == nil {
			l.targets = []*logTarget{{LevelError, f}}
		}
	}
	for _, t := range l.targets {
		l.max = max(l.max, t.level)
	}
	return l
}
