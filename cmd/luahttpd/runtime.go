package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/luahttpd/luahttpd"
)

// gcPercent lets the heap grow to five times what is alive before it is
// collected: what a server allocates is nearly all garbage of ended requests.
const gcPercent = 400

// heapFloor counts as alive and is never touched, so that it takes no memory:
// a small server does not collect 30 times a second when it makes strings of
// 16 KB for each request, but lets its heap grow to some 70 MB.
const heapFloor = 8 << 20

// tuneRuntime sets what a server wants of the Go runtime, unless the
// environment says otherwise, until it is undone.
func tuneRuntime() (undo func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.SetGCPercent(gcPercent)
	floor := make([]byte, heapFloor)
	return func() { runtime.KeepAlive(floor) }
}

// giveProcessors lets one more goroutine run than there are workers, unless the environment says how
// many: a worker that sleeps in the kernel then keeps its processor for its return, as there is
// another one for everything else.
func giveProcessors(workers int) {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) <= workers {
		runtime.GOMAXPROCS(workers + 1)
	}
}

// idlePoll is how often releaseMemory looks whether the server has become idle.
const idlePoll = 500 * time.Millisecond

// releaseMemory gives memory back to the system when the server has come to
// rest after some work, until done is closed.
func releaseMemory(srv *luahttpd.Server, done <-chan struct{}) {
	tick := time.NewTicker(idlePoll)
	defer tick.Stop()
	last, released := int64(-1), int64(-1)
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		now := srv.Stats().Requests
		if now == last && now != released {
			debug.FreeOSMemory()
			released = now
		}
		last = now
	}
}
