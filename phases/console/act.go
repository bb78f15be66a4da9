package console

// The commands that change something.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor/mailbox"
)

func inject(q *query) *answer {
	x, bad := q.actor()
	if bad != nil {
		return bad
	}
	if q.input == "" {
		return failure("a program expected")
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	text, err := q.cfg.Actors.Inject(ctx, x, q.input)
	if err != nil {
		return failedCall(err)
	}
	return &answer{body: text}
}

// failedCall tells why there is no answer.
func failedCall(err error) *answer {
	text := err.Error()
	if e, ok := err.(*mailbox.Error); ok && e.Traceback != "" {
		text += "\n" + e.Traceback
	}
	return failure("%s", text)
}

func call(q *query) *answer {
	x, bad := q.actor()
	if bad != nil {
		return bad
	}
	cmd := q.word()
	if cmd == "" {
		return failure("a command of the actor expected")
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	values, err := q.cfg.Actors.Call(ctx, x, cmd, values(q.args)...)
	if err != nil {
		return failedCall(err)
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
		a.add(ago(m.At), from, m.Cmd, m.Session, fmt.Sprintf("%.6f", m.Took.Seconds()), m.End)
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
