package upstream

import (
	"testing"
	"time"
)

// TestSlowStart: a peer that comes back gets its share of the choices little
// by little, and all of them if there is no other.
func TestSlowStart(t *testing.T) {
	for _, method := range []string{"", "least_conn; ", "ewma; "} {
		p := newPicker(t, method+"server 127.0.0.1:19711 slow_start=100s; server 127.0.0.1:19712;")
		back := p.u.main.peers[0]
		share := func(since time.Duration) int {
			n := 0
			for range 400 {
				if since > 0 {
					back.slow.since = time.Now().Add(-since)
				}
				if p.pick(&Tried{}, Answered) == "1" {
					n++
				}
			}
			return n
		}
		near := func(when string, got, want int) {
			t.Helper()
			if got < want-40 || got > want+40 {
				t.Errorf("%s%s: %d of 400, want about %d", method, when, got, want)
			}
		}
		near("at the start", share(0), 200)
		back.fails, back.accessed, back.checked = 1, 1, 2
		p.u.report(back, Answered)
		back.conns++ // that nobody took
		if back.slow.since.IsZero() {
			t.Fatal("no slow start")
		}
		near("after 1 s", share(time.Second), 2)
		near("after 50 s", share(50*time.Second), 100)
		near("after 100 s", share(101*time.Second), 200)
		back.slow.since = time.Now()
		tried := Tried{}
		tried.add(1)
		if got := p.pick(&tried, Answered); got != "1" {
			t.Errorf("%salone: %s", method, got)
		}
	}
}

// TestEWMA prefers the faster peer and forgets what is long ago.
func TestEWMA(t *testing.T) {
	p := newPicker(t, "ewma; server 127.0.0.1:19711; server 127.0.0.1:19712; server 127.0.0.1:19713 backup;")
	count := map[string]int{}
	for range 300 {
		peer := p.u.balancer.Pick(&p.r, &Tried{})
		took := time.Millisecond
		if peer.index == 1 {
			took = 30 * time.Millisecond
		}
		peer.ewma.at = time.Now().Add(-time.Minute) // each counts fully
		p.u.balancer.Report(peer, Answered, took)
		count[peer.Name[len(peer.Name)-1:]]++
	}
	if count["2"] > 20 || count["3"] > 0 {
		t.Error(count)
	}
	var s ewmaState
	now := time.Now()
	s.add(time.Second, now)
	if s.average != 1 {
		t.Error(s)
	}
	s.add(0, now.Add(ewmaDecay))
	if s.average < 0.36 || s.average > 0.37 || s.now(now.Add(3*ewmaDecay)) > 0.06 {
		t.Error(s, s.now(now.Add(3*ewmaDecay)))
	}
	tried := Tried{}
	tried.add(0)
	tried.add(1)
	if got := p.pick(&tried, Unasked); got != "3" {
		t.Errorf("%s, want the backup", got)
	}
}
