package lua

import "github.com/luahttpd/luahttpd/phases"

var (
	waitingPhases = phasesOf(waiting)
	patientPhases = phasesOf(patient)
)

// mayWait tells whether the script may be parked: everywhere but in worker
// threads, and where lua_strict_phases says that it is as in OpenResty.
func (s *state) mayWait() bool {
	if waitingPhases.has(s.phase) {
		return true
	}
	return patientPhases.has(s.phase) && !s.own.strictPhases && s.e.worker != nil && s.e.worker.Current() != nil
}

// admit lets the script of a patient phase call a function that waits. The
// connection of a request that is being logged does not wait with it.
func (s *state) admit() bool {
	if !s.mayWait() {
		return false
	}
	if s.phase == inLog && s.r.IsMain() {
		if c, ok := s.r.Stream().(phases.Releaser); ok {
			c.Release()
		}
	}
	return true
}
