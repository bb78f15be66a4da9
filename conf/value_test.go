package conf

import (
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	const bad = -1
	for _, c := range []struct {
		text         string
		size, offset int64
	}{
		{"0", 0, 0}, {"1", 1, 1}, {"4096", 4096, 4096},
		{"1k", 1024, 1024}, {"1K", 1024, 1024}, {"8m", 8 << 20, 8 << 20}, {"8M", 8 << 20, 8 << 20},
		{"2g", bad, 2 << 30}, {"2G", bad, 2 << 30},
		{"", bad, bad}, {"k", bad, bad}, {"g", bad, bad}, {"-1", bad, bad}, {"+1", bad, bad}, {"1kk", bad, bad},
		{"1.5m", bad, bad}, {" 1", bad, bad}, {"1 ", bad, bad}, {"1kb", bad, bad}, {"0x10", bad, bad}, {"1+", bad, bad},
		{"9223372036854775807", 9223372036854775807, 9223372036854775807},
		{"9223372036854775808", bad, bad}, {"9007199254740991k", 9223372036854774784, 9223372036854774784},
		{"9007199254740992k", bad, bad}, {"8589934592g", bad, bad}, {"8589934591g", bad, 8589934591 << 30},
		{"99999999999999999999999", bad, bad},
	} {
		got := func(n int64, ok bool) int64 {
			if !ok {
				return bad
			}
			return n
		}
		if size, offset := got(Size(c.text)), got(Offset(c.text)); size != c.size || offset != c.offset {
			t.Errorf("%q: size %d, offset %d, want %d, %d", c.text, size, offset, c.size, c.offset)
		}
	}
}

func TestTimes(t *testing.T) {
	const bad = -1
	const h, d = time.Hour, 24 * time.Hour
	for _, c := range []struct {
		text           string
		any, msec, sec time.Duration
	}{
		{"0", 0, 0, 0},
		{"30", 30 * time.Second, 30 * time.Second, 30 * time.Second},
		{"30s", 30 * time.Second, 30 * time.Second, 30 * time.Second},
		{"500ms", 500 * time.Millisecond, 500 * time.Millisecond, bad},
		{"1s500ms", 1500 * time.Millisecond, 1500 * time.Millisecond, bad},
		{"1s 500ms", 1500 * time.Millisecond, 1500 * time.Millisecond, bad},
		{"1 500ms", bad, bad, bad}, {"1 s", bad, bad, bad}, {" ms1", bad, bad, bad},
		{"2m", 2 * time.Minute, 2 * time.Minute, 2 * time.Minute},
		{"1h 30m", 90 * time.Minute, 90 * time.Minute, 90 * time.Minute},
		{"1h30m", 90 * time.Minute, 90 * time.Minute, 90 * time.Minute},
		{"1d12h", 36 * h, 36 * h, 36 * h},
		{"2w", 14 * d, 14 * d, 14 * d},
		{"1M", 30 * d, bad, 30 * d},
		{"1y", 365 * d, bad, 365 * d},
		{"1y 1M 1w 1d 1h 1m 1s", (365+30+7+1)*d + h + time.Minute + time.Second, bad, (365+30+7+1)*d + h + time.Minute + time.Second},
		{"68000ms", 68 * time.Second, 68 * time.Second, bad},
		{"1h m", h, h, h}, // nginx: a unit without a number is none of it
		{"1s 5", 6 * time.Second, 6 * time.Second, 6 * time.Second},
		{"1 5", 6 * time.Second, 6 * time.Second, 6 * time.Second},
		{"1ms5", 5*time.Second + time.Millisecond, 5*time.Second + time.Millisecond, bad},
		{"", bad, bad, bad}, {"s", bad, bad, bad}, {"ms", bad, bad, bad}, {" ", bad, bad, bad},
		{"30m 1h", bad, bad, bad}, {"1s1s", bad, bad, bad}, {"1ms1s", bad, bad, bad}, {"1ms1ms", bad, bad, bad}, {"1x", bad, bad, bad},
		{"-1", bad, bad, bad}, {"1.5s", bad, bad, bad}, {"1H", bad, bad, bad}, {"off", bad, bad, bad}, {"1M 1y", bad, bad, bad},
		{"99y", 99 * 365 * d, bad, 99 * 365 * d}, {"101y", MaxDuration, bad, MaxDuration},
		{"99999999999", MaxDuration, MaxDuration, MaxDuration}, {"99999999999h", MaxDuration, MaxDuration, MaxDuration},
		{"9223372036854775", MaxDuration, MaxDuration, MaxDuration}, {"9223372036854776", bad, bad, MaxDuration},
		{"9223372036854775807ms", MaxDuration, MaxDuration, bad}, {"9223372036854775807", bad, bad, MaxDuration},
		{"9223372036854775808", bad, bad, bad}, {"99999999999999999999", bad, bad, bad}, {"1s9223372036854775807", bad, bad, bad},
	} {
		got := func(v time.Duration, ok bool) time.Duration {
			if !ok {
				return bad
			}
			return v
		}
		if any, msec, sec := got(Duration(c.text)), got(Msec(c.text)), got(Sec(c.text)); any != c.any || msec != c.msec || sec != c.sec {
			t.Errorf("%q: %v, %v, %v, want %v, %v, %v", c.text, any, msec, sec, c.any, c.msec, c.sec)
		}
	}
}

func TestArgumentValues(t *testing.T) {
	invalid := `"x" directive invalid value in n.conf:1`
	for _, c := range []struct {
		src  string
		read func(s *Stmt) (any, error)
		want any // an error when it is a string
	}{
		{"x on;", func(s *Stmt) (any, error) { return s.Flag(0) }, true},
		{"x OFF;", func(s *Stmt) (any, error) { return s.Flag(0) }, false},
		{"x 1;", func(s *Stmt) (any, error) { return s.Flag(0) }, `invalid value "1" in "x" directive, it must be "on" or "off" in n.conf:1`},
		{"x 12;", func(s *Stmt) (any, error) { return s.Number(0) }, 12},
		{"x 1k;", func(s *Stmt) (any, error) { return s.Number(0) }, `"x" directive invalid number in n.conf:1`},
		{"x 1k;", func(s *Stmt) (any, error) { return s.Size(0) }, int64(1024)},
		{"x 1g;", func(s *Stmt) (any, error) { return s.Size(0) }, invalid},
		{"x 1g;", func(s *Stmt) (any, error) { return s.Offset(0) }, int64(1 << 30)},
		{"x 1ms;", func(s *Stmt) (any, error) { return s.Msec(0) }, time.Millisecond},
		{"x 1M;", func(s *Stmt) (any, error) { return s.Msec(0) }, invalid},
		{"x 1m;", func(s *Stmt) (any, error) { return s.Sec(0) }, time.Minute},
		{"x 1ms;", func(s *Stmt) (any, error) { return s.Sec(0) }, invalid},
		{"x Any;", func(s *Stmt) (any, error) { return s.Enum(0, "all", "any") }, 1},
		{"x none;", func(s *Stmt) (any, error) { return s.Enum(0, "all", "any") }, `invalid value "none" in n.conf:1`},
	} {
		got, err := c.read(parseOne(t, c.src))
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %v, want %v", c.src, got, c.want)
		}
	}
	if n, size, err := parseOne(t, "x 8 4k;").Buffers(); n != 8 || size != 4096 || err != nil {
		t.Error(n, size, err)
	}
	for _, src := range []string{"x 0 4k;", "x 8 0;", "x a 4k;", "x 8 b;"} {
		if _, _, err := parseOne(t, src).Buffers(); err == nil || err.Error() != invalid {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func FuzzSize(f *testing.F) {
	for _, s := range []string{"1", "1k", "2m", "3g", "99999999999999999g", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		size, ok := Size(s)
		offset, okToo := Offset(s)
		if size < 0 || offset < 0 || ok && (!okToo || size != offset) {
			t.Errorf("%q: size %d %v, offset %d %v", s, size, ok, offset, okToo)
		}
	})
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"1", "1h 30m", "1y2M3w4d5h6m7s8ms", "1 5", "99999999999y", "", "m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, ok := Duration(s)
		if v < 0 || v > MaxDuration {
			t.Errorf("%q: %v", s, v)
		}
		for _, read := range []func(string) (time.Duration, bool){Msec, Sec} {
			if same, narrow := read(s); narrow && ok && same != v {
				t.Errorf("%q: %v, but %v", s, v, same)
			}
		}
	})
}
