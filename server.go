package luahttpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/phases"
)

// Server is an HTTP server made of one configuration. Several can run in one
// process. Its methods may be called from any goroutine.
type Server struct {
	o      options
	auto   int // what worker_processes is when it is auto or absent
	zones  *phases.Zones
	actors *mailbox.System
	logs   *phases.Logs
	cfg    atomic.Pointer[phases.Config]

	connections atomic.Uint64 // numbers them
	stats       phases.Stats

	reloading sync.Mutex // one at a time

	mu      sync.Mutex // guards what follows
	state   state
	workers []*worker
	sockets map[string]*socket
	hurry   func()        // ends the wait of a shutdown that is under way
	done    chan struct{} // closed when the server has ended
	failed  error
}

type state uint8

const (
	created state = iota
	running
	stopping
	ended
)

// ErrClosed is what Serve and ListenAndServe return after Shutdown or Close.
var ErrClosed = errors.New("luahttpd: server closed")

// Config returns the configuration that new requests get. It must not be
// changed; Reload puts another in its place.
func (s *Server) Config() *phases.Config { return s.cfg.Load() }

// Stats counts connections and requests of all workers, as stub_status does:
// since New, and (Active, Reading, Writing, Waiting) at this moment.
func (s *Server) Stats() phases.Totals { return s.stats.Total() }

// Listen opens the listening sockets, for who has something to do between that
// and the first connection; those wait in the sockets' queues until Start. The
// error is ErrClosed after Start, or which address could not be bound.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != created {
		return ErrClosed
	}
	return s.openSockets(s.cfg.Load())
}

// Start opens the listening sockets that are not open yet, starts the workers and returns when all
// of them serve. A server starts once, ErrClosed says that it was; when only an address could not be
// bound, it can be tried again.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != created {
		return ErrClosed
	}
	return s.start()
}

func (s *Server) start() error {
	cfg := s.cfg.Load()
	if err := s.openSockets(cfg); err != nil {
		return err
	}
	for i := range cfg.Process.Workers {
		w, err := newWorker(s, i)
		if err != nil {
			s.abandon()
			return err
		}
		s.workers = append(s.workers, w)
		s.actors.AddWorker(w.loop)
		go w.run()
	}
	s.state = running
	for _, w := range s.workers {
		if err := w.adopt(cfg); err != nil {
			s.abandon()
			return err
		}
	}
	for _, w := range s.workers {
		w.loop.Call(func() { w.listen() })
	}
	s.logNotices(cfg)
	return nil
}

func (s *Server) logNotices(cfg *phases.Config) {
	for _, n := range cfg.Notices() {
		level, text, _ := strings.Cut(strings.TrimPrefix(n, "["), "] ")
		if l, ok := phases.ParseLevel(level); ok {
			cfg.MainLog.Log(l, 0, text)
		}
	}
}

// abandon takes back a start that failed.
func (s *Server) abandon() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	s.actors.Close(ctx)
	cancel()
	for _, w := range s.workers {
		w.retire()
		w.loop.Close()
	}
	closeSockets(s.unlist(nil))
	s.state = ended
	s.logs.Close()
	close(s.done)
}

// ListenAndServe starts the server and returns when it has ended: ErrClosed
// after Shutdown or Close.
func (s *Server) ListenAndServe() error {
	if err := s.Start(); err != nil {
		return err
	}
	return s.Wait()
}

// Wait returns when the server has ended: ErrClosed, or why it did.
func (s *Server) Wait() error {
	<-s.done
	if s.failed != nil {
		return s.failed
	}
	return ErrClosed
}

// Serve serves connections of l too, as if its address stood in a listen
// directive of the first server block, unless one names it. It starts the
// server if it does not run, and returns as ListenAndServe does. l stays the
// caller's to close.
func (s *Server) Serve(l net.Listener) error {
	if err := s.Attach(l); err != nil {
		return err
	}
	s.mu.Lock()
	var err error
	if s.state == created {
		err = s.start()
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Wait()
}

// Attach makes the server take connections of l when it starts, or now, as Serve
// does. l must have a descriptor, as those of package net; the server uses a
// copy of it, and l stays the caller's to close.
func (s *Server) Attach(l net.Listener) error {
	raw, ok := l.(interface {
		net.Listener
		sysConn
	})
	if !ok {
		return fmt.Errorf("luahttpd: a %T has no descriptor", l)
	}
	al, err := actor.ListenerFrom(raw)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state > running {
		return errors.Join(ErrClosed, al.Close())
	}
	if s.sockets == nil {
		s.sockets = map[string]*socket{}
	}
	key := al.Addr().String()
	if s.sockets[key] != nil {
		return errors.Join(fmt.Errorf("luahttpd: %s is served already", key), al.Close())
	}
	s.sockets[key] = &socket{listeners: []*actor.Listener{al}, given: true}
	if s.state == running {
		for _, w := range s.workers {
			w.loop.Call(func() { w.listen() })
		}
	}
	return nil
}

// Addr is the first address that the server listens on, with the port that
// the system chose for port 0; nil before Start.
func (s *Server) Addr() net.Addr {
	if all := s.Addrs(); len(all) > 0 {
		return all[0]
	}
	return nil
}

// Addrs are all addresses that the server listens on, those of the
// configuration first, in its order.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []net.Addr
	seen := map[string]bool{}
	add := func(key string) {
		if k := s.sockets[key]; k != nil && !seen[key] {
			seen[key] = true
			all = append(all, k.listeners[0].Addr().Net())
		}
	}
	for _, l := range s.cfg.Load().Listens {
		add(l.String())
	}
	for key := range s.sockets {
		add(key)
	}
	return all
}

// Reload reads the configuration again. A bad one is refused and changes
// nothing; a good one is for requests that begin from now on, the others end
// as they began. Shared zones and unchanged sockets stay.
func (s *Server) Reload() error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if !s.locked(func() {}) {
		return ErrClosed
	}
	cfg, err := s.compile()
	if err != nil {
		return err
	}
	if !s.locked(func() { err = s.openSockets(cfg) }) {
		return ErrClosed
	}
	if err != nil {
		return err
	}
	// Modules may take their time: the lock is free, the server can be closed.
	for i, w := range s.workers {
		if err = w.adopt(cfg); err != nil {
			for _, back := range s.workers[:i] {
				back.readopt(s.cfg.Load())
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			closeSockets(s.unlist(s.cfg.Load()))
			return err
		}
	}
	if !s.locked(func() { s.take(cfg) }) {
		return ErrClosed
	}
	return nil
}

// locked runs f under the lock if the server runs.
func (s *Server) locked(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != running {
		return false
	}
	f()
	return true
}

// take makes cfg, which all workers have adopted, the server's.
func (s *Server) take(cfg *phases.Config) {
	s.cfg.Store(cfg)
	cfg.KeepZones()
	unwanted := s.unlist(cfg)
	for _, w := range s.workers {
		w.loop.Call(func() {
			w.listen()
			w.settle()
		})
	}
	closeSockets(unwanted)
	s.logNotices(cfg)
	if n := cfg.Process.Workers; n != len(s.workers) {
		cfg.MainLog.Log(phases.LevelWarn, 0, fmt.Sprintf("worker_processes stays %d until the server is started again", len(s.workers)))
	}
}

// ReopenLogs opens the log files anew, after they were renamed.
func (s *Server) ReopenLogs() error { return s.logs.Reopen() }

// Shutdown ends the server gracefully: it takes no new connections, closes
// idle ones and waits for the requests under way until ctx ends or
// worker_shutdown_timeout has passed; then it closes what is left. It returns
// when the server has ended: nil, or the error of ctx when something was cut
// off. When a shutdown is under way already, the end of either ctx ends the wait
// of both.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	switch s.state {
	case created:
		s.state = ended
		closeSockets(s.unlist(nil))
		s.logs.Close()
		close(s.done)
		s.mu.Unlock()
		return nil
	case running:
		return s.shutdown(ctx)
	}
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-ctx.Done():
		s.hurry()
		<-s.done
		return ctx.Err()
	}
	return nil
}

// shutdown is entered with the lock.
func (s *Server) shutdown(ctx context.Context) error {
	s.state = stopping
	timeout := s.cfg.Load().Process.ShutdownTimeout
	ctx, s.hurry = context.WithCancel(ctx)
	defer s.hurry()
	for _, w := range s.workers {
		w.loop.Call(w.drain)
	}
	closeSockets(s.unlist(nil))
	s.mu.Unlock()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	err := s.idle(ctx)
	s.finish()
	return err
}

// idle waits until no worker has a connection left.
func (s *Server) idle(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		busy := false
		for _, w := range s.workers {
			w.loop.Call(func() { busy = busy || w.conns > 0 || w.logging > 0 })
		}
		if !busy {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Close ends the server at once; requests under way are cut off.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := s.Shutdown(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// finish ends the workers and says so to Wait.
func (s *Server) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	s.actors.Close(ctx)
	cancel()
	for _, w := range s.workers {
		w.retire()
		if err := w.loop.Close(); err != nil && s.failed == nil {
			s.failed = err
		}
	}
	s.mu.Lock()
	s.state = ended
	s.mu.Unlock()
	s.logs.Close()
	close(s.done)
}

// Path makes a path of the configuration absolute, as relative to the prefix.
func (s *Server) Path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.o.prefix, p)
}

// Test does what would be done before the first request, without listening:
// the modules start and stop on one worker (init_by_lua runs). It is for a
// server made with ForTest, which ends with it.
func (s *Server) Test() error {
	w, err := newWorker(s, 0)
	if err != nil {
		return err
	}
	go w.run()
	err = w.adopt(s.cfg.Load())
	w.retire()
	if cerr := w.loop.Close(); err == nil {
		err = cerr
	}
	s.logs.Close()
	return err
}
