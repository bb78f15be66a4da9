package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/phases"
)

// command is something that the console can be told.
type command struct {
	name, args, help string
	changes          bool // the server: only by POST
	input            bool // it takes what follows
	run              func(q *query) *answer
}

// commands is the table.
func commands() []command {
	return []command{
		{"help", "", "this list", false, false, help},
		{"list", "", "the actors", false, false, list},
		{"stat", "", "counts of the server and of its workers", false, false, stat},
		{"info", "ADDR", "one actor", false, false, info},
		{"task", "ADDR", "what the coroutines of an actor do, and where they stand; http.N is worker N's requests", false, false, task},
		{"calls", "", "calls that have not been answered", false, false, calls},
		{"mqlen", "[SECONDS]", "lengths of mailboxes, and messages a second over that time (1)", false, false, mqlen},
		{"mem", "[ADDR]", "memory of the process, or of one actor", false, false, mem},
		{"deadletters", "", "messages that reached nobody: counts, and the last ones", false, false, deadLetters},
		{"netstat", "", "connections, descriptors and coroutines of the workers", false, false, netstat},
		{"inject", "ADDR", "run the program that follows in an actor; its prints are the answer", true, true, inject},
		{"call", "ADDR CMD [ARG …]", "call an actor; arguments are JSON or words", true, false, call},
		{"kill", "ADDR [REASON]", "end an actor", true, false, kill},
		{"killtask", "ADDR TASK", "end one coroutine of an actor", true, false, killTask},
		{"trace", "ADDR [SECONDS]", "the messages that an actor handles during that time (1)", true, false, trace},
		{"gc", "", "collect garbage and give memory back to the system", true, false, collect},
	}
}

func commandNamed(name string) *command {
	for _, c := range commands() {
		if c.name == name {
			return &c
		}
	}
	return nil
}

// Limits of the console's commands.
const (
	visitTimeout = 2 * time.Second  // for a worker to answer
	callTimeout  = 10 * time.Second // for an actor
	maxSample    = 10 * time.Second // of mqlen and trace
	maxTraced    = 1000             // messages of a trace
	maxRows      = 10000            // of a table
)

// query is one use of a command. It runs on a goroutine that may block.
type query struct {
	cfg   *phases.Config
	board *board
	args  string // behind the command's name
	input string
}

// parse finds the command of a line; nil: the answer says what is wrong.
func (q *query) parse(line string) (*command, *answer) {
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	c := commandNamed(name)
	if c == nil {
		return nil, failure("Invalid command %q, type help for command list", name)
	}
	q.args = strings.TrimSpace(rest)
	return c, nil
}

func (q *query) run(c *command) *answer {
	a := c.run(q)
	if len(a.rows) > maxRows {
		a.body += fmt.Sprintf("%d more\n", len(a.rows)-maxRows)
		a.rows = a.rows[:maxRows]
	}
	return a
}

// word takes the next argument.
func (q *query) word() string {
	word, rest, _ := strings.Cut(q.args, " ")
	q.args = strings.TrimSpace(rest)
	return word
}

// actor takes an address or a name; nil: the answer says what is wrong.
func (q *query) actor() (*mailbox.Actor, *answer) {
	name := q.word()
	if name == "" {
		return nil, failure("an address or a name of an actor expected")
	}
	var a *mailbox.Actor
	if rest, ok := strings.CutPrefix(name, ":"); ok {
		digits, _, _ := strings.Cut(rest, "/")
		if id, err := strconv.ParseUint(digits, 16, 64); err == nil {
			a = q.cfg.Actors.Find(id)
		}
	} else {
		a = q.cfg.FindActor(name)
	}
	if a == nil {
		return nil, failure("there is no actor %q", name)
	}
	return a, nil
}

// sample takes a number of seconds.
func (q *query) sample() (time.Duration, *answer) {
	word := q.word()
	if word == "" {
		return time.Second, nil
	}
	n, err := strconv.ParseFloat(word, 64)
	if err != nil || !(n > 0) || n > maxSample.Seconds() {
		return 0, failure("a number of seconds expected, up to %v", maxSample.Seconds())
	}
	return time.Duration(n * float64(time.Second)), nil
}

// workers calls f on every worker's loop and tells of those that do not answer.
func (q *query) workers(a *answer, f func(w *actor.Worker)) {
	ctx, cancel := context.WithTimeout(context.Background(), visitTimeout)
	defer cancel()
	for _, w := range q.cfg.Actors.Visit(ctx, f) {
		a.body += fmt.Sprintf("worker %d does not answer\n", w.ID())
	}
}

// visit calls f on the loop of an actor's worker.
func visit(to *mailbox.Actor, f func()) *answer {
	ctx, cancel := context.WithTimeout(context.Background(), visitTimeout)
	defer cancel()
	if !to.Visit(ctx, f) {
		return failure("worker %d does not answer", to.Worker().ID())
	}
	return nil
}

// inspect calls f on the loop of an actor's worker, unless it is an actor of Go, which is false.
func inspect(to *mailbox.Actor, f func(i mailbox.Inspector)) (ok bool, bad *answer) {
	seen := false // by the worker; what this returns is written only when that is done
	bad = visit(to, func() {
		i, ok := to.Behaviour().(mailbox.Inspector)
		if seen = ok; ok {
			f(i)
		}
	})
	return bad == nil && seen, bad
}

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
	for _, code := range slices.Sorted(mapKeys(c.Failed)) {
		if n := c.Failed[code]; n > 0 {
			a.add("calls "+string(code), n)
		}
	}
	a.add("dead letters", l.NoActor+l.Late+l.Overflow+l.Exit)
	a.add("goroutines", runtime.NumGoroutine())
	return a
}

func mapKeys[K comparable, V any](m map[K]V) func(yield func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
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
		a.add(from, f.To.Short(), strings.TrimPrefix(f.Cmd, "\x00"), f.Session, ago(f.Sent), f.State)
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

func inject(q *query) *answer {
	x, bad := q.actor()
	if bad != nil {
		return bad
	}
	if q.input == "" {
		return failure("a program expected")
	}
	values, bad := q.ask(x, mailbox.Inject, q.input)
	if bad != nil {
		return bad
	}
	return &answer{body: fmt.Sprint(values...)}
}

// ask calls an actor.
func (q *query) ask(x *mailbox.Actor, cmd string, args ...any) ([]any, *answer) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	values, err := q.cfg.Actors.Call(ctx, x, cmd, args...)
	if err != nil {
		text := strings.ReplaceAll(err.Error(), mailbox.Inject, "inject")
		if e, ok := err.(*mailbox.Error); ok && e.Traceback != "" {
			text += "\n" + e.Traceback
		}
		return nil, failure("%s", text)
	}
	return values, nil
}

func call(q *query) *answer {
	x, bad := q.actor()
	if bad != nil {
		return bad
	}
	cmd := q.word()
	if cmd == "" || strings.HasPrefix(cmd, "\x00") {
		return failure("a command of the actor expected")
	}
	values, bad := q.ask(x, cmd, values(q.args)...)
	if bad != nil {
		return bad
	}
	a := &answer{}
	for _, v := range values {
		text, err := json.Marshal(plain(v))
		if err != nil {
			text = []byte(fmt.Sprint(v))
		}
		a.body += string(text) + "\n"
	}
	return a
}

// values reads arguments: values of JSON, or words, which are texts.
func values(text string) (all []any) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		var v any
		if err := d.Decode(&v); err == nil {
			if rest := text[d.InputOffset():]; rest == "" || rest[0] == ' ' {
				all, text = append(all, v), rest
				continue
			}
		}
		word, rest, _ := strings.Cut(text, " ")
		all, text = append(all, word), rest
	}
	return all
}

func kill(q *query) *answer {
	x, bad := q.actor()
	if bad != nil {
		return bad
	}
	if x.Front() {
		return failure("%s is the requests of a worker: it cannot be killed", x)
	}
	reason := q.args
	if reason == "" {
		reason = "killed by the debug console"
	}
	x.Kill(reason, nil)
	return &answer{body: x.String() + " is told to end\n"}
}

func killTask(q *query) *answer {
	x, bad := q.actor()
	if bad != nil {
		return bad
	}
	id, err := strconv.ParseUint(q.word(), 10, 64)
	if err != nil {
		return failure("the number of a task expected")
	}
	found := false
	if _, bad := inspect(x, func(i mailbox.Inspector) { found = i.KillTask(id) }); bad != nil {
		return bad
	}
	if !found {
		return failure("%s has no task %d", x, id)
	}
	return &answer{body: fmt.Sprintf("task %d of %s is killed\n", id, x)}
}

func trace(q *query) *answer {
	x, bad := q.actor()
	if bad != nil {
		return bad
	}
	d, bad := q.sample()
	if bad != nil {
		return bad
	}
	var all []mailbox.Traced
	var stop func()
	missed := 0
	if bad := visit(x, func() {
		stop = x.Trace(func(m mailbox.Traced) {
			if len(all) < maxTraced {
				all = append(all, m)
			} else {
				missed++
			}
		})
	}); bad != nil {
		return bad
	}
	if stop == nil {
		return failure("%s is traced already, or has ended", x)
	}
	time.Sleep(d)
	a := table("ago", "from", "command", "session", "took", "end")
	// However busy the worker is: the trace must end, so this waits for it without a limit.
	x.Visit(context.Background(), stop)
	for _, m := range all {
		from := "outside"
		if m.From != nil {
			from = m.From.Short()
		}
		a.add(ago(m.At), from, strings.TrimPrefix(m.Cmd, "\x00"), m.Session, fmt.Sprintf("%.6f", m.Took.Seconds()), m.End)
	}
	if missed > 0 {
		a.body = fmt.Sprintf("%d more\n", missed)
	}
	return a
}

func collect(*query) *answer {
	before := readMetrics()
	debug.FreeOSMemory()
	after := readMetrics()
	a := table("name", "before", "after")
	for _, m := range memoryMetrics {
		a.add(m.name, before[m.name], after[m.name])
	}
	return a
}
