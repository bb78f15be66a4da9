package phases

import (
	"sync"
	"sync/atomic"
)

// Counters counts the connections and requests of one worker; only it adds,
// anybody may read. Each worker has its own so that they share no cache line.
type Counters struct {
	// Accepted, Handled and Requests only grow.
	Accepted, Handled, Requests atomic.Int64
	// Active connections; of those, Reading a head, Writing a response and
	// Waiting for a request.
	Active, Reading, Writing, Waiting atomic.Int64

	_ [128 - 7*8]byte
}

// Stats holds the counters of a server's workers, over reloads.
type Stats struct {
	mu      sync.Mutex
	workers []*Counters
}

// Worker returns counters for one more worker.
func (s *Stats) Worker() *Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := new(Counters)
	s.workers = append(s.workers, c)
	return c
}

// Totals is what stub_status shows.
type Totals struct {
	Accepted, Handled, Requests       int64
	Active, Reading, Writing, Waiting int64
}

// Total adds up the workers.
func (s *Stats) Total() (t Totals) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.workers {
		t.Accepted += c.Accepted.Load()
		t.Handled += c.Handled.Load()
		t.Requests += c.Requests.Load()
		t.Active += c.Active.Load()
		t.Reading += c.Reading.Load()
		t.Writing += c.Writing.Load()
		t.Waiting += c.Waiting.Load()
	}
	return t
}
