package console

import (
	"context"
	"fmt"
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
