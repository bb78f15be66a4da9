package handler

import (
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

const (
	echoContent = conf.Location | conf.LocationIf
	echoAround  = conf.HTTP | conf.Server | conf.Location | conf.LocationIf
)

// Echo is OpenResty's echo module: content made by statements that run one
// after the other, subrequests and pauses among them, and texts around the
// body of any response.
var Echo = phases.Define(phases.Spec[echo]{
	Name: "echo",
	Directives: []phases.Directive[echo]{
		echoRow("echo", conf.Any, echoText),
		echoRow("echo_duplicate", conf.Exactly(2), echoDuplicate),
		echoRow("echo_flush", conf.Exactly(0), echoFlush),
		echoRow("echo_sleep", conf.Exactly(1), echoSleep),
		echoRow("echo_blocking_sleep", conf.Exactly(1), echoSleep),
		echoRow("echo_reset_timer", conf.Exactly(0), echoResetTimer),
		echoRow("echo_read_request_body", conf.Exactly(0), echoReadBody),
		echoRow("echo_request_body", conf.Exactly(0), echoBody),
		echoRow("echo_location", conf.Between(1, 2), echoLocation),
		echoRow("echo_location_async", conf.Between(1, 2), echoLocationAsync),
		echoRow("echo_subrequest", conf.AtLeast(2), echoSubrequest),
		echoRow("echo_subrequest_async", conf.AtLeast(2), echoSubrequestAsync),
		echoRow("echo_exec", conf.Between(1, 2), echoExec),
		echoRow("echo_foreach_split", conf.Exactly(2), echoForeach),
		echoRow("echo_end", conf.Exactly(0), echoEnd),
		echoRow("echo_abort_parent", conf.Exactly(0), echoAbortParent),
		phases.Set("echo_status", echoContent, conf.Exactly(1), func(own *echo, b *phases.Block, s *conf.Stmt) error {
			var err error
			own.status, err = s.Number(0)
			return err
		}),
		phases.Add("echo_before_body", echoAround, conf.Any, func(own *echo, b *phases.Block, s *conf.Stmt) error {
			return addEcho(&own.before, b, s, nil)
		}),
		phases.Add("echo_after_body", echoAround, conf.Any, func(own *echo, b *phases.Block, s *conf.Stmt) error {
			return addEcho(&own.after, b, s, nil)
		}),
	},
	Default:   func() echo { return echo{status: 200} },
	Content:   runEcho,
	Filter:    echoFilter,
	Variables: echoVariables,
})

// echo is the configuration of a block.
type echo struct {
	status                 int
	content, before, after conf.List[echoCommand]
}

// echoCommand is one statement.
type echoCommand struct {
	name  string
	args  []*phases.Template
	fixed *echoArgs // the values when there are no variables in them
	run   func(e *echoing, a echoArgs) phases.Result
}

// echoArgs are the values of a command's arguments: options, those that begin
// with "-" and stand first, and the others.
type echoArgs struct {
	options []string
	rest    []string
	joined  []byte // their text, if it is known
}

func echoRow(name string, args conf.Arity, run func(e *echoing, a echoArgs) phases.Result) phases.Directive[echo] {
	return phases.Add(name, echoContent, args, func(own *echo, b *phases.Block, s *conf.Stmt) error {
		if err := b.UseContent(s); err != nil {
			return err
		}
		return addEcho(&own.content, b, s, run)
	})
}

func addEcho(to *conf.List[echoCommand], b *phases.Block, s *conf.Stmt, run func(e *echoing, a echoArgs) phases.Result) error {
	c := echoCommand{name: s.Name, run: run}
	fixed := true
	for _, a := range s.Args {
		t, err := b.Template(s, a)
		if err != nil {
			return err
		}
		_, isConst := t.Const()
		fixed = fixed && isConst
		c.args = append(c.args, t)
	}
	if fixed {
		a := c.values(nil)
		a.joined = a.text()
		c.fixed = &a
	}
	to.Add(s, c)
	return nil
}

// values evaluates the arguments. Only texts without variables are options.
func (c *echoCommand) values(r *phases.Request) (a echoArgs) {
	if c.fixed != nil {
		return *c.fixed
	}
	options := true
	for _, t := range c.args {
		raw, isConst := t.Const()
		if options = options && isConst && len(raw) > 1 && raw[0] == '-'; options {
			if raw[1] == '-' {
				options = false
			} else {
				a.options = append(a.options, raw[1:])
			}
			continue
		}
		a.rest = append(a.rest, t.String(r))
	}
	return a
}

// text is what "echo" prints: the arguments with spaces between and, unless
// -n is given, a newline.
func (a echoArgs) text() []byte {
	if a.joined != nil {
		return a.joined
	}
	b := []byte(strings.Join(a.rest, " "))
	if len(a.options) > 0 && a.options[0] == "n" {
		return b
	}
	return append(b, '\n')
}

// echoing is what the module knows of a request.
type echoing struct {
	r       *phases.Request
	own     *echo
	count   int // $echo_incr
	next    int // the command that runs next
	since   time.Time
	it      string   // $echo_it
	items   []string // of the loop that runs, those still to come
	loop    int      // its first command
	looping bool
	aborted bool // by echo_abort_parent
	later   echoQueue
}

var echoings = phases.NewSlot[echoing](phases.KeepNothing)

// runEcho runs the commands in order. A command that does not say Next ends
// the request with its verdict.
func runEcho(r *phases.Request, own *echo) phases.Result {
	e := echoings.Ensure(r)
	e.r, e.own = r, own
	commands := own.content.Items
	for e.next < len(commands) && !e.aborted {
		c := &commands[e.next]
		e.next++
		if res := c.run(e, c.values(r)); res != phases.Next {
			return res
		}
	}
	if err := e.later.drain(r); err != nil {
		return r.Result(err)
	}
	if err := e.head(); err != nil {
		return r.Result(err)
	}
	return r.Finish()
}

// head sends the response's head if that has not happened.
func (e *echoing) head() error {
	o := &e.r.Out
	if o.Sent {
		return nil
	}
	o.Status = e.own.status
	if o.ContentType == "" {
		e.r.SetContentType()
	}
	o.ClearLength()
	return e.r.SendHeader()
}

// send sends a piece of the body behind those that are not there yet.
func (e *echoing) send(c phases.Chunk) phases.Result {
	err := e.head()
	if err == nil && e.later.waiting() {
		c, err = c.Load()
		e.later.text(c.Bytes)
	} else if err == nil {
		err = e.r.Send(c)
	}
	if err != nil {
		return e.r.Result(err)
	}
	return phases.Next
}

// fail ends the request with 500 and the reason in the log.
func (e *echoing) fail(format string, a ...any) phases.Result {
	e.r.Errorf(phases.LevelError, format, a...)
	return 500
}
