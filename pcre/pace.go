package pcre

// Pacer hears of the work of a match while it goes on. Pause may give the
// processor to others meanwhile, and ends the match by a panic.
type Pacer interface{ Pause(steps int) }

// stride is after how many steps at most a Pacer hears of them: some
// milliseconds of work.
const stride = 100_000

// pace hands the steps of a match out in portions, between which its Pacer
// hears of them.
type pace struct {
	pacer   Pacer // nil: all at once
	owed    int   // steps that it has not heard of
	granted int   // the portion of which machine.steps are left
	rest    int   // of the attempt, not granted yet
	before  int   // granted to the attempt before that
}

// allow begins an attempt of so many steps at most; cost are those that its
// beginning takes.
func (m *machine) allow(cost, most int) {
	p := &m.pace
	p.owed += cost
	p.rest, p.before = most, 0
	m.grant()
}

func (m *machine) grant() {
	p := &m.pace
	p.granted = p.rest
	if p.pacer != nil {
		if p.owed >= stride {
			n := p.owed
			p.owed = 0
			p.pacer.Pause(n)
		}
		p.granted = min(p.rest, stride-p.owed)
	}
	p.rest -= p.granted
	m.steps = p.granted
}

// more grants the next portion when one is used up. false: there is none.
func (m *machine) more() bool {
	p := &m.pace
	over := -m.steps // what was taken beyond it
	p.owed += p.granted
	p.before += p.granted
	if p.rest < over {
		p.granted = 0
		return false
	}
	m.grant()
	m.steps -= over
	return true
}

// used ends the attempt and says how many steps it took.
func (m *machine) used() int {
	p := &m.pace
	n := p.granted - m.steps
	p.owed += n
	return p.before + n
}
