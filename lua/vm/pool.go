package vm

// Pool is what several VMs of one goroutine share: threads at rest, and the copies of code that they run.
type Pool struct {
	threads []*Thread
	protos  map[*Proto]*Proto
}

// NewPool makes a pool for Options.
func NewPool() *Pool { return &Pool{protos: map[*Proto]*Proto{}} }
