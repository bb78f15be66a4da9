package lua

import "github.com/luahttpd/luahttpd/actor"

// waiter is a coroutine that is parked for one event. The zero value waits for
// nothing.
type waiter struct {
	co    *actor.Coroutine
	token uint64
}

// newWaiter names the next thing that co waits for.
func newWaiter(co *actor.Coroutine) waiter { return waiter{co, co.Token()} }

// park waits for wake, which may have been called already.
func (w waiter) park() { w.co.ParkOn(w.token) }

// wake ends the wait; a late or second one does nothing.
func (w waiter) wake() {
	if w.co != nil {
		w.co.ResumeIf(w.token)
	}
}
