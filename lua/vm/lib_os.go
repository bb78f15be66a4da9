package vm

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"time"
)

func (m *VM) openOs() {
	tb := m.NewTable(0, 16)
	start := time.Now()
	m.register(tb, map[string]Func{
		"clock": func(t *Thread) int {
			t.PushNumber(time.Since(start).Seconds())
			return 1
		},
		"date": osDate,
		"difftime": func(t *Thread) int {
			t.PushNumber(t.CheckNumber(1) - t.OptNumber(2, 0))
			return 1
		},
		"execute": osExecute,
		"exit": func(t *Thread) int {
			code := 0
			if t.Arg(1).Kind() == KBool {
				if !t.Arg(1).Bool() {
					code = 1
				}
			} else {
				code = t.OptInt(1, 0)
			}
			os.Exit(code)
			return 0
		},
		"getenv": func(t *Thread) int {
			if v, ok := os.LookupEnv(t.CheckString(1)); ok {
				t.PushString(v)
			} else {
				t.PushNil()
			}
			return 1
		},
		"remove": func(t *Thread) int {
			name := t.CheckString(1)
			return t.pushResult(os.Remove(name), name)
		},
		"rename": func(t *Thread) int {
			from := t.CheckString(1)
			return t.pushResult(os.Rename(from, t.CheckString(2)), from)
		},
		"setlocale": func(t *Thread) int {
			switch t.OptString(1, "C") {
			case "", "C", "POSIX":
				t.PushString("C")
			default:
				t.PushNil()
			}
			return 1
		},
		"time": osTime,
		"tmpname": func(t *Thread) int {
			f, err := os.CreateTemp("", "lua_")
			if err != nil {
				t.Errorf("unable to generate a unique filename")
			}
			f.Close()
			t.PushString(f.Name())
			return 1
		},
	})
	m.Globals().SetStr("os", tb.Value())
}

func osExecute(t *Thread) int {
	if t.Arg(1).IsNil() {
		t.PushBool(true)
		return 1
	}
	cmd := exec.Command("/bin/sh", "-c", t.CheckString(1))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return t.pushExit(cmd.Run())
}

// pushExit pushes the three results of os.execute and of closing a pipe.
func (t *Thread) pushExit(err error) int {
	how, code := "exit", 0
	if e, ok := err.(*exec.ExitError); ok {
		if code = e.ExitCode(); code < 0 {
			how = "signal"
			code = int(reflect.ValueOf(e.Sys()).Uint() & 0x7f) // a wait status
		}
	} else if err != nil {
		code = 127
	}
	if err == nil {
		t.PushBool(true)
	} else {
		t.PushNil()
	}
	t.PushString(how)
	t.PushInt(code)
	return 3
}

func osTime(t *Thread) int {
	if t.Arg(1).IsNil() {
		t.PushNumber(float64(time.Now().Unix()))
		return 1
	}
	tb := t.CheckTable(1)
	get := func(key string, d int) int {
		v := t.Index(tb.Value(), String(key))
		f, ok := v.ToNumber()
		if !ok {
			if d < 0 {
				t.Errorf("field '%s' missing in date table", key)
			}
			return d
		}
		return truncate(f)
	}
	sec, minute, hour := get("sec", 0), get("min", 0), get("hour", 12)
	day, month, year := get("day", -1), get("month", -1), get("year", -1)
	when := time.Date(year, time.Month(month), day, hour, minute, sec, 0, time.Local)
	if dst := t.Index(tb.Value(), String("isdst")); dst.Truth() && !when.IsDST() {
		when = when.Add(-time.Hour)
	}
	t.PushNumber(float64(when.Unix()))
	return 1
}

func osDate(t *Thread) int {
	format := t.OptString(1, "%c")
	when := time.Now()
	if !t.Arg(2).IsNil() {
		f := t.CheckNumber(2)
		if f != f || math.Abs(f) > 1<<55 {
			t.PushNil()
			return 1
		}
		when = time.Unix(int64(f), 0)
	}
	if rest, ok := strings.CutPrefix(format, "!"); ok {
		format, when = rest, when.UTC()
	}
	if !strings.HasPrefix(format, "*t") {
		t.PushString(formatTime(format, when))
		return 1
	}
	tb := t.vm.NewTable(0, 9)
	for k, v := range map[string]int{
		"sec": when.Second(), "min": when.Minute(), "hour": when.Hour(), "day": when.Day(), "month": int(when.Month()),
		"year": when.Year(), "wday": int(when.Weekday()) + 1, "yday": when.YearDay(),
	} {
		tb.SetStr(k, Int(v))
	}
	tb.SetStr("isdst", Bool(when.IsDST()))
	t.Push(tb.Value())
	return 1
}

// timeLayouts are the conversions of strftime that Go's layouts express.
var timeLayouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'D': "01/02/06",
	'e': "_2", 'F': "2006-01-02", 'h': "Jan", 'H': "15", 'I': "03", 'm': "01", 'M': "04", 'p': "PM", 'r': "03:04:05 PM",
	'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

func formatTime(format string, when time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' || i+1 == len(format) {
			b.WriteByte(c)
			continue
		}
		i++
		c = format[i]
		if (c == 'E' || c == 'O') && i+1 < len(format) {
			i++
			c = format[i]
		}
		if layout, ok := timeLayouts[c]; ok {
			s := when.Format(layout)
			if c == 'Z' && s == "UTC" {
				s = "GMT"
			}
			b.WriteString(s)
			continue
		}
		b.WriteString(formatField(c, when))
	}
	return b.String()
}

func formatField(c byte, when time.Time) string {
	padded := func(n, width int) string { return fmt.Sprintf("%0*d", width, n) }
	isoYear, isoWeek := when.ISOWeek()
	sunday := int(when.Weekday())
	switch c {
	case '%':
		return "%"
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'C':
		return padded(when.Year()/100, 2)
	case 'g':
		return padded(isoYear%100, 2)
	case 'G':
		return strconv.Itoa(isoYear)
	case 'j':
		return padded(when.YearDay(), 3)
	case 's':
		return strconv.FormatInt(when.Unix(), 10)
	case 'u':
		return strconv.Itoa((sunday+6)%7 + 1)
	case 'U':
		return padded((when.YearDay()+6-sunday)/7, 2)
	case 'V':
		return padded(isoWeek, 2)
	case 'w':
		return strconv.Itoa(sunday)
	case 'W':
		return padded((when.YearDay()+6-(sunday+6)%7)/7, 2)
	case 'k':
		return fmt.Sprintf("%2d", when.Hour())
	}
	return "%" + string(c)
}
