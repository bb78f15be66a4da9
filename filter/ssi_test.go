package filter

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/phases"
)

func TestScanSSI(t *testing.T) {
	for _, c := range []struct {
		in      string
		n       int
		name    string
		params  []ssiParam
		invalid bool
	}{
		{"<!--#echo var=\"a\" -->x", 21, "echo", []ssiParam{{"var", "a"}}, false},
		{"<!--# Echo  VAR = 'a\"' b=\"\\\"\"-->", 32, "echo", []ssiParam{{"var", "a\""}, {"b", "\\\""}}, false},
		{"<!--#endif -->", 14, "endif", nil, false},
		{"<!--#endif-->", 13, "endif", nil, false},
		{"<!--#", 0, "", nil, false},
		{"<!--#echo", 0, "echo", nil, false},
		{"<!--#echo --", 0, "echo", nil, false},
		{"<!--#echo a", 0, "echo", nil, false},
		{"<!--#echo a=", 0, "echo", nil, false},
		{"<!--#echo a='-->", 0, "echo", nil, false},
		{"<!--#-->", 8, "", nil, true},
		{"<!--#echo a-->", 14, "echo", nil, true},
		{"<!--#echo a=b-->", 16, "echo", nil, true},
		{"<!--#echo ='b'-->", 17, "echo", nil, true},
		{"<!--#echo a='12345678901'-->", 28, "echo", nil, true},
	} {
		got, n := scanSSI([]byte(c.in), 10)
		if n != c.n || got.name != c.name || (got.invalid != "") != c.invalid || !c.invalid && len(got.params) != len(c.params) {
			t.Errorf("%q: %d %+v", c.in, n, got)
			continue
		}
		for i, p := range c.params {
			if got.params[i] != p {
				t.Errorf("%q: %q, want %q", c.in, got.params[i], p)
			}
		}
	}
}

// FuzzScanSSI: a command that is complete stays what it is when more follows,
// and one that is not complete may become one.
func FuzzScanSSI(f *testing.F) {
	for _, s := range []string{"echo var=\"a\" -->", "if expr='$a = /b/'-->x", " a='\\'", "--", "\\"} {
		f.Add(s, 5)
	}
	f.Fuzz(func(t *testing.T, s string, at int) {
		b := []byte("<!--#" + s)
		whole, n := scanSSI(b, 256)
		if n < 0 || n > len(b) {
			t.Fatalf("%d of %d bytes", n, len(b))
		}
		if n == 0 {
			return
		}
		again, m := scanSSI(b[:n], 256)
		if m != n || again.name != whole.name || again.invalid != whole.invalid {
			t.Errorf("%q: %d %v, then %d %v", b, n, whole, m, again)
		}
		if at > 0 && at < n {
			if _, m := scanSSI(b[:at], 256); m > 0 {
				t.Errorf("%q is complete after %d and after %d bytes", b, m, n)
			}
		}
	})
}

func TestAppendTime(t *testing.T) {
	at := time.Date(2026, 1, 4, 5, 6, 7, 0, time.FixedZone("GMT", 0)) // a Sunday
	for format, want := range map[string]string{
		"%A, %d-%b-%Y %H:%M:%S %Z": "Sunday, 04-Jan-2026 05:06:07 GMT",
		"%a %B %e %y %C":           "Sun January  4 26 20",
		"%s":                       "1767503167",
		"%F %T %z":                 "2026-01-04 05:06:07 +0000",
		"%I %l %k %p %j":           "05  5  5 AM 004",
		"%U %W %V %G %g %u %w":     "01 00 01 2026 26 7 0",
		"%%%n%t%Q%":                "%\n\t%Q%",
	} {
		if got := string(appendTime(nil, format, at)); got != want {
			t.Errorf("%q: %q, want %q", format, got, want)
		}
	}
}

// What a page's commands make the server keep is bounded.
func TestSSIKeepsLittle(t *testing.T) {
	st := newRunning(t, "ssi on;")
	long := strings.Repeat("x", 5<<20)
	set := `<!--#set var="v" value="` + strings.Repeat("y", 200) + `" -->`
	for name, body := range map[string]string{
		"a block":            `<!--#block name="b" -->` + long + `<!--#endblock -->end`,
		"a block and no end": `end<!--#block name="b" -->` + long,
		"values":             set + strings.Repeat(`<!--#set var="v" value="$v$v" -->`, 30) + `end`,
	} {
		st.content = pieces("text/html", []byte(body), 32<<10)
		var r phases.Request
		var s sink
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		st.get(&r, &s)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(&r) // it has what the page keeps
		got := s.body.String()
		if !strings.Contains(got, "end") || !strings.Contains(got, ssiErrorDefault) || len(got) > 4000 {
			t.Errorf("%s: %d bytes: %.200s", name, len(got), got)
		}
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2*ssiPageMax {
			t.Errorf("%s: %d MiB more", name, grown>>20)
		}
	}
}
