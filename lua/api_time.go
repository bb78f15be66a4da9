package lua

import (
	"math"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// timeArea tells the time, which stands still for a turn of the worker's loop,
// and waits.
var timeArea = area{rows: []row{
	{"now", anyPhase, func(t *vm.Thread, s *state) int {
		t.PushNumber(float64(s.e.worker.Now().UnixMilli()) / 1000)
		return 1
	}},
	{"time", anyPhase, func(t *vm.Thread, s *state) int {
		t.PushNumber(float64(s.e.worker.Now().Unix()))
		return 1
	}},
	{"update_time", anyPhase, func(t *vm.Thread, s *state) int {
		s.e.worker.Update()
		return 0
	}},
	{"today", anyPhase, clock(time.DateOnly, time.Local)},
	{"localtime", anyPhase, clock(time.DateTime, time.Local)},
	{"utctime", anyPhase, clock(time.DateTime, time.UTC)},
	{"http_time", anyPhase, date(http1.AppendHTTPDate)},
	{"cookie_time", anyPhase, date(http1.AppendCookieDate)},
	{"parse_http_time", anyPhase, func(t *vm.Thread, s *state) int {
		if t.NArg() != 1 {
			t.Errorf("expecting one argument")
		}
		when, ok := http1.ParseHTTPDate(t.CheckString(1), s.e.worker.Now())
		if !ok {
			t.PushNil()
			return 1
		}
		t.PushNumber(float64(when.Unix()))
		return 1
	}},
	{"sleep", waiting, ngxSleep},
}}

// now is the time of the worker's turn; in a worker thread it is the clock's.
func (e *engine) now() time.Time {
	if e.worker == nil {
		return time.Now()
	}
	return e.worker.Now()
}

func clock(layout string, zone *time.Location) func(t *vm.Thread, s *state) int {
	return func(t *vm.Thread, s *state) int {
		t.PushString(s.e.worker.Now().In(zone).Format(layout))
		return 1
	}
}

func date(write func(dst []byte, t time.Time) []byte) func(t *vm.Thread, s *state) int {
	return func(t *vm.Thread, s *state) int {
		if t.NArg() != 1 {
			t.Errorf("expecting one argument")
		}
		t.PushBytes(write(nil, time.Unix(int64(t.CheckNumber(1)), 0)))
		return 1
	}
}

// sleepMax bounds ngx.sleep and timers: some 24 days, as in nginx.
const sleepMax = math.MaxInt32 * time.Millisecond

// delay turns seconds into a duration of whole milliseconds; ok is false for a
// negative one or none at all.
func delay(seconds float64) (d time.Duration, ms float64, ok bool) {
	ms = math.Trunc(seconds * 1000)
	switch {
	case ms < 0 || ms != ms:
		return 0, ms, false
	case ms > float64(sleepMax/time.Millisecond):
		return sleepMax, ms, true
	}
	return time.Duration(ms) * time.Millisecond, ms, true
}

func ngxSleep(t *vm.Thread, s *state) int {
	if t.NArg() != 1 {
		t.Errorf("attempt to pass %d arguments, but accepted 1", t.NArg())
	}
	d, ms, ok := delay(t.CheckNumber(1))
	if !ok {
		t.Errorf("invalid sleep duration \"%.0f\"", ms)
	}
	s.debugf("lua ready to sleep for %d ms", d.Milliseconds())
	slept := false
	defer func() {
		if !slept {
			s.debugf("lua clean up the timer for pending ngx.sleep")
		}
	}()
	s.e.worker.Current().Sleep(d)
	slept = true
	if s.r != nil {
		s.debugf("lua sleep timer expired: \"%s?%s\"", s.r.URI, s.r.Args)
	}
	return 0
}
