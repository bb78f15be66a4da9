package filter

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// sink is a Stream that keeps what it is sent.
type sink struct {
	phases.Stream
	body  bytes.Buffer
	files int // chunks that came as file ranges
	ended int
}

func (s *sink) SendHead(r *phases.Request) error {
	r.Out.Chunking = r.Out.ContentLength < 0
	r.SetHeadLength(0)
	return nil
}

func (s *sink) Send(r *phases.Request, c phases.Chunk) error {
	if c.File != nil {
		s.files++
	}
	if c.Last {
		s.ended++
	}
	return new(room).each(c, func(b []byte) error {
		_, err := s.body.Write(b)
		return err
	})
}

func (s *sink) Abort() {}

// site is a server of one location whose content the test makes.
type site struct {
	cfg     *phases.Config
	w       *actor.Worker
	content func(r *phases.Request) phases.Result
	client  phases.Client
	path    []byte
}

type produced struct{}

func newSite(t testing.TB, directives string) *site {
	t.Helper()
	st := &site{path: []byte("/")}
	source := phases.Define(phases.Spec[produced]{
		Name: "produced",
		Directives: []phases.Directive[produced]{
			phases.Set("produce", conf.Location, conf.Exactly(0), func(_ *produced, b *phases.Block, s *conf.Stmt) error { return b.UseContent(s) }),
		},
		Content: func(r *phases.Request, _ *produced) phases.Result { return st.content(r) },
	})
	modules := []phases.Module{phases.CoreModule, phases.ProcessModule, Ranges, Gzip, Zstd, Brotli, phases.Postpone, GzipStatic, source,
		Charset, SSI, SubFilter, Addition, Gunzip, Headers, HeadersMoreInput, HeadersMore, NotModified}
	dir := t.TempDir()
	file, err := conf.Parse("nginx.conf", []byte("events {}\nhttp { charset_map koi8-r utf-8 { C0 D18E; } server { location / { produce; "+directives+"\n} } }"), conf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st.cfg, err = phases.Compile(file, filepath.Join(dir, "nginx.conf"), phases.Options{Modules: modules, Prefix: dir, Logs: phases.NewLogs(io.Discard)})
	if err != nil {
		t.Fatal(err)
	}
	if st.w, err = actor.NewWorker(0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.w.Close() })
	return st
}

// newRunning is newSite with its worker at work.
func newRunning(t testing.TB, directives string) *site {
	st := newSite(t, directives)
	go st.w.Run()
	return st
}

// get answers a request with the given fields on the site's worker.
func (st *site) get(r *phases.Request, s *sink, fields ...string) {
	ended := make(chan struct{})
	st.w.Post(actor.TaskFunc(func(w *actor.Worker) {
		w.Go(func() {
			defer close(ended)
			st.answer(r, s, fields...)
		})
	}))
	<-ended
}

func (st *site) answer(r *phases.Request, s *sink, fields ...string) {
	r.Init(st.cfg, st.w, &st.client, s)
	r.Server, r.Method, r.URI, r.Major, r.Minor = st.cfg.Servers[0], "GET", st.path, 1, 1
	for i := 0; i < len(fields); i += 2 {
		r.Fields = append(r.Fields, http1.Field{Name: []byte(fields[i]), Value: []byte(fields[i+1])})
	}
	r.Run()
}

// pieces makes a content that sends body in pieces of n bytes.
func pieces(contentType string, body []byte, n int) func(r *phases.Request) phases.Result {
	return func(r *phases.Request) phases.Result {
		r.Out.ContentType = contentType
		for rest := body; len(rest) > 0; {
			k := min(n, len(rest))
			if err := r.Send(phases.Chunk{Bytes: rest[:k]}); err != nil {
				return r.Result(err)
			}
			rest = rest[k:]
		}
		return phases.Done
	}
}

func TestGzipAndBack(t *testing.T) {
	zip, unzip := newRunning(t, "gzip on; gzip_types *; gzip_min_length 0;"), newRunning(t, "gunzip on;")
	for _, size := range []int{0, 1, 100, 1 << 20} {
		body := bytes.Repeat([]byte("compress me, "), size/13+1)[:size]
		for _, n := range []int{1 << 30, 4096, 700} {
			var r phases.Request
			var packed, plain sink
			zip.content = pieces("text/x", body, n)
			zip.get(&r, &packed, "Accept-Encoding", "gzip")
			if v, _ := r.Out.Get("Content-Encoding"); v != "gzip" || packed.ended != 1 {
				t.Fatalf("%d bytes by %d: encoding %q, ended %d times", size, n, v, packed.ended)
			}
			unzip.content = func(r *phases.Request) phases.Result {
				r.Out.Set("Content-Encoding", "gzip")
				return pieces("text/x", packed.body.Bytes(), n)(r)
			}
			unzip.get(&r, &plain)
			if !bytes.Equal(plain.body.Bytes(), body) || plain.ended != 1 {
				t.Errorf("%d bytes by %d: got %d back, ended %d times", size, n, plain.body.Len(), plain.ended)
			}
		}
	}
}

// A flush lets the client see everything so far.
func TestGzipFlush(t *testing.T) {
	st := newRunning(t, "gzip on; gzip_types *; gzip_min_length 0;")
	var s sink
	st.content = func(r *phases.Request) phases.Result {
		for _, text := range []string{"first", "second"} {
			if err := r.Send(phases.Chunk{Bytes: []byte(text), Flush: true}); err != nil {
				return r.Result(err)
			}
			zr, err := gzip.NewReader(bytes.NewReader(s.body.Bytes()))
			if err != nil {
				t.Error(err)
				return 500
			}
			got, err := io.ReadAll(zr)
			if !bytes.HasSuffix(got, []byte(text)) || err != io.ErrUnexpectedEOF {
				t.Errorf("after %q: %q %v", text, got, err)
			}
		}
		return phases.Done
	}
	var r phases.Request
	st.get(&r, &s, "Accept-Encoding", "gzip")
}

func TestNextDaily(t *testing.T) {
	zone := time.FixedZone("x", 3600)
	for _, c := range []struct {
		now, want string
		at        time.Duration
	}{
		{"2026-01-31T10:00:00", "2026-01-31T15:30:00", 15*time.Hour + 30*time.Minute},
		{"2026-01-31T15:30:00", "2026-02-01T15:30:00", 15*time.Hour + 30*time.Minute},
		{"2026-01-31T23:59:59", "2026-02-01T00:00:00", 0},
	} {
		now, err := time.ParseInLocation("2006-01-02T15:04:05", c.now, zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := nextDaily(now, c.at).Format("2006-01-02T15:04:05"); got != c.want {
			t.Errorf("at %v after %s: %s, want %s", c.at, c.now, got, c.want)
		}
	}
}

func TestGunzipRefusesRubbish(t *testing.T) {
	st := newRunning(t, "gunzip on;")
	for _, body := range []string{"not gzip at all", "\x1f\x8b\x08\x00"} {
		var r phases.Request
		var s sink
		st.content = func(r *phases.Request) phases.Result {
			r.Out.Set("Content-Encoding", "gzip")
			return pieces("text/x", []byte(body), 3)(r)
		}
		st.get(&r, &s)
		if s.ended != 0 {
			t.Errorf("%q: the response was completed with %q", body, s.body.String())
		}
	}
}

func TestRangesOfFilesStayFileRanges(t *testing.T) {
	st := newRunning(t, "")
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	st.content = func(r *phases.Request) phases.Result {
		f, info, err := phases.OpenFile(path)
		if err != nil {
			return 500
		}
		defer f.Close()
		return r.SendFile(f, info.Size(), info.ModTime(), phases.FileTag(info.ModTime(), info.Size()))
	}
	for _, c := range []struct {
		field, body string
		status      int
		files       int
	}{
		{"bytes=0-0", "0", 206, 1},
		{"bytes=4-", "456789", 206, 1},
		{"bytes=-1", "9", 206, 1},
		{"bytes=2-3,7-8", "", 206, 2},
		{"bytes=0-9,0-9", "0123456789", 200, 1},
		{"lines=1-2", "0123456789", 200, 1},
	} {
		var r phases.Request
		var s sink
		st.get(&r, &s, "Range", c.field)
		if r.Out.Status != c.status || s.files != c.files || c.body != "" && s.body.String() != c.body || s.ended != 1 {
			t.Errorf("%s: status %d, %d files, body %q, ended %d", c.field, r.Out.Status, s.files, s.body.String(), s.ended)
		}
		if r.Out.ContentLength != int64(s.body.Len()) {
			t.Errorf("%s: length %d promised, %d sent", c.field, r.Out.ContentLength, s.body.Len())
		}
	}
}

func TestRangesOfPieces(t *testing.T) {
	st := newRunning(t, "")
	body := []byte("0123456789")
	for _, c := range []struct{ field, like string }{
		{"bytes=2-7", "234567"},
		{"bytes=1-2,4-4,8-", "12|4|89"},
	} {
		for n := 1; n <= 10; n++ {
			var r phases.Request
			var s sink
			st.content = func(r *phases.Request) phases.Result {
				r.Out.ContentLength, r.Out.AllowRanges = 10, true
				return pieces("", body, n)(r)
			}
			st.get(&r, &s, "Range", c.field)
			got := s.body.String()
			if r.Out.ContentLength != int64(len(got)) {
				t.Errorf("%s by %d: length %d promised, %d sent", c.field, n, r.Out.ContentLength, len(got))
			}
			var parts []string
			for _, p := range bytes.Split([]byte(got), []byte("\r\n\r\n")) {
				p, _, _ = bytes.Cut(p, []byte("\r\n--"))
				if len(p) > 0 {
					parts = append(parts, string(p))
				}
			}
			if joined := join(parts); joined != c.like {
				t.Errorf("%s by %d: %q", c.field, n, got)
			}
		}
	}
}

func join(parts []string) (s string) {
	for i, p := range parts {
		if i > 0 {
			s += "|"
		}
		s += p
	}
	return s
}

func TestParseRanges(t *testing.T) {
	for _, c := range []struct {
		field   string
		limit   int
		want    []span
		verdict rangesVerdict
	}{
		{"0-4", 9, []span{{0, 5}}, rangesGood},
		{" 1 - 2 , -3", 9, []span{{1, 3}, {7, 10}}, rangesGood},
		{"9-", 9, []span{{9, 10}}, rangesGood},
		{"10-", 9, nil, rangesUnsatisfiable},
		{"0-0,10-", 9, []span{{0, 1}}, rangesGood},
		{"-0", 9, nil, rangesUnsatisfiable},
		{"-99", 9, []span{{0, 10}}, rangesGood},
		{"0-9,1-1", 9, nil, rangesIgnored},
		{"0-0,1-1", 1, nil, rangesIgnored},
		{"5-4", 9, nil, rangesUnsatisfiable},
		{"0--1", 9, nil, rangesUnsatisfiable},
		{"1", 9, nil, rangesUnsatisfiable},
		{"", 9, nil, rangesUnsatisfiable},
		{"1-2 3-", 9, nil, rangesUnsatisfiable},
		{"99999999999999999999-", 9, nil, rangesUnsatisfiable},
		{"0-9223372036854775807", 9, []span{{0, 10}}, rangesGood},
	} {
		got, verdict := parseRanges(c.field, 10, c.limit)
		if verdict != c.verdict || len(got) != len(c.want) {
			t.Errorf("%q: %v %d, want %v %d", c.field, got, verdict, c.want, c.verdict)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%q: %v, want %v", c.field, got, c.want)
			}
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for v, want := range map[string]bool{
		"gzip": true, "deflate, gzip": true, "GZIP": true, "gzip;q=1": true, "gzip; q=0.001": true, "br,gzip;q=0.5,x": true,
		"": false, "deflate": false, "x-gzip": false, "gzip;q=0": false, "gzip;q=0.000": false, "gzip;q=": false, "*": false, "gzipped": false,
	} {
		if got := accepts(v, "gzip"); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
}

func TestRefusedStatements(t *testing.T) {
	for _, bad := range []string{
		"add_header A b sometimes;", "expires modified @1h;", "expires @25h;", "expires 1x;", "gzip_comp_level 10;", "gzip_proxied sometimes;",
		"sub_filter '' x;", "more_set_headers -x 1 'A: b';", "more_set_headers -s;", "more_set_headers -s abc 'A: b';",
		"more_set_headers -a 'Content-Type: x';", "charset a; source_charset b;",
	} {
		file, err := conf.Parse("nginx.conf", []byte("events {}\nhttp { server { location / { "+bad+"\n} } }"), conf.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = phases.Compile(file, "/x/nginx.conf", phases.Options{Logs: phases.NewLogs(io.Discard),
			Modules: []phases.Module{phases.CoreModule, phases.ProcessModule, Gzip, Charset, SubFilter, Headers, HeadersMoreInput, HeadersMore}})
		if err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
