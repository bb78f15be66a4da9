package http1

import "time"

const (
	dayNames   = "SunMonTueWedThuFriSat"
	monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

var longDays = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

// AppendHTTPDate appends t as "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
func AppendHTTPDate(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	dst = appendDay(dst, t.Weekday())
	dst = append(appendTwo(dst, day), ' ')
	dst = append(appendMonth(dst, month), ' ')
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	return appendClock(dst, t)
}

// AppendCookieDate appends t as nginx writes a cookie's expiry: "Sun, 06-Nov-94 08:49:37 GMT",
// with four digits of the year from 2038 on.
func AppendCookieDate(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	dst = appendDay(dst, t.Weekday())
	dst = append(appendTwo(dst, day), '-')
	dst = append(appendMonth(dst, month), '-')
	if year >= 2038 {
		dst = appendTwo(dst, year/100)
	}
	dst = appendTwo(dst, year%100)
	return appendClock(dst, t)
}

func appendDay(dst []byte, d time.Weekday) []byte {
	return append(append(dst, dayNames[3*d:3*d+3]...), ',', ' ')
}

func appendMonth(dst []byte, m time.Month) []byte {
	return append(dst, monthNames[3*m-3:3*m]...)
}

func appendTwo(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10%10), byte('0'+n%10))
}

func appendClock(dst []byte, t time.Time) []byte {
	hour, minute, second := t.Clock()
	dst = append(dst, ' ')
	dst = append(appendTwo(dst, hour), ':')
	dst = append(appendTwo(dst, minute), ':')
	dst = appendTwo(dst, second)
	return append(dst, " GMT"...)
}

// ParseHTTPDate reads the three forms of RFC 9110 section 5.6.7 as they are written there, the
// day of the week included. An RFC 850 year is taken for the past when it would be more than
// fifty years ahead of now.
func ParseHTTPDate[S ~string | ~[]byte](s S, now time.Time) (time.Time, bool) {
	p := dateParser{s: string(s), ok: true}
	switch {
	case len(s) == len("Sun, 06 Nov 1994 08:49:37 GMT") && s[3] == ',':
		p.shortDay()
		p.literal(", ")
		p.day = p.number(2)
		p.literal(" ")
		p.monthName()
		p.literal(" ")
		p.year = p.number(4)
		p.literal(" ")
		p.clock()
		p.literal(" GMT")
	case len(s) == len("Sun Nov  6 08:49:37 1994") && s[3] == ' ':
		p.shortDay()
		p.literal(" ")
		p.monthName()
		p.literal(" ")
		if p.s != "" && p.s[0] == ' ' {
			p.literal(" ")
			p.day = p.number(1)
		} else {
			p.day = p.number(2)
		}
		p.literal(" ")
		p.clock()
		p.literal(" ")
		p.year = p.number(4)
	default:
		p.longDay()
		p.literal(", ")
		p.day = p.number(2)
		p.literal("-")
		p.monthName()
		p.literal("-")
		p.year = p.number(2) + now.UTC().Year()/100*100
		if p.year > now.UTC().Year()+50 {
			p.year -= 100
		}
		p.literal(" ")
		p.clock()
		p.literal(" GMT")
	}
	return p.time()
}

// dateParser eats a date from the left; once ok is false nothing matters any more.
type dateParser struct {
	s                         string
	ok                        bool
	weekday, year, month, day int
	hour, minute, second      int
}

func (p *dateParser) literal(want string) {
	if len(p.s) < len(want) || p.s[:len(want)] != want {
		p.ok, p.s = false, ""
		return
	}
	p.s = p.s[len(want):]
}

func (p *dateParser) number(digits int) (n int) {
	if len(p.s) < digits {
		p.ok, p.s = false, ""
		return 0
	}
	for _, c := range []byte(p.s[:digits]) {
		if c < '0' || c > '9' {
			p.ok, p.s = false, ""
			return 0
		}
		n = n*10 + int(c-'0')
	}
	p.s = p.s[digits:]
	return n
}

// name finds one of the three letter names.
func (p *dateParser) name(names string) int {
	if len(p.s) >= 3 {
		for i := 0; i < len(names); i += 3 {
			if p.s[:3] == names[i:i+3] {
				p.s = p.s[3:]
				return i / 3
			}
		}
	}
	p.ok, p.s = false, ""
	return 0
}

func (p *dateParser) shortDay() { p.weekday = p.name(dayNames) }

func (p *dateParser) monthName() { p.month = p.name(monthNames) + 1 }

func (p *dateParser) longDay() {
	for i, name := range longDays {
		if len(p.s) > len(name) && p.s[:len(name)] == name {
			p.weekday, p.s = i, p.s[len(name):]
			return
		}
	}
	p.ok, p.s = false, ""
}

func (p *dateParser) clock() {
	p.hour = p.number(2)
	p.literal(":")
	p.minute = p.number(2)
	p.literal(":")
	p.second = p.number(2)
}

// time refuses what is left over and what no calendar has. A leap second is the next second.
func (p *dateParser) time() (time.Time, bool) {
	if !p.ok || p.s != "" || p.hour > 23 || p.minute > 59 || p.second > 60 || p.day == 0 {
		return time.Time{}, false
	}
	t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, min(p.second, 59), 0, time.UTC)
	if t.Day() != p.day || int(t.Weekday()) != p.weekday {
		return time.Time{}, false
	}
	return t.Add(time.Duration(p.second/60) * time.Second), true
}
