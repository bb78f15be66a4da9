package luahttpd

import (
	"errors"
	"fmt"
	"os"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

// socket is a listening socket, or one per worker with reuseport.
type socket struct {
	listeners []*actor.Listener
	given     bool // by the embedding program
}

// openSockets opens what cfg listens on and is not open yet. When that fails
// half way, what was opened is closed again.
func (s *Server) openSockets(cfg *phases.Config) error {
	if s.sockets == nil {
		s.sockets = map[string]*socket{}
	}
	if s.o.unbound {
		return nil
	}
	workers := len(s.workers)
	if workers == 0 {
		workers = cfg.Process.Workers
	}
	var opened []string
	for _, l := range cfg.Listens {
		key := l.String()
		if s.sockets[key] != nil || covered(cfg, l) {
			continue
		}
		n := 1
		if l.ReusePort {
			n = workers
		}
		k := &socket{}
		for range n {
			al, err := listenSocket(l)
			if err != nil {
				for _, key := range opened {
					s.sockets[key].close()
					delete(s.sockets, key)
				}
				k.close()
				return &listenError{failedCall(err), l.String(), err}
			}
			k.listeners = append(k.listeners, al)
		}
		s.sockets[key] = k
		opened = append(opened, key)
	}
	return nil
}

// listenError is a socket that could not be opened, in nginx's words.
type listenError struct {
	call, addr string
	err        error
}

func (e *listenError) Error() string {
	return fmt.Sprintf("%s to %s failed (%s)", e.call, e.addr, phases.Errno(e.err))
}

func (e *listenError) Unwrap() error { return e.err }

func failedCall(err error) string {
	var se *os.SyscallError
	if errors.As(err, &se) {
		return se.Syscall + "()"
	}
	return "listen()"
}

// covered tells whether a wildcard socket of the same port takes l's
// connections, so that l needs none of its own (nginx's rule).
func covered(cfg *phases.Config, l *phases.Listen) bool {
	if l.Unix != "" || l.Wildcard() || l.Bind || l.ReusePort || l.Addr.Port() == 0 {
		return false
	}
	for _, o := range cfg.Listens {
		if o.Wildcard() && o.Addr.Port() == l.Addr.Port() && o.Addr.Addr().Is4() == l.Addr.Addr().Is4() {
			return true
		}
	}
	return false
}

func listenSocket(l *phases.Listen) (*actor.Listener, error) {
	a := actor.IP(l.Addr)
	if l.Unix != "" {
		a = actor.Unix(l.Unix)
	}
	return actor.Listen(a, actor.ListenOptions{
		Replace: true, // a reload leaves the file of a unix socket to be bound again
		Backlog: max(l.Backlog, 0), ReusePort: l.ReusePort, DualStack: !l.IPv6Only, DeferAccept: l.Deferred, NoDelay: true,
		KeepAlive: actor.KeepAlive{On: l.KeepAlive.On, Idle: l.KeepAlive.Idle, Interval: l.KeepAlive.Interval, Count: l.KeepAlive.Count},
		Rcvbuf:    l.Rcvbuf, Sndbuf: l.Sndbuf, FastOpen: l.FastOpen,
	})
}

func (k *socket) close() {
	for _, l := range k.listeners {
		l.Close()
	}
}

// unlist takes the sockets out of the list that cfg does not listen on; nil:
// all. The caller closes them when no worker accepts from them any more.
func (s *Server) unlist(cfg *phases.Config) (out []*socket) {
	for key, k := range s.sockets {
		if cfg != nil && (k.given || wants(cfg, key)) {
			continue
		}
		out = append(out, k)
		delete(s.sockets, key)
	}
	return out
}

func closeSockets(all []*socket) {
	for _, k := range all {
		k.close()
	}
}

func wants(cfg *phases.Config, key string) bool {
	for _, l := range cfg.Listens {
		if l.String() == key && !covered(cfg, l) {
			return true
		}
	}
	return false
}
