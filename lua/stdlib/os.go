package stdlib

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func (s *state) openOS() {
	start := time.Now()
	s.library("os", []function{
		{"clock", func(t *vm.Thread) int {
			t.Spend(systemCall)
			t.PushNumber(cpuTime(start))
			return 1
		}},
		{"date", osDate},
		{"difftime", func(t *vm.Thread) int { t.PushNumber(t.CheckNumber(1) - t.OptNumber(2, 0)); return 1 }},
		{"execute", osExecute},
		{"exit", osExit},
		{"getenv", osGetenv},
		{"remove", func(t *vm.Thread) int { return pushResult(t, os.Remove(t.CheckString(1)), t.CheckString(1)) }},
		{"rename", func(t *vm.Thread) int {
			return pushResult(t, os.Rename(t.CheckString(1), t.CheckString(2)), t.CheckString(1))
		}},
		{"setlocale", osSetlocale},
		{"time", osTime},
		{"tmpname", osTmpname},
	})
}

// systemCall is how many steps of a run a call of the system counts for.
const systemCall = 32

// cpuTime is the time the process has used, in seconds; where the system does not tell, the time since start.
func cpuTime(start time.Time) float64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return time.Since(start).Seconds()
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// sysError gives the system's words and number of an error.
func sysError(err error) (string, int) {
	var no syscall.Errno
	if errors.As(err, &no) {
		return vm.Strerror(no), int(no)
	}
	if errors.Is(err, os.ErrClosed) {
		return "Bad file descriptor", int(syscall.EBADF)
	}
	return err.Error(), 0
}

// pushResult pushes true, or nil, "name: message" and the number of the error.
func pushResult(t *vm.Thread, err error, name string) int {
	if err == nil {
		t.PushBool(true)
		return 1
	}
	text, no := sysError(err)
	if name != "" {
		text = name + ": " + text
	}
	t.PushNil()
	t.PushString(text)
	t.PushInt(no)
	return 3
}

func osExecute(t *vm.Thread) int {
	if t.NArg() == 0 || t.Arg(1).IsNil() {
		t.PushBool(true)
		return 1
	}
	c := exec.Command("/bin/sh", "-c", t.CheckString(1))
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	return pushExit(t, c.Run(), c)
}

// pushExit pushes what os.execute and the close of a pipe return.
func pushExit(t *vm.Thread, err error, c *exec.Cmd) int {
	if c.ProcessState == nil {
		return pushResult(t, err, "")
	}
	what, code := "exit", c.ProcessState.ExitCode()
	if ws, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		what, code = "signal", int(ws.Signal())
	}
	if what == "exit" && code == 0 {
		t.PushBool(true)
	} else {
		t.PushNil()
	}
	t.PushString(what)
	t.PushInt(code)
	return 3
}

func osExit(t *vm.Thread) int {
	code := 0
	switch v := t.Arg(1); v.Kind() {
	case vm.KBool:
		if !v.Bool() {
			code = 1
		}
	case vm.KNil:
	default:
		code = t.CheckInt(1)
	}
	os.Exit(code)
	return 0
}

func osGetenv(t *vm.Thread) int {
	if v, ok := os.LookupEnv(t.CheckString(1)); ok {
		t.PushString(v)
	} else {
		t.PushNil()
	}
	return 1
}

func osSetlocale(t *vm.Thread) int {
	switch t.OptString(1, "C") {
	case "C", "", "POSIX":
		t.PushString("C")
	default:
		t.PushNil()
	}
	return 1
}

func osTmpname(t *vm.Thread) int {
	f, err := os.CreateTemp("", "lua_")
	if err != nil {
		t.Errorf("unable to generate a unique filename")
	}
	f.Close()
	t.PushString(f.Name())
	return 1
}

func osTime(t *vm.Thread) int {
	if t.NArg() == 0 || t.Arg(1).IsNil() {
		t.PushNumber(float64(time.Now().Unix()))
		return 1
	}
	tab := t.CheckTable(1)
	field := func(name string, d int) int {
		f, ok := tab.GetStr(name).ToNumber()
		if !ok {
			if d < 0 {
				t.Errorf("field '%s' missing in date table", name)
			}
			return d
		}
		return int(math.Trunc(f))
	}
	sec, minute, hour := field("sec", 0), field("min", 0), field("hour", 12)
	day, month, year := field("day", -1), field("month", -1), field("year", -1)
	d := time.Date(year, time.Month(month), day, hour, minute, sec, 0, time.Local)
	if v := tab.GetStr("isdst"); v.Bool() && !d.IsDST() {
		d = d.Add(-time.Hour)
	}
	t.PushNumber(float64(d.Unix()))
	return 1
}

func osDate(t *vm.Thread) int {
	format := t.OptString(1, "%c")
	when := time.Now()
	if t.NArg() >= 2 && !t.Arg(2).IsNil() {
		when = time.Unix(int64(t.CheckNumber(2)), 0)
	}
	if strings.HasPrefix(format, "!") {
		when, format = when.UTC(), format[1:]
	}
	if strings.HasPrefix(format, "*t") {
		tab := t.VM().NewTable(0, 9)
		set := func(k string, n int) { tab.SetStr(k, vm.Int(n)) }
		set("sec", when.Second())
		set("min", when.Minute())
		set("hour", when.Hour())
		set("day", when.Day())
		set("month", int(when.Month()))
		set("year", when.Year())
		set("wday", int(when.Weekday())+1)
		set("yday", when.YearDay())
		tab.SetStr("isdst", vm.Bool(when.IsDST()))
		t.Push(tab.Value())
		return 1
	}
	t.PushBytes(strftime(nil, format, when))
	return 1
}

// strftime formats as C does in its own locale.
func strftime(b []byte, format string, d time.Time) []byte {
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' || i+1 == len(format) {
			b = append(b, c)
			continue
		}
		i++
		if (format[i] == 'E' || format[i] == 'O') && i+1 < len(format) {
			i++
		}
		b = strftime1(b, format[i], d)
	}
	return b
}

func hour12(d time.Time) int { return (d.Hour()+11)%12 + 1 }

// week numbers a week of the year whose weeks begin on the given day.
func week(d time.Time, first int) int {
	return (d.YearDay() + 6 - (int(d.Weekday())-first+7)%7) / 7
}

func strftime1(b []byte, c byte, d time.Time) []byte {
	switch c {
	case 'a':
		return append(b, d.Weekday().String()[:3]...)
	case 'A':
		return append(b, d.Weekday().String()...)
	case 'b', 'h':
		return append(b, d.Month().String()[:3]...)
	case 'B':
		return append(b, d.Month().String()...)
	case 'c':
		return strftime(b, "%a %b %e %H:%M:%S %Y", d)
	case 'C':
		return fmt.Appendf(b, "%02d", d.Year()/100)
	case 'd':
		return fmt.Appendf(b, "%02d", d.Day())
	case 'D', 'x':
		return strftime(b, "%m/%d/%y", d)
	case 'e':
		return fmt.Appendf(b, "%2d", d.Day())
	case 'F':
		return strftime(b, "%Y-%m-%d", d)
	case 'g':
		y, _ := d.ISOWeek()
		return fmt.Appendf(b, "%02d", y%100)
	case 'G':
		y, _ := d.ISOWeek()
		return fmt.Appendf(b, "%d", y)
	case 'H':
		return fmt.Appendf(b, "%02d", d.Hour())
	case 'I':
		return fmt.Appendf(b, "%02d", hour12(d))
	case 'j':
		return fmt.Appendf(b, "%03d", d.YearDay())
	case 'm':
		return fmt.Appendf(b, "%02d", int(d.Month()))
	case 'M':
		return fmt.Appendf(b, "%02d", d.Minute())
	case 'n':
		return append(b, '\n')
	case 'p':
		return append(b, map[bool]string{true: "AM", false: "PM"}[d.Hour() < 12]...)
	case 'r':
		return strftime(b, "%I:%M:%S %p", d)
	case 'R':
		return strftime(b, "%H:%M", d)
	case 's':
		return fmt.Appendf(b, "%d", d.Unix())
	case 'S':
		return fmt.Appendf(b, "%02d", d.Second())
	case 't':
		return append(b, '\t')
	case 'T', 'X':
		return strftime(b, "%H:%M:%S", d)
	case 'u':
		return fmt.Appendf(b, "%d", (int(d.Weekday())+6)%7+1)
	case 'U':
		return fmt.Appendf(b, "%02d", week(d, 0))
	case 'V':
		_, w := d.ISOWeek()
		return fmt.Appendf(b, "%02d", w)
	case 'w':
		return fmt.Appendf(b, "%d", int(d.Weekday()))
	case 'W':
		return fmt.Appendf(b, "%02d", week(d, 1))
	case 'y':
		return fmt.Appendf(b, "%02d", d.Year()%100)
	case 'Y':
		return fmt.Appendf(b, "%d", d.Year())
	case 'z':
		return append(b, d.Format("-0700")...)
	case 'Z':
		name, _ := d.Zone()
		if name == "UTC" && d.Location() == time.UTC {
			name = "GMT"
		}
		return append(b, name...)
	case '%':
		return append(b, '%')
	}
	return append(b, '%', c)
}
