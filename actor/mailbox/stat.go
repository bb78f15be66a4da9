package mailbox

// Stat is what can be seen of an actor from outside.
type Stat struct {
	Address string
	Name    string
	Worker  int
	State   string // "booting", "alive", "exiting" or "dead"
	Mailbox int    // messages that wait
	Running int    // messages that are handled
	Handled uint64 // messages that were
	Errors  uint64 // handlers that raised an error
	Calls   uint64 // that it has made
}

var lifeNames = [...]string{"booting", "alive", "exiting", "dead"}

// Stat looks at the actor. Any goroutine may.
func (a *Actor) Stat() Stat {
	a.mu.Lock()
	state := lifeNames[a.life]
	a.mu.Unlock()
	return Stat{Address: a.String(), Name: a.Name, Worker: a.worker.ID(), State: state, Mailbox: int(a.size.Load()),
		Running: int(a.working.Load()), Handled: a.handled.Load(), Errors: a.failed.Load(), Calls: a.sent.Load()}
}
