package luahttpd

import (
	"bufio"
	"flag"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

var lensFlag = flag.String("lens", "", "run the script tests through this lens only")

// lens is one way to run the same cases: all must give the same answers.
type lens struct {
	name    string
	workers int
	step    int // bytes that the client writes at once; 0: all
	repeat  int // requests on one connection, sent at once
	reload  bool
	opts    []Option
}

var lenses = []lens{
	{name: "plain", workers: 1},
	{name: "onebyte", workers: 1, step: 1, opts: []Option{withSyscalls(actor.OneByte())}},
	{name: "pipelined", workers: 1, repeat: 3},
	{name: "workers", workers: 4},
	{name: "reload", workers: 2, reload: true},
}

// TestScripts runs the cases of testdata/*.t through every lens.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.t")
	if err != nil || len(files) == 0 {
		t.Fatal("no script tests", err)
	}
	for _, ln := range lenses {
		if *lensFlag != "" && *lensFlag != ln.name {
			continue
		}
		t.Run(ln.name, func(t *testing.T) {
			for _, file := range files {
				t.Run(strings.TrimSuffix(filepath.Base(file), ".t"), func(t *testing.T) {
					for _, b := range readBlocks(t, file) {
						t.Run(b.name, func(t *testing.T) { runBlock(t, b, ln) })
					}
				})
			}
		})
	}
}

func runBlock(t *testing.T, b *block, ln lens) {
	if only := strings.Fields(b.get("lens")); len(only) > 0 && ln.name != "plain" {
		t.Skipf("%s:%d: %s", b.file, b.line, strings.TrimSpace(b.get("lens")))
	}
	if ln.repeat > 1 && b.has("raw_request") {
		t.Skip("a raw request says itself what follows")
	}
	prefix := t.TempDir()
	b.writeFiles(t, prefix)
	ts := startServer(t, strings.ReplaceAll(b.configuration(ln.workers), "$PREFIX", prefix), prefix, ln.opts...)
	ts.expected = b.lines("error_log")
	rounds := 1
	if ln.reload {
		rounds = 2
	}
	for round := range rounds {
		if round > 0 {
			if err := ts.Reload(); err != nil {
				t.Fatal(err)
			}
		}
		payload := ""
		for range max(ln.repeat-1, 0) {
			p, err := b.payload(true)
			if err != nil {
				t.Fatal(err)
			}
			payload += p
		}
		last, err := b.payload(false)
		if err != nil {
			t.Fatal(err)
		}
		got := bufio.NewReader(strings.NewReader(ts.exchange(t, payload+last, ln.step)))
		for i := range max(ln.repeat, 1) {
			if !checkResponse(t, b, got, i) {
				break
			}
		}
	}
	checkLog(t, b, ts)
}

// checkResponse compares one response and says whether another may follow.
func checkResponse(t *testing.T, b *block, got *bufio.Reader, i int) bool {
	t.Helper()
	method, _, _ := strings.Cut(b.get("request"), " ")
	if method == "" {
		method = "GET"
	}
	resp, err := http.ReadResponse(got, &http.Request{Method: method})
	if b.get("status") == "none\n" {
		if err == nil {
			t.Errorf("%s:%d: want no response, got %s", b.file, b.line, resp.Status)
		}
		return false
	}
	if err != nil {
		t.Errorf("%s:%d: response %d: %v", b.file, b.line, i, err)
		return false
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil && b.get("status") != "cut\n" {
		t.Errorf("%s:%d: body of response %d: %v", b.file, b.line, i, err)
	}
	want := strings.TrimSpace(b.get("status"))
	if want == "" {
		want = "200"
	}
	if status := strings.TrimSpace(resp.Status); want != "cut" && !strings.HasPrefix(status, want) {
		t.Errorf("%s:%d: status %q, want %q", b.file, b.line, status, want)
	}
	for _, line := range b.lines("response_headers") {
		checkField(t, b, resp.Header, line)
	}
	for _, line := range b.lines("response_headers_like") {
		name, like, _ := strings.Cut(line, ": ")
		if got := strings.Join(resp.Header.Values(name), ", "); !regexp.MustCompile("^(?:" + like + ")$").MatchString(got) {
			t.Errorf("%s:%d: field %s: %q is not like %s", b.file, b.line, name, got, like)
		}
	}
	if b.has("response_body") && string(body) != b.get("response_body") {
		t.Errorf("%s:%d: body\n%q\nwant\n%q", b.file, b.line, body, b.get("response_body"))
	}
	for _, like := range b.lines("response_body_like") {
		if ok, err := regexp.MatchString(like, string(body)); !ok || err != nil {
			t.Errorf("%s:%d: body\n%q\nis not like %s (%v)", b.file, b.line, body, like, err)
		}
	}
	return !resp.Close && err == nil
}

func checkField(t *testing.T, b *block, h http.Header, line string) {
	t.Helper()
	if name, ok := strings.CutPrefix(line, "!"); ok {
		if v := h.Values(name); len(v) > 0 {
			t.Errorf("%s:%d: field %s: %q, want none", b.file, b.line, name, v)
		}
		return
	}
	name, want, _ := strings.Cut(line, ": ")
	if got := strings.Join(h.Values(name), ", "); got != want {
		t.Errorf("%s:%d: field %s: %q, want %q", b.file, b.line, name, got, want)
	}
}

// checkLog waits a moment for lines of the log phase.
func checkLog(t *testing.T, b *block, ts *testServer) {
	t.Helper()
	for _, want := range b.lines("error_log") {
		deadline := time.Now().Add(2 * time.Second)
		for !strings.Contains(ts.log.String(), want) && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		if log := ts.log.String(); !strings.Contains(log, want) {
			t.Errorf("%s:%d: the log lacks %q:\n%s", b.file, b.line, want, log)
		}
	}
	for _, line := range b.lines("no_error_log") {
		if strings.Contains(ts.log.String(), line) {
			t.Errorf("%s:%d: the log has %q:\n%s", b.file, b.line, line, ts.log.String())
		}
	}
}
