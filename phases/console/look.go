package console

// The commands that change nothing.

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/phases"
)

func help(*query) *answer {
	a := table("command", "what")
	for _, c := range commands() {
		a.add(strings.TrimSpace(c.name+" "+c.args), c.help)
	}
	return a
}

func list(q *query) *answer {
	a := table("address", "name", "worker", "state", "mailbox", "running", "handled", "errors", "calls")
	for _, x := range q.cfg.Actors.Actors() {
		st := x.Stat()
		a.add(x.Short(), st.Name, st.Worker, st.State, st.Mailbox, st.Running, st.Handled, st.Errors, st.Calls)
	}
	return a
}

func stat(q *query) *answer {
	a := table("name", "value")
	t, c, l := q.cfg.Stats.Total(), q.cfg.Actors.Counts(), q.cfg.Actors.DeadLetters()
	a.add("version", q.cfg.Build.Name+"/"+q.cfg.Build.Version)
	a.add("uptime", time.Since(q.board.since).Truncate(time.Second).String())
	a.add("workers", len(q.cfg.Actors.Workers()))
	a.add("requests", t.Requests)
	a.add("connections accepted", t.Accepted)
	a.add("connections active", t.Active)
	a.add("actors", c.Actors)
	a.add("actors started", c.Started)
	a.add("actors restarted", c.Restarts)
	a.add("messages handled", c.Handled)
	a.add("handlers failed", c.Errors)
	a.add("calls", c.Calls)
	for _, code := range slices.Sorted(maps.Keys(c.Failed)) {
		if n := c.Failed[code]; n > 0 {
			a.add("calls "+string(code), n)
		}
	}
	a.add("dead letters", l.NoActor+l.Late+l.Overflow+l.Exit)
	a.add("goroutines", runtime.NumGoroutine())
	return a
}

func info(q *query) *answer {
	x, bad := q.actor()
	if bad != nil {
		return bad
	}
	st := x.Stat()
	a := table("name", "value")
	a.add("address", st.Address)
	var names []string
	x.Scope().Names(func(name string, y *mailbox.Actor) {
		if y == x {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	a.add("names", strings.Join(names, " "))
	a.add("worker", st.Worker)
	a.add("state", st.State)
	a.add("mailbox", st.Mailbox)
	a.add("running", st.Running)
	a.add("handled", st.Handled)
	a.add("errors", st.Errors)
	a.add("calls", st.Calls)
	if _, bad := inspect(x, func(i mailbox.Inspector) {
		a.add("tasks", len(i.Tasks()))
		a.add("memory", memory(i.Memory()))
	}); bad != nil {
		a.body = bad.body
	}
	return a
}

func memory(n int64, exact bool) string {
	if !exact {
		return fmt.Sprintf("more than %d", n)
	}
	return strconv.FormatInt(n, 10)
}

func task(q *query) *answer {
	x, bad := q.actor()
	if bad != nil {
		return bad
	}
	var tasks []mailbox.Task
	seen, bad := inspect(x, func(i mailbox.Inspector) { tasks = i.Tasks() })
	if bad != nil {
		return bad
	}
	if !seen {
		return failure("%s is an actor of Go: it shows no tasks", x)
	}
	slices.SortFunc(tasks, func(a, b mailbox.Task) int { return cmp.Compare(a.ID, b.ID) })
	a := table("task", "age", "what", "waits for", "stack")
	a.long = true
	for _, t := range tasks {
		a.add(t.ID, ago(t.Since), t.What, t.Waits, strings.TrimRight(t.Stack, "\n"))
	}
	return a
}

func calls(q *query) *answer {
	a := table("from", "to", "command", "session", "age", "state")
	actors := q.cfg.Actors.Actors()
	var all []mailbox.Flight
	q.workers(a, func(w *actor.Worker) {
		for _, x := range actors {
			if x.Worker() == w {
				all = append(all, x.Flights()...)
			}
		}
	})
	slices.SortStableFunc(all, func(a, b mailbox.Flight) int { return a.Sent.Compare(b.Sent) })
	for _, f := range all {
		from := "outside"
		if f.From != nil {
			from = f.From.Short()
		}
		a.add(from, f.To.Short(), f.Cmd, f.Session, ago(f.Sent), f.State)
	}
	return a
}

func mqlen(q *query) *answer {
	d, bad := q.sample()
	if bad != nil {
		return bad
	}
	actors := q.cfg.Actors.Actors()
	before := make([]uint64, len(actors))
	for i, x := range actors {
		before[i] = x.Stat().Handled
	}
	began := time.Now()
	time.Sleep(d)
	a := table("address", "mailbox", "running", "messages/s")
	for i, x := range actors {
		st := x.Stat()
		a.add(x.Short(), st.Mailbox, st.Running, float64(st.Handled-before[i])/time.Since(began).Seconds())
	}
	slices.SortStableFunc(a.rows, func(x, y []any) int { return y[1].(int) - x[1].(int) })
	return a
}

// memoryMetrics are what mem shows of the process.
var memoryMetrics = [...]struct{ name, metric string }{
	{"heap in use", "/memory/classes/heap/objects:bytes"},
	{"heap free", "/memory/classes/heap/free:bytes"},
	{"stacks", "/memory/classes/heap/stacks:bytes"},
	{"from the system", "/memory/classes/total:bytes"},
	{"given back", "/memory/classes/heap/released:bytes"},
	{"collections", "/gc/cycles/total:gc-cycles"},
}

// readMetrics reads numbers of Go's runtime; none of them stops the world.
func readMetrics() map[string]uint64 {
	samples := make([]metrics.Sample, len(memoryMetrics))
	for i, m := range memoryMetrics {
		samples[i].Name = m.metric
	}
	metrics.Read(samples)
	values := map[string]uint64{}
	for i, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			values[memoryMetrics[i].name] = s.Value.Uint64()
		}
	}
	return values
}

func mem(q *query) *answer {
	a := table("name", "value")
	if q.args != "" {
		x, bad := q.actor()
		if bad != nil {
			return bad
		}
		if _, bad := inspect(x, func(i mailbox.Inspector) { a.add(x.Short(), memory(i.Memory())) }); bad != nil {
			return bad
		}
		return a
	}
	values := readMetrics()
	for _, m := range memoryMetrics {
		a.add(m.name, values[m.name])
	}
	for _, z := range zones(q.cfg) {
		a.add(z.name+" ("+z.kind+") free", z.free)
	}
	return a
}

// zone is a shared memory zone with the bytes that it has and that are free.
type zone struct {
	kind, name     string
	capacity, free int64
}

func zones(cfg *phases.Config) (all []zone) {
	cfg.EachZone(func(kind, name string, value any) {
		if z, ok := value.(phases.Sized); ok {
			capacity, free := z.Space()
			all = append(all, zone{kind, name, capacity, free})
		}
	})
	slices.SortFunc(all, func(a, b zone) int { return cmp.Compare(a.name, b.name) })
	return all
}

func deadLetters(q *query) *answer {
	l := q.cfg.Actors.DeadLetters()
	a := table("ago", "reason", "from", "to", "command", "session", "age")
	for _, x := range q.cfg.Actors.RecentLetters() {
		a.add(ago(x.At), x.Reason, x.From, x.To, x.Cmd, x.Session, x.Age.Seconds())
	}
	a.body = fmt.Sprintf("noactor %d, late %d, overflow %d, exit %d\n", l.NoActor, l.Late, l.Overflow, l.Exit)
	return a
}

func netstat(q *query) *answer {
	a := table("worker", "connections", "descriptors", "coroutines")
	q.workers(a, func(w *actor.Worker) { a.add(w.ID(), w.Connections(), w.FDs(), w.Coroutines()) })
	for _, l := range q.cfg.Listens {
		a.body += "listens on " + l.String() + "\n"
	}
	return a
}
