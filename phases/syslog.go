package phases

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

var syslogFacilities = strings.Fields("kern user mail daemon auth intern lpr news uucp clock authpriv ftp ntp audit alert cron local0 local1 local2 local3 local4 local5 local6 local7")

var syslogSeverities = strings.Fields("emerg alert crit error warn notice info debug")

// syslog sends lines to a syslog server by UDP or a unix socket (RFC 3164).
// What cannot be sent is dropped, as nginx does, and the main log told.
type syslog struct {
	cfg      *Config
	mu       sync.Mutex
	network  string
	addr     string
	facility int
	severity int
	tag      string
	host     string
	conn     net.Conn
}

func newSyslog(cfg *Config, params string) (*syslog, error) {
	l := &syslog{cfg: cfg, tag: "nginx", host: cfg.Hostname}
	facility, severity := 23, 6
	find := func(list []string, word string) int {
		for i, w := range list {
			if w == word {
				return i
			}
		}
		return -1
	}
	for _, p := range strings.Split(params, ",") {
		key, value, _ := strings.Cut(p, "=")
		switch key {
		case "server":
			l.network, l.addr = "udp", value
			if path, ok := strings.CutPrefix(value, "unix:"); ok {
				l.network, l.addr = "unixgram", path
			} else if !strings.Contains(value, ":") || strings.HasSuffix(value, "]") {
				l.addr += ":514"
			}
		case "facility":
			if facility = find(syslogFacilities, value); facility < 0 {
				return nil, fmt.Errorf("unknown syslog facility \"%s\"", value)
			}
		case "severity":
			if severity = find(syslogSeverities, value); severity < 0 {
				return nil, fmt.Errorf("unknown syslog severity \"%s\"", value)
			}
		case "tag":
			if len(value) > 32 || strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
				return nil, fmt.Errorf("syslog \"tag\" only allows alphanumeric characters and underscore")
			}
			l.tag = value
		case "nohostname":
			l.host = ""
		default:
			return nil, fmt.Errorf("unknown syslog parameter \"%s\"", p)
		}
	}
	if l.addr == "" {
		return nil, fmt.Errorf("no syslog server specified")
	}
	l.facility, l.severity = facility, severity
	return l, nil
}

// Write sends a line with the severity of the configuration.
func (l *syslog) Write(p []byte) (int, error) { return l.write(l.severity, p) }

func (l *syslog) write(severity int, p []byte) (int, error) {
	n, err := l.try(severity, p)
	if err != nil {
		l.tell(err)
	}
	return n, err
}

// tell writes why nothing was sent to the main log, but not to a syslog again.
func (l *syslog) tell(err error) {
	main := l.cfg.MainLog
	if main == nil {
		return
	}
	line := AppendLogLine(nil, time.Now(), LevelError, 0, "send() failed ("+Errno(err)+") while logging to syslog, server: "+l.addr)
	for _, t := range main.targets {
		if _, same := t.w.(*syslog); !same && LevelError <= t.level {
			_, _ = t.w.Write(line) // as far as it can
		}
	}
}

func (l *syslog) try(severity int, p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		c, err := net.Dial(l.network, l.addr)
		if err != nil {
			return 0, err
		}
		l.conn = c
	}
	head := fmt.Sprintf("<%d>%s ", l.facility*8+severity, time.Now().Format(time.Stamp))
	if l.host != "" {
		head += l.host + " "
	}
	line := strings.TrimSuffix(string(p), "\n")
	if err := l.send([]byte(head + l.tag + ": " + line)); err != nil {
		l.conn.Close()
		l.conn = nil
		return 0, err
	}
	return len(p), nil
}

// send tries once: a worker does not wait for a log.
func (l *syslog) send(b []byte) error {
	raw, err := l.conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var werr error
	if err := raw.Write(func(fd uintptr) bool {
		_, werr = syscall.Write(int(fd), b)
		return true
	}); err != nil {
		return err
	}
	return werr
}
