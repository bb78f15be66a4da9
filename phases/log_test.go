package phases

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestSyslogParameters(t *testing.T) {
	for params, want := range map[string]string{
		"":                       "unknown syslog parameter",
		"tag=x":                  "no syslog server specified",
		"server=a,facility=nope": `unknown syslog facility "nope"`,
		"server=a,severity=nope": `unknown syslog severity "nope"`,
		"server=a,tag=" + strings.Repeat("x", 33): "alphanumeric",
		"server=a,tag=a-b":                        "alphanumeric",
		"server=a,what=1":                         `unknown syslog parameter "what=1"`,
	} {
		if _, err := newSyslog(&Config{Hostname: "host"}, params); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", params, err, want)
		}
	}
	for params, want := range map[string][2]string{
		"server=127.0.0.1": {"udp", "127.0.0.1:514"}, "server=127.0.0.1:1": {"udp", "127.0.0.1:1"}, "server=[::1]": {"udp", "[::1]:514"},
		"server=[::1]:1,nohostname": {"udp", "[::1]:1"}, "server=unix:/dev/log,tag=a_1,facility=kern,severity=error": {"unixgram", "/dev/log"},
	} {
		l, err := newSyslog(&Config{Hostname: "host"}, params)
		if err != nil || l.network != want[0] || l.addr != want[1] {
			t.Errorf("%s: %+v %v", params, l, err)
		}
	}
}

func FuzzSyslog(f *testing.F) {
	f.Add("server=127.0.0.1:514,facility=local7,tag=nginx,severity=info,nohostname")
	f.Fuzz(func(t *testing.T, params string) {
		l, err := newSyslog(&Config{Hostname: "host"}, params)
		if err == nil && (l.addr == "" || l.facility < 0 || l.facility > 23 || l.severity < 0 || l.severity > 7) {
			t.Errorf("%q: %+v", params, l)
		}
	})
}

// TestSyslog sends lines; nobody reads them, which must not make it wait.
func TestSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l, err := newSyslog(&Config{Hostname: "host"}, "server=unix:"+path+",tag=here,facility=local1,severity=notice")
	if err != nil {
		t.Fatal(err)
	}
	dropped := false
	for range 10000 {
		if _, err := l.Write([]byte("a line\n")); err != nil {
			dropped = true
			break
		}
	}
	if !dropped {
		t.Error("nothing was dropped")
	}
	buf := make([]byte, 256)
	n, _ := c.Read(buf)
	if !regexp.MustCompile(`^<141>\w{3} [ \d]\d \d\d:\d\d:\d\d host here: a line$`).Match(buf[:n]) {
		t.Errorf("%q", buf[:n])
	}
}

func TestLogReopens(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "error.log")
	logs := NewLogs(nil)
	f, err := logs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := logs.Open(path); again != f {
		t.Error("it is opened twice")
	}
	f.Write([]byte("one\n"))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("two\n"))
	if err := logs.Reopen(); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("three\n"))
	logs.Close()
	for name, want := range map[string]string{path + ".1": "one\ntwo\n", path: "three\n"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if _, err := logs.Open(filepath.Join(dir, "none/x")); err == nil || OpenError(err) != `open() "`+dir+`/none/x" failed (2: No such file or directory)` {
		t.Error(err)
	}
}

func TestLogger(t *testing.T) {
	var plain, structured bytes.Buffer
	l := &Logger{targets: []*logTarget{{LevelWarn, &plain}}, max: LevelWarn, slog: slog.New(slog.NewTextHandler(&structured, &slog.HandlerOptions{Level: slog.LevelInfo}))}
	for level, want := range map[Level]bool{LevelError: true, LevelWarn: true, LevelNotice: true, LevelDebug: false} {
		if l.Enabled(level) != want {
			t.Errorf("%s: %v", level, !want)
		}
	}
	l.Logf(LevelError, 7, "a %s", "mistake")
	l.Logf(LevelInfo, 0, "a word")
	l.Logf(LevelDebug, 0, "nothing")
	if !regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[error\] \d+#0: \*7 a mistake\n$`).Match(plain.Bytes()) {
		t.Errorf("%q", plain.String())
	}
	if s := structured.String(); !strings.Contains(s, `level=ERROR msg="a mistake" connection=7`) || !strings.Contains(s, "a word") || strings.Contains(s, "nothing") {
		t.Errorf("%q", s)
	}
	if line := AppendLogLine(nil, time.Time{}, LevelAlert, 0, "x"); !bytes.HasSuffix(line, []byte("#0: x\n")) {
		t.Errorf("%q", line)
	}
}
