package handler

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// AccessLogConf is the list of access_log; a nil one is "off".
type AccessLogConf struct{ logs conf.List[*accessLog] }

const inLog = conf.HTTP | conf.Server | conf.Location | conf.LocationIf | conf.LimitExcept

// AccessLog writes a line for each request when it has ended.
var AccessLog = phases.Define(phases.Spec[AccessLogConf]{
	Name: "access_log",
	Directives: []phases.Directive[AccessLogConf]{
		phases.Add("log_format", conf.HTTP, conf.AtLeast(2), addLogFormat),
		phases.Add("access_log", inLog, conf.AtLeast(1), addAccessLog),
		phases.Inert[AccessLogConf]("open_log_file_cache", inFiles, conf.Between(1, 4), "files whose names have variables are opened for each line", checkLogFileCache),
	},
	Active: func(own *AccessLogConf) bool {
		for _, l := range own.logs.Items {
			if l == nil {
				return false
			}
		}
		return len(own.logs.Items) > 0
	},
	Finish:   defaultAccessLog,
	Handlers: []phases.Hook[AccessLogConf]{phases.At(phases.Log, writeAccessLogs)},
	Init: func(cfg *phases.Config, _ *AccessLogConf) error {
		accessLogs.Of(cfg) // workers must only find it
		return nil
	},
	Stop: func(cfg *phases.Config, _ *actor.Worker) {
		for _, b := range accessLogs.Of(cfg).buffers {
			b.Flush()
		}
	},
})

// accessLogs holds a configuration's formats and the buffers of its logs, by
// name and by path.
var accessLogs = phases.NewConfigSlot[struct {
	formats map[string]*logFormat
	buffers map[string]*logBuffer
}]()

// accessLog is one access_log directive.
type accessLog struct {
	format *logFormat
	out    io.Writer
	// path takes the place of out when it has variables.
	path  *phases.Template
	cond  *phases.Template
	lines sync.Pool // of *[]byte
	// failed is the time of the last complaint that out cannot be written.
	mu     sync.Mutex
	failed time.Time
}

// logParams are the parameters behind a log's format.
type logParams struct {
	size  int64 // of the buffer
	flush time.Duration
	gzip  int
}

func addAccessLog(own *AccessLogConf, b *phases.Block, s *conf.Stmt) error {
	name := s.Args[0]
	if name == "off" {
		if len(s.Args) > 1 {
			return s.Errorf("invalid parameter \"%s\"", s.Args[1])
		}
		own.logs.Add(s, nil)
		return nil
	}
	l := &accessLog{}
	format := "combined"
	if len(s.Args) > 1 {
		format = s.Args[1]
	}
	var err error
	if l.format, err = findLogFormat(b, s, format); err != nil {
		return err
	}
	p, err := l.params(b, s)
	if err != nil {
		return err
	}
	syslog := strings.HasPrefix(name, "syslog:")
	switch {
	case !syslog && phases.HasVariables(name):
		if p.size > 0 {
			return s.Errorf("buffered logs cannot have variables in name")
		}
		l.path, err = b.Template(s, b.Path(name))
	case syslog && p.size > 0:
		return s.Errorf("logs to syslog cannot be buffered")
	case p.size > 0:
		l.out, err = openLogBuffer(b, s, name, p)
	default:
		l.out, err = b.OpenLog(s, name)
	}
	own.logs.Add(s, l)
	return err
}

func (l *accessLog) params(b *phases.Block, s *conf.Stmt) (p logParams, err error) {
	for _, arg := range s.Args[min(2, len(s.Args)):] {
		key, v, given := strings.Cut(arg, "=")
		ok := true
		switch {
		case key == "buffer" && given:
			if p.size, ok = conf.Size(v); !ok || p.size == 0 {
				return p, s.Errorf("invalid buffer size \"%s\"", v)
			}
		case key == "flush" && given:
			if p.flush, ok = conf.Msec(v); !ok || p.flush == 0 {
				return p, s.Errorf("invalid flush time \"%s\"", v)
			}
		case key == "gzip":
			p.gzip = 1
			if given {
				if p.gzip, ok = conf.Number(v); !ok || p.gzip < 1 || p.gzip > 9 {
					return p, s.Errorf("invalid compression level \"%s\"", v)
				}
			}
		case key == "if" && given:
			if l.cond, err = b.Template(s, v); err != nil {
				return p, err
			}
		default:
			return p, s.Errorf("invalid parameter \"%s\"", arg)
		}
	}
	if p.gzip > 0 && p.size == 0 {
		p.size = 64 << 10
	}
	if p.flush > 0 && p.size == 0 {
		return p, s.Errorf("no buffer is defined for access_log \"%s\"", s.Args[0])
	}
	return p, nil
}

// defaultAccessLog gives servers for which no log is configured nginx's own,
// if the directory of logs is there.
func defaultAccessLog(own *AccessLogConf, b *phases.Block) error {
	if b.Context != conf.Server || len(own.logs.Items) > 0 {
		return nil
	}
	const name = "logs/access.log"
	if _, err := os.Stat(b.Path("logs")); err != nil {
		return nil
	}
	format, err := findLogFormat(b, b.Stmt, "combined")
	if err != nil {
		return err
	}
	out, err := b.OpenLog(b.Stmt, name)
	own.logs.Items = []*accessLog{{format: format, out: out}}
	return err
}

// checkLogFileCache checks the parameters of open_log_file_cache.
func checkLogFileCache(s *conf.Stmt) error {
	limited := false
	for _, arg := range s.Args {
		key, v, _ := strings.Cut(arg, "=")
		ok := true
		switch key {
		case "max":
			var n int
			n, ok = conf.Number(v)
			ok, limited = ok && n > 0, true
		case "inactive", "valid":
			_, ok = conf.Sec(v)
		case "min_uses":
			_, ok = conf.Number(v)
		case "off":
			limited = true
		default:
			ok = false
		}
		if !ok {
			return s.Errorf("invalid \"open_log_file_cache\" parameter \"%s\"", arg)
		}
	}
	if !limited {
		return s.Errorf("\"open_log_file_cache\" must have \"max\" parameter")
	}
	return nil
}

func writeAccessLogs(r *phases.Request, own *AccessLogConf) phases.Result {
	for _, l := range own.logs.Items {
		if l.cond == nil || l.cond.True(r) {
			l.write(r)
		}
	}
	return phases.Declined
}

func (l *accessLog) write(r *phases.Request) {
	line, _ := l.lines.Get().(*[]byte)
	if line == nil {
		line = new([]byte)
	}
	*line = append(l.format.append(r, (*line)[:0]), '\n')
	var err error
	if l.path != nil {
		err = appendToFile(r, l.path.String(r), *line)
	} else {
		_, err = l.out.Write(*line)
	}
	l.lines.Put(line)
	if err != nil && l.complain(r.Worker.Now()) {
		r.Errorf(phases.LevelAlert, "%s", phases.OpenError(err))
	}
}

// complain tells whether a failure is worth a line: one a minute is.
func (l *accessLog) complain(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.failed) < time.Minute {
		return false
	}
	l.failed = now
	return true
}

// appendToFile writes to a log whose name came from a request. The server's
// root must exist: a host name that no directory stands for makes no file.
func appendToFile(r *phases.Request, path string, line []byte) error {
	root := string(r.AppendRoot(nil))
	if st, err := os.Stat(root); err != nil || !st.IsDir() {
		r.Errorf(phases.LevelError, "testing \"%s\" existence failed (%s)", root, phases.Errno(err))
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// logFormat is one log_format.
type logFormat struct{ parts []logPart }

type logPart struct {
	text   string
	get    func(r *phases.Request, dst []byte) ([]byte, bool) // nil: text
	escape func(dst, value []byte) []byte
	none   string // what stands for a variable without a value
}

const combinedFormat = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

func addLogFormat(own *AccessLogConf, b *phases.Block, s *conf.Stmt) error {
	all := accessLogs.Of(b.Config)
	name := s.Args[0]
	if all.formats[name] != nil || name == "combined" {
		return s.Errorf("duplicate \"log_format\" name \"%s\"", name)
	}
	texts := s.Args[1:]
	part := logPart{escape: escapeLog, none: "-"}
	if how, ok := strings.CutPrefix(texts[0], "escape="); ok {
		switch how {
		case "default":
		case "json":
			part = logPart{escape: escapeJSON}
		case "none":
			part = logPart{escape: func(dst, value []byte) []byte { return append(dst, value...) }}
		default:
			return s.Errorf("unknown log format escaping \"%s\"", how)
		}
		texts = texts[1:]
	}
	f, err := compileLogFormat(b, s, strings.Join(texts, ""), part)
	if err != nil {
		return err
	}
	if all.formats == nil {
		all.formats = map[string]*logFormat{}
	}
	all.formats[name] = f
	return nil
}

func findLogFormat(b *phases.Block, s *conf.Stmt, name string) (*logFormat, error) {
	all := accessLogs.Of(b.Config)
	if f := all.formats[name]; f != nil {
		return f, nil
	}
	for n, f := range all.formats {
		if strings.EqualFold(n, name) {
			return f, nil
		}
	}
	if !strings.EqualFold(name, "combined") {
		return nil, s.Errorf("unknown log format \"%s\"", name)
	}
	f, err := compileLogFormat(b, s, combinedFormat, logPart{escape: escapeLog, none: "-"})
	if err != nil {
		return nil, err
	}
	if all.formats == nil {
		all.formats = map[string]*logFormat{}
	}
	all.formats["combined"] = f
	return f, nil
}

// compileLogFormat cuts a format into texts and variables; v is the model of
// the parts for variables.
func compileLogFormat(b *phases.Block, s *conf.Stmt, text string, v logPart) (*logFormat, error) {
	f := &logFormat{}
	for text != "" {
		i := strings.IndexByte(text, '$')
		if i != 0 {
			if i < 0 {
				i = len(text)
			}
			f.parts = append(f.parts, logPart{text: text[:i]})
			text = text[i:]
			continue
		}
		name, rest, err := phases.CutVariable(s, text)
		if err != nil {
			return nil, err
		}
		text = rest
		if v.get, err = b.Reference(s, name); err != nil {
			return nil, err
		}
		f.parts = append(f.parts, v)
	}
	return f, nil
}

func (f *logFormat) append(r *phases.Request, dst []byte) []byte {
	for i := range f.parts {
		p := &f.parts[i]
		if p.get == nil {
			dst = append(dst, p.text...)
			continue
		}
		from := len(dst)
		var ok bool
		if dst, ok = p.get(r, dst); !ok {
			dst = append(dst[:from], p.none...)
			continue
		}
		for _, c := range dst[from:] {
			if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
				value := string(dst[from:])
				dst = p.escape(dst[:from], []byte(value))
				break
			}
		}
	}
	return dst
}

// escapeLog writes bytes that could forge a line or a field as \xHH.
func escapeLog(dst, value []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range value {
		if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// escapeJSON writes value so that it can stand in a JSON string.
func escapeJSON(dst, value []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range value {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			if c < 0x20 {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return dst
}
