package conf

import (
	"math"
	"strings"
	"time"
)

// number reads decimal digits and nothing else. No sign, no space.
func number(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		d := int64(s[i]) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// Number reads a count: decimal digits, no sign.
func Number(s string) (int, bool) {
	n, ok := number(s)
	return int(n), ok && n <= math.MaxInt
}

// Size reads a number of bytes, with k or m behind it for 1024 and 1024².
func Size(s string) (int64, bool) { return scaled(s, "km") }

// Offset reads a size that may also have g behind it: positions and lengths of files.
func Offset(s string) (int64, bool) { return scaled(s, "kmg") }

func scaled(s, units string) (int64, bool) {
	shift := 0
	if s != "" {
		if i := strings.IndexByte(units, s[len(s)-1]|0x20); i >= 0 {
			shift = 10 * (i + 1)
			s = s[:len(s)-1]
		}
	}
	n, ok := number(s)
	if !ok || n > math.MaxInt64>>shift {
		return 0, false
	}
	return n << shift, true
}

// The units of time in milliseconds, the largest first: the order they must
// stand in.
type unit struct {
	name string
	size int64
}

const day = 24 * 3600_000

var units = [...]unit{
	{"y", 365 * day}, {"M", 30 * day}, {"w", 7 * day}, {"d", day},
	{"h", 3600_000}, {"m", 60_000}, {"s", 1000}, {"ms", 1},
}

const ( // places in units
	years   = 0
	weeks   = 2
	seconds = 6
	millis  = 7
)

// MaxDuration is what longer times are cut to, so that they can be added to
// the time of day without a second thought. A year has 365 days here.
const MaxDuration = 100 * 365 * 24 * time.Hour

// Duration reads a time such as 30, 500ms, "1h 30m" or 1d12h: the larger unit
// first, each unit once; a number alone is seconds. A month has 30 days.
func Duration(s string) (time.Duration, bool) { return duration(s, years, millis) }

// Msec reads a time for a directive that counts milliseconds, as timeouts do:
// it has no years and no months.
func Msec(s string) (time.Duration, bool) { return duration(s, weeks, millis) }

// Sec reads a time for a directive that counts seconds, as those of caches and
// headers do: it has no milliseconds.
func Sec(s string) (time.Duration, bool) { return duration(s, years, seconds) }

// duration allows units[first] to units[last] and counts in the last. As in
// nginx, a unit may lack its number, which is 0 then, and a space may stand for
// the s, after which no other unit may.
func duration(s string, first, last int) (time.Duration, bool) {
	var total, n int64
	digits := false
	next := first // the largest unit still allowed
	for s != "" {
		if d := int64(s[0]) - '0'; d >= 0 && d <= 9 {
			if n > (math.MaxInt64-d)/10 {
				return 0, false
			}
			n, digits, s = n*10+d, true, s[1:]
			continue
		}
		i, width := unitOf(s)
		if i < next || i > last || !add(&total, n, units[i].size/units[last].size) {
			return 0, false
		}
		if next, n = i+1, 0; s[0] == ' ' {
			next = len(units)
		}
		s = strings.TrimLeft(s[width:], " ")
	}
	if !digits || !add(&total, n, units[seconds].size/units[last].size) {
		return 0, false
	}
	tick := time.Duration(units[last].size) * time.Millisecond
	return time.Duration(min(total, int64(MaxDuration/tick))) * tick, true
}

// unitOf returns the index of the unit that s begins with, -1 for none, and its width.
func unitOf(s string) (index, width int) {
	if s[0] == ' ' {
		return seconds, 1
	}
	for i := len(units) - 1; i >= 0; i-- { // ms before m
		if strings.HasPrefix(s, units[i].name) {
			return i, len(units[i].name)
		}
	}
	return -1, 0
}

// add adds n times size to total unless that is too large for it.
func add(total *int64, n, size int64) bool {
	if n > (math.MaxInt64-*total)/size {
		return false
	}
	*total += n * size
	return true
}

// The values of argument i of a statement, with nginx's errors.

// Flag reads on or off, in any case.
func (s *Stmt) Flag(i int) (bool, error) {
	switch v := s.Args[i]; {
	case strings.EqualFold(v, "on"):
		return true, nil
	case strings.EqualFold(v, "off"):
		return false, nil
	default:
		return false, s.Errorf("invalid value \"%s\" in \"%s\" directive, it must be \"on\" or \"off\"", v, s.Name)
	}
}

// Number reads a count, such as worker_connections 64.
func (s *Stmt) Number(i int) (int, error) { return value(s, i, Number, "invalid number") }

// Size reads a number of bytes with k or m.
func (s *Stmt) Size(i int) (int64, error) { return value(s, i, Size, "invalid value") }

// Offset reads a number of bytes with k, m or g.
func (s *Stmt) Offset(i int) (int64, error) { return value(s, i, Offset, "invalid value") }

// Msec reads a time with milliseconds.
func (s *Stmt) Msec(i int) (time.Duration, error) { return value(s, i, Msec, "invalid value") }

// Sec reads a time without milliseconds.
func (s *Stmt) Sec(i int) (time.Duration, error) { return value(s, i, Sec, "invalid value") }

func value[T any](s *Stmt, i int, read func(string) (T, bool), wrong string) (T, error) {
	v, ok := read(s.Args[i])
	if !ok {
		return v, s.Problem(wrong)
	}
	return v, nil
}

// Enum returns which of names the argument is.
func (s *Stmt) Enum(i int, names ...string) (int, error) {
	for n, name := range names {
		if strings.EqualFold(s.Args[i], name) {
			return n, nil
		}
	}
	return 0, s.Errorf("invalid value \"%s\"", s.Args[i])
}

// Buffers reads the two arguments of proxy_buffers and its like: how many, of
// what size. Neither may be 0.
func (s *Stmt) Buffers() (count int, size int64, err error) {
	count, ok := Number(s.Args[0])
	size, sized := Size(s.Args[1])
	if !ok || !sized || count == 0 || size == 0 {
		return 0, 0, s.Problem("invalid value")
	}
	return count, size, nil
}
