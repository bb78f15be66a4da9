package lua

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// directory is what the actors of a server listen on, and the connections that skynet.socket knows
// by numbers. It is kept over reloads.
type directory struct {
	mu        sync.Mutex
	listeners map[string][]*hearing // by address
	ids       map[int]*numbered
	last      int
}

// openDirectory finds the server's, when a configuration is compiled.
func (c *site) openDirectory(b *phases.Block) error {
	if c.directory != nil {
		return nil
	}
	z, err := b.Zone(nil, "sockets of actors", " sockets of actors", 0, func() any {
		return &directory{listeners: map[string][]*hearing{}, ids: map[int]*numbered{}}
	})
	if err != nil {
		return err
	}
	c.directory = z.(*directory)
	return nil
}

// hearing is a socket that an actor listens on.
type hearing struct {
	v      *service
	l      *sharedListener
	key    string
	addr   actor.Addr
	on     func(fd *actor.FD, peer string) // nil: it does not accept yet
	closed bool
}

// sharedListener is a listener with the number of those who have it, under the directory's lock.
type sharedListener struct {
	*actor.Listener
	users int
}

// listenAddress reads "address:port", "port" or "unix:path".
func listenAddress(text string) (a actor.Addr, ok bool) {
	if path, unix := strings.CutPrefix(text, "unix:"); unix {
		return actor.Unix(path), path != ""
	}
	if port, err := strconv.ParseUint(text, 10, 16); err == nil {
		return actor.IP(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port))), true
	}
	ap, err := netip.ParseAddrPort(text)
	return actor.IP(ap), err == nil
}

// listen opens a socket for the actor. Actors of one program on several workers may listen on one
// address, and those of the next configuration on those of the one before: they share it.
func (d *directory) listen(v *service, text string, backlog int) (*hearing, error) {
	addr, ok := listenAddress(text)
	if !ok {
		return nil, fmt.Errorf("%q is no address to listen on", text)
	}
	n := &hearing{v: v, key: addr.String()}
	d.mu.Lock()
	defer d.mu.Unlock()
	others := d.listeners[n.key]
	if !addr.IsUnix() && addr.Port() == 0 {
		others = nil
	}
	for _, o := range others {
		if o.v.a.Scope() == v.a.Scope() && (o.v.program() != v.program() || o.v.e.worker == v.e.worker) {
			return nil, syscall.EADDRINUSE
		}
	}
	var err error
	if n.l, err = shareListener(others, v.e.worker); err == nil && n.l == nil {
		n.l = &sharedListener{}
		n.l.Listener, err = actor.Listen(addr, actor.ListenOptions{Backlog: backlog, NoDelay: true})
	}
	if err != nil {
		return nil, err
	}
	n.l.users++
	n.addr = n.l.Addr()
	d.listeners[n.key] = append(d.listeners[n.key], n)
	v.listens = append(v.listens, n)
	return n, nil
}

// shareListener gives the listener that others have for a worker, which accepts from one only once:
// it gets a duplicate then.
func shareListener(others []*hearing, w *actor.Worker) (*sharedListener, error) {
	if len(others) == 0 {
		return nil, nil
	}
	taken := map[*sharedListener]bool{}
	for _, o := range others {
		taken[o.l] = taken[o.l] || o.v.e.worker == w
	}
	for l, here := range taken {
		if !here {
			return l, nil
		}
	}
	first := others[0].l
	file, err := first.File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	l, err := actor.ListenerFrom(file)
	if err == nil && first.Addr().IsUnix() {
		first.KeepPath()
	}
	return &sharedListener{Listener: l}, err
}

// program is what tells actors of one program.
func (v *service) program() *vm.Proto {
	if v.prog == nil {
		return nil
	}
	return v.prog.proto
}

// accept has on called on the loop with each connection, which is its to close.
func (n *hearing) accept(on func(fd *actor.FD, peer string)) error {
	n.on = on
	w := n.v.e.worker
	return w.Accept(n.l.Listener, func(fd *actor.FD, peer actor.Addr) {
		if n.closed || !n.v.a.Alive() {
			fd.Close()
			return
		}
		n.on(fd, peer.String())
	}, func(err error) {
		n.v.e.site.cfg.MainLog.Logf(phases.LevelCrit, 0, "accept4() failed (%s), actor %s", phases.Errno(err), n.v.a)
	})
}

// close ends listening. On the actor's worker.
func (n *hearing) close() {
	if n.closed {
		return
	}
	n.closed = true
	n.v.e.worker.Unaccept(n.l.Listener)
	d := n.v.e.site.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listeners[n.key] = without(d.listeners[n.key], n)
	if len(d.listeners[n.key]) == 0 {
		delete(d.listeners, n.key)
	}
	n.v.listens = without(n.v.listens, n)
	if n.l.users--; n.l.users == 0 {
		n.l.Close() // nobody is left to be told
	}
}

func without[T comparable](list []T, x T) []T {
	for i, y := range list {
		if y == x {
			return append(list[:i:i], list[i+1:]...)
		}
	}
	return list
}

// deafen ends all listening of the actor: its successor may want the addresses.
func (v *service) deafen() {
	for len(v.listens) > 0 {
		v.listens[0].close()
	}
}

// adopt makes a connection that was accepted a socket of the actor.
func (v *service) adopt(fd *actor.FD) *cosocket {
	c := &connection{fd: fd}
	k := &cosocket{e: v.e, wire: c, conn: c, owner: v.sockets()}
	k.owner.add(k)
	return k
}

// actorListen is actor.listen(address [, options], fn): fn(sock, peer) runs for each connection in a
// coroutine of its own.
func actorListen(t *vm.Thread, s *state) int {
	v := s.e.service
	if v == nil || s.e.worker == nil {
		t.Errorf("actor.listen: there is no actor in the context of %s", s.phase.context())
	}
	text, arg, backlog := t.CheckString(1), 2, 0
	if o := t.Arg(2).Table(); o != nil {
		arg, backlog = 3, int(positive(t, o, "backlog"))
	}
	fn := t.CheckFunc(arg)
	n, err := s.e.site.directory.listen(v, text, backlog)
	if err != nil {
		return fail(t, phases.Errno(err))
	}
	err = n.accept(func(fd *actor.FD, peer string) {
		k := v.adopt(fd)
		v.fork(func(s *state) {
			if _, err := s.run(fn, s.e.newSocket(k, s.e.socketTable()), vm.String(peer)); err != nil {
				k.Close()
				s.logRun(err)
			}
		})
	})
	if err != nil {
		n.close()
		return fail(t, phases.Errno(err))
	}
	t.Push(s.e.vm.NewUserdata(n, s.e.methods("actor.listener", map[string]func(*vm.Thread, *state) int{
		"close": func(t *vm.Thread, s *state) int {
			checkHearing(t).close()
			return 0
		},
		"address": func(t *vm.Thread, s *state) int {
			t.PushString(checkHearing(t).addr.String())
			return 1
		},
	})))
	return 1
}

func checkHearing(t *vm.Thread) *hearing {
	n, ok := userdata[*hearing](t.Arg(1))
	if !ok {
		t.ArgError(1, "listener expected")
	}
	return n
}
