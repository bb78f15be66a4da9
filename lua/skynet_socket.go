package lua

import (
	_ "embed"
	"math"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// skynetSocketSource is the module skynet.socket.
//
//go:embed skynet_socket.lua
var skynetSocketSource []byte

var skynetSocketProto = compiledIn(skynetSocketSource, "=skynet.socket")

func openSkynetSocket(e *engine) {
	e.vm.Builtin("skynet.socket", func(t *vm.Thread) vm.Value {
		host := e.vm.NewTable(0, 8)
		for _, row := range skynetSocketFunctions() {
			e.add(host, row)
		}
		return t.Call1(e.vm.Load(skynetSocketProto()), host.Value())
	})
}

// numbered is a socket that skynet.socket knows by a number: a listening one, a connection that an
// actor has, or one that waits for an actor to start it.
type numbered struct {
	id int
	n  *hearing
	// Under the directory's lock:
	v    *service  // who has it, or has accepted it
	k    *cosocket // its; nil: nobody has started it
	h    *handover // nil: somebody has
	gone bool
}

// number gives a socket a number.
func (d *directory) number(x *numbered) *numbered {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	x.id = d.last
	d.ids[x.id] = x
	x.v.hold(x)
	return x
}

func (v *service) hold(x *numbered) {
	if v.ids == nil {
		v.ids = map[int]*numbered{}
	}
	v.ids[x.id] = x
}

// forget ends a number. On its actor's worker.
func (d *directory) forget(x *numbered) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x.gone = true
	delete(d.ids, x.id)
	delete(x.v.ids, x.id)
	if x.h != nil {
		x.h.parcel.Close()
		x.h = nil
	}
}

// forgetSockets ends the numbers that the actor has. Its sockets are closed elsewhere.
func (v *service) forgetSockets() {
	for _, x := range v.ids {
		v.e.site.directory.forget(x)
	}
}

// claim makes the connection with a number the actor's: from where it waits, or from another actor.
func (s *state) claim(id int) (*numbered, error) {
	d, v := s.e.site.directory, s.e.service
	d.mu.Lock()
	x := d.ids[id]
	if x == nil || x.n != nil {
		d.mu.Unlock()
		return nil, net.ErrClosed
	}
	if x.v == v && x.k != nil {
		d.mu.Unlock()
		return x, nil
	}
	h, from := x.h, x.v
	x.h = nil
	d.mu.Unlock()
	c := &claiming{x: x, from: from, h: h, to: s.e.worker, waits: newWaiter(s.e.worker.Current())}
	if !from.e.worker.Post(c) {
		return nil, net.ErrClosed
	}
	c.waits.park()
	if c.h == nil {
		return nil, net.ErrClosed
	}
	k := &cosocket{e: s.e}
	k.take(c.h, v.sockets())
	k.readTimeout, k.sendTimeout = never, never
	d.mu.Lock()
	defer d.mu.Unlock()
	if k.conn == nil {
		delete(d.ids, id)
		return nil, net.ErrClosed
	}
	x.k, x.v, x.gone = k, v, false
	d.ids[id] = x
	v.hold(x)
	return x, nil
}

// never is a timeout that does not come.
const never = time.Duration(math.MaxInt64 / 4)

// A claiming asks the actor that has a connection for it, on that one's worker.
type claiming struct {
	x     *numbered
	from  *service
	h     *handover
	to    *actor.Worker
	waits waiter
}

// claimPause is how long a claim waits for a write to end.
const claimPause = time.Millisecond

func (c *claiming) Run(w *actor.Worker) {
	d := c.from.e.site.directory
	d.mu.Lock()
	k := c.x.k
	if k != nil && k.writing && c.x.v == c.from { // what is being written must not be torn
		d.mu.Unlock()
		w.AfterFunc(claimPause, func() { c.Run(w) })
		return
	}
	delete(c.from.ids, c.x.id)
	if c.h == nil && c.x.v == c.from {
		if c.h = c.x.h; c.h == nil && k != nil && k.wire != nil {
			c.h, _ = k.part() // nil: it is closed
		}
		c.x.h = nil
	}
	c.x.k = nil
	d.mu.Unlock()
	c.to.Post(actor.TaskFunc(func(*actor.Worker) { c.waits.wake() }))
}

// number is the actor's socket that an argument names; nil: none.
func (s *state) number(t *vm.Thread, arg int) *numbered {
	n, ok := t.Arg(arg).ToNumber()
	if v := s.e.service; ok && v != nil {
		return v.ids[int(n)]
	}
	return nil
}

func (s *state) inService(t *vm.Thread) *service {
	if s.e.service == nil || s.e.worker == nil {
		t.Errorf("skynet.socket: there is no service in the context of %s", s.phase.context())
	}
	return s.e.service
}

// skynetSocketFunctions are what the module gets of the host.
func skynetSocketFunctions() []row {
	return []row{
		{"listen", anyPhase, skynetListen},
		{"accept", anyPhase, skynetAccept},
		{"start", calling, func(t *vm.Thread, s *state) int {
			s.inService(t)
			x, err := s.claim(t.CheckInt(1))
			if err != nil {
				return fail(t, socketError(err))
			}
			t.Push(s.e.newSocket(x.k, s.e.socketTable()))
			return 1
		}},
		// keep makes a socket that was connected the service's and gives it a number.
		{"keep", anyPhase, func(t *vm.Thread, s *state) int {
			k, v := checkCosocket(t), s.inService(t)
			if k.conn == nil {
				return fail(t, "closed")
			}
			k.owner.remove(k)
			k.owner = v.sockets()
			k.owner.add(k)
			k.readTimeout, k.sendTimeout = never, never
			t.PushInt(s.e.site.directory.number(&numbered{v: v, k: k}).id)
			return 1
		}},
		{"abandon", anyPhase, func(t *vm.Thread, s *state) int {
			if x := s.number(t, 1); x != nil && x.k != nil && x.k.wire != nil {
				if h, err := x.k.part(); err == nil {
					d := s.e.site.directory
					d.mu.Lock()
					x.k, x.h = nil, h
					d.mu.Unlock()
				}
			}
			return 0
		}},
		{"close", anyPhase, func(t *vm.Thread, s *state) int {
			x := s.number(t, 1)
			if x == nil { // perhaps one that nobody has started
				return 0
			}
			if x.n != nil {
				x.n.close()
			}
			if x.k != nil {
				x.k.Close()
			}
			s.e.site.directory.forget(x)
			return 0
		}},
		// wait parks until there is something to read.
		{"wait", calling, func(t *vm.Thread, s *state) int {
			k := checkCosocket(t)
			if n := k.readable(t, s); n > 0 {
				return n
			}
			t.PushBool(k.look(s))
			return 1
		}},
	}
}

// look parks until something is there to be read, and leaves it there.
func (k *cosocket) look(s *state) bool {
	k.reading = true
	defer func() { k.reading = false }()
	for k.pos == k.end {
		if k.wire == nil {
			return false
		}
		k.wire.SetReadTimeout(or(k.readTimeout, s.own.readTimeout))
		err := k.await(s)
		if err == nil && k.wire != nil {
			_, err = k.fill(s)
		}
		if err != nil && k.pos == k.end {
			k.failed(s, err)
			return false
		}
	}
	return true
}

func skynetListen(t *vm.Thread, s *state) int {
	v := s.inService(t)
	host, port := t.CheckString(1), t.Arg(2)
	if n, ok := port.ToNumber(); ok {
		host = net.JoinHostPort(host, strconv.Itoa(int(n)))
	}
	n, err := s.e.site.directory.listen(v, host, t.OptInt(3, 0))
	if err != nil {
		return fail(t, phases.Errno(err))
	}
	t.PushInt(s.e.site.directory.number(&numbered{v: v, n: n}).id)
	addr := netip.AddrPort{}
	if !n.addr.IsUnix() {
		addr = n.addr.AddrPort
	}
	t.PushString(addr.Addr().String())
	t.PushInt(int(addr.Port()))
	return 3
}

// skynetAccept begins accepting: fn(id, peer) runs for each connection, which waits for a service to
// start it. It is false when the number is that of no listening socket.
func skynetAccept(t *vm.Thread, s *state) int {
	v, fn := s.inService(t), t.Arg(2)
	x := s.number(t, 1)
	if x == nil || x.n == nil {
		t.PushBool(false)
		return 1
	}
	if fn.Kind() != vm.KFunction {
		t.TypeError(2, "function")
	}
	if x.n.on != nil {
		t.PushBool(true)
		return 1
	}
	err := x.n.accept(func(fd *actor.FD, peer string) {
		parcel, err := fd.Pack()
		if err != nil {
			return // it is closed
		}
		y := v.e.site.directory.number(&numbered{v: v, h: &handover{parcel: parcel}})
		v.fork(func(s *state) {
			if _, err := s.run(fn, vm.Int(y.id), vm.String(peer)); err != nil {
				s.logRun(err)
			}
		})
	})
	if err != nil {
		t.Errorf("%s", phases.Errno(err))
	}
	t.PushBool(true)
	return 1
}
