package filter

import (
	"strconv"
	"time"
)

// appendTime formats t as strftime(3) does in the C locale. Conversions that
// are not known are copied; "%s" is the time in seconds.
func appendTime(dst []byte, format string, t time.Time) []byte {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			dst = append(dst, format[i])
			continue
		}
		i++
		dst = appendConversion(dst, format[i], t)
	}
	return dst
}

// timeLayouts are the conversions that Go has a layout for.
var timeLayouts = map[byte]string{
	'A': "Monday", 'a': "Mon", 'B': "January", 'b': "Jan", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006", 'D': "01/02/06",
	'd': "02", 'e': "_2", 'F': "2006-01-02", 'H': "15", 'I': "03", 'M': "04", 'm': "01", 'p': "PM", 'R': "15:04",
	'r': "03:04:05 PM", 'S': "05", 'T': "15:04:05", 'X': "15:04:05", 'x': "01/02/06", 'Y': "2006", 'y': "06", 'Z': "MST", 'z': "-0700",
	'P': "pm", 'j': "002",
}

func appendConversion(dst []byte, c byte, t time.Time) []byte {
	if layout, ok := timeLayouts[c]; ok {
		return t.AppendFormat(dst, layout)
	}
	padded := func(n int, pad byte) []byte {
		if n < 10 {
			dst = append(dst, pad)
		}
		return strconv.AppendInt(dst, int64(n), 10)
	}
	year, week := t.ISOWeek()
	switch c {
	case 'C':
		return padded(t.Year()/100, '0')
	case 'G':
		return strconv.AppendInt(dst, int64(year), 10)
	case 'g':
		return padded(year%100, '0')
	case 'k':
		return padded(t.Hour(), ' ')
	case 'l':
		return padded((t.Hour()+11)%12+1, ' ')
	case 'n':
		return append(dst, '\n')
	case 's':
		return strconv.AppendInt(dst, t.Unix(), 10)
	case 't':
		return append(dst, '\t')
	case 'U':
		return padded((t.YearDay()+6-int(t.Weekday()))/7, '0')
	case 'u':
		return strconv.AppendInt(dst, int64(t.Weekday()+6)%7+1, 10)
	case 'V':
		return padded(week, '0')
	case 'W':
		return padded((t.YearDay()+6-int(t.Weekday()+6)%7)/7, '0')
	case 'w':
		return strconv.AppendInt(dst, int64(t.Weekday()), 10)
	case '%':
		return append(dst, '%')
	}
	return append(dst, '%', c)
}
