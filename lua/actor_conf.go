package lua

import (
	"context"
	_ "embed"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// declared is one actor of the configuration: actor NAME FILE [workers=…] [key=value …].
type declared struct {
	stmt    *conf.Stmt
	name    string
	path    string
	workers int // 0: one, on a worker of the server's choice; -1: all; else on this many
	spec    mailbox.Spec
	args    map[string]any
	burst   time.Duration
	memory  int64
}

// actorRows are the directives of actors.
func actorRows() []phases.Directive[Conf] {
	return []phases.Directive[Conf]{
		phases.Add("actor", conf.HTTP|conf.Location|conf.LocationIf, conf.AtLeast(1), setActor),
		phases.SetDuration("actor_call_timeout", httpOnly, func(c *Conf) *time.Duration { return &c.callTimeout }),
	}
}

func setActor(c *Conf, b *phases.Block, s *conf.Stmt) error {
	if b.Context != conf.HTTP {
		if len(s.Args) != 1 {
			return s.Errorf("invalid number of arguments in \"actor\" directive")
		}
		c.answerer = s.Args[0]
		return b.UseContent(s)
	}
	if len(s.Args) < 2 {
		return s.Errorf("invalid number of arguments in \"actor\" directive")
	}
	d := &declared{stmt: s, name: s.Args[0], path: s.Args[1], args: map[string]any{},
		spec: mailbox.Spec{Restart: &mailbox.Restart{Max: mailbox.DefaultMax, Within: mailbox.DefaultWithin}}}
	if !filepath.IsAbs(d.path) {
		d.path = filepath.Join(b.Config.Prefix, d.path)
	}
	for _, o := range c.actors.Items {
		if o.name == d.name {
			return s.Errorf("actor \"%s\" is already defined", d.name)
		}
	}
	for _, arg := range s.Args[2:] {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			return s.Errorf("invalid parameter \"%s\"", arg)
		}
		if !d.set(key, value) {
			return s.Errorf("invalid value \"%s\" of \"%s\"", value, key)
		}
	}
	c.actors.Add(s, d)
	return nil
}

// set takes one key=value; what is no option is an argument for the script.
func (d *declared) set(key, value string) (ok bool) {
	positive := func(to *int) bool {
		n, err := strconv.Atoi(value)
		*to = n
		return err == nil && n > 0
	}
	flag := func(to *bool) bool {
		*to = value == "on" || value == "true"
		return *to || value == "off" || value == "false"
	}
	switch key {
	case "workers":
		switch value {
		case "all":
			d.workers = -1
		case "one":
		default:
			return positive(&d.workers)
		}
	case "mailbox":
		return positive(&d.spec.Mailbox)
	case "serial":
		return flag(&d.spec.Serial)
	case "survive":
		return flag(&d.spec.Survive)
	case "overflow":
		for i, word := range []string{"error", "drop_new", "drop_old", "wait"} {
			if word == value {
				d.spec.Overflow = mailbox.Overflow(i)
				return true
			}
		}
		return false
	case "restart":
		if value == "off" || value == "false" {
			d.spec.Restart = nil
			return true
		}
		d.spec.Restart.Always = true
		return positive(&d.spec.Restart.Max)
	case "within":
		if d.spec.Restart == nil {
			return false
		}
		d.spec.Restart.Within, ok = conf.Duration(value)
		return ok
	case "idle":
		d.spec.Idle, ok = conf.Duration(value)
		return ok
	case "burst":
		d.burst, ok = conf.Duration(value)
		return ok
	case "mem_limit":
		d.memory, ok = conf.Size(value)
		return ok
	default:
		d.args[key] = value
	}
	return true
}

// instance is the name of the one of several actors that a worker has.
func (c *site) instance(name string, worker int) string {
	for _, d := range c.http.actors.Items {
		if d.name == name && d.workers != 0 {
			n := d.workers
			if n < 0 || n > c.cfg.Process.Workers {
				n = c.cfg.Process.Workers
			}
			return name + "." + strconv.Itoa(worker%n)
		}
	}
	return name
}

// startActors starts the actors of the configuration that live on the worker.
func (e *engine) startActors() error {
	n := e.site.cfg.Process.Workers
	strand := e.self.Strand(e.worker.Current())
	for i, d := range e.site.http.actors.Items {
		name := d.name
		if d.workers == 0 {
			if i%n != e.worker.ID() {
				continue
			}
		} else {
			if d.workers > 0 && e.worker.ID() >= d.workers {
				continue
			}
			name += "." + strconv.Itoa(e.worker.ID())
		}
		proto, err := e.site.compileFile(d.path)
		if err != nil {
			return d.stmt.Errorf("actor \"%s\": %v", d.name, err)
		}
		if e.site.cfg.Testing {
			continue
		}
		p := &program{site: e.site, proto: proto, args: mailbox.Args{d.args}, own: e.site.http.limited(d.burst, d.memory), memory: d.memory,
			name: strings.TrimSuffix(filepath.Base(d.path), ".lua")}
		spec := d.spec
		spec.Name, spec.Worker, spec.Scope, spec.New = name, e.worker, e.site.scope, p.behave
		spec.Key = d.path + fmt.Sprint(d.args)
		if e.site.scope.Adopt(&spec) != nil {
			continue
		}
		if _, err := strand.Spawn(&spec); err != nil && !hasFinished(err) {
			return d.stmt.Errorf("actor \"%s\": %s", d.name, err.Msg)
		}
	}
	return nil
}

// hasFinished says whether an actor has not failed to start but has done its work by then.
func hasFinished(err *mailbox.Error) bool {
	return err.Code == mailbox.EDEAD && err.Msg == mailbox.Normal
}

// closeActors ends the actors of the configuration when its last worker has left it.
func (c *site) closeActors() {
	c.mu.Lock()
	c.fronts--
	last := c.fronts == 0
	c.mu.Unlock()
	if last {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			c.scope.Close(ctx, "reload")
		}()
	}
}

// contentHandler answers requests of locations with a script or an actor.
func contentHandler(r *phases.Request, own *Conf) phases.Result {
	if own.answerer != "" && (own.scripts[inContent] == nil || own.scripts[inContent].block != own.block) {
		return own.askActor(r)
	}
	return scriptContent(r, own)
}

var scriptContent = handlerFor(inContent)

// askSource is the script that asks an actor and makes its answer the response.
//
//go:embed ask.lua
var askSource []byte

var askProto = compiledIn(askSource, "=actor")

// compiledIn is a script that is part of the program, compiled when it is first used.
func compiledIn(source []byte, name string) func() *vm.Proto {
	return sync.OnceValue(func() *vm.Proto {
		p, err := vm.Compile(source, name)
		if err != nil {
			panic(err) // its tests have run it
		}
		return p
	})
}

// askActor answers the request by the location's actor. A client that goes away cancels the call.
func (own *Conf) askActor(r *phases.Request) phases.Result {
	e, err := own.engine(r)
	if err != nil {
		return r.Result(err)
	}
	s := e.begin(own, r, inContent)
	defer s.end()
	if r.IsMain() {
		s.watching = true
		r.Stream().OnGone(s.clientGone)
	}
	_, err = s.call(e.vm.Load(askProto()), vm.String(own.answerer), vm.Number(own.callTimeout.Seconds()))
	s.unwatch()
	s.killThreads()
	return s.conclude(err)
}
