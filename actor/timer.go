package actor

import "time"

// An Expirer is told that its timer has run out, on the worker's loop, outside of any coroutine.
type Expirer interface{ Expire(*Timer) }

type expireFunc func()

func (f expireFunc) Expire(*Timer) { f() }

// A Timer belongs to one worker and is used on its goroutine only. It may be embedded: Init makes
// it usable, and nothing is allocated afterwards. Moving a running timer later, or suspending it,
// only writes a field; the heap notices when the earlier time has come. It runs out no earlier than
// asked for, and as much later as the loop is busy.
type Timer struct {
	w      *Worker
	target Expirer
	when   int64 // nanoseconds since the worker's start; 0: not running
	pos    int32 // in the heap, from 1; 0: not in it
}

type timed struct {
	at int64 // never later than t.when while that runs
	t  *Timer
}

// AfterFunc calls f on the worker after d, outside of any coroutine.
func (w *Worker) AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{w: w, target: expireFunc(f)}
	t.Reset(d)
	return t
}

// Init ties an embedded timer to its worker and to what it tells.
func (t *Timer) Init(w *Worker, target Expirer) { t.w, t.target = w, target }

// Reset makes the timer run out d from now.
func (t *Timer) Reset(d time.Duration) {
	t.set(t.w.clock() + max(int64(d), 0))
}

// Stop takes the timer off. It says whether it was running.
func (t *Timer) Stop() bool {
	was := t.when != 0
	t.when = 0
	if t.pos != 0 {
		t.w.timers.remove(int(t.pos) - 1)
	}
	return was
}

// suspend stops the timer but leaves it in the heap, where the next set finds it.
func (t *Timer) suspend() { t.when = 0 }

// set makes the timer run out at a time on the worker's clock.
func (t *Timer) set(when int64) {
	t.when = max(when, 1)
	h := &t.w.timers
	if t.pos == 0 {
		*h = append(*h, timed{t.when, t})
		h.up(len(*h) - 1)
	} else if i := int(t.pos) - 1; t.when < (*h)[i].at {
		(*h)[i].at = t.when
		h.up(i)
	}
}

// expire runs the timers whose time has come, those only that were running when it began.
func (w *Worker) expire() {
	h := &w.timers
	for n := len(*h); n > 0 && len(*h) > 0 && (*h)[0].at <= w.now; n-- {
		t := (*h)[0].t
		switch {
		case t.when == 0:
			h.remove(0)
		case t.when > (*h)[0].at: // moved later meanwhile
			(*h)[0].at = t.when
			h.down(0)
		default:
			t.when = 0
			h.remove(0)
			t.target.Expire(t)
		}
	}
}

// A timerHeap is a heap with four children per node: half as deep as a binary one, and siblings
// share a cache line.
type timerHeap []timed

func (h timerHeap) put(i int, e timed) {
	h[i] = e
	e.t.pos = int32(i + 1)
}

func (h timerHeap) up(i int) {
	e := h[i]
	for i > 0 {
		p := (i - 1) / 4
		if h[p].at <= e.at {
			break
		}
		h.put(i, h[p])
		i = p
	}
	h.put(i, e)
}

func (h timerHeap) down(i int) {
	e := h[i]
	for {
		least := i
		at := e.at
		first := 4*i + 1
		for c := first; c < min(first+4, len(h)); c++ {
			if h[c].at < at {
				least, at = c, h[c].at
			}
		}
		if least == i {
			break
		}
		h.put(i, h[least])
		i = least
	}
	h.put(i, e)
}

func (h *timerHeap) remove(i int) {
	old := *h
	last := len(old) - 1
	old[i].t.pos = 0
	moved := old[last]
	old[last] = timed{}
	*h = old[:last]
	if i == last {
		return
	}
	(*h)[i] = moved
	h.down(i)
	h.up(int(moved.t.pos) - 1)
}
