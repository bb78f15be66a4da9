package console

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

// Limits of a socket.
const (
	maxClients   = 16               // connections at a time, over all sockets
	maxLine      = 64 << 10         // bytes of a command
	idleTimeout  = time.Hour        // without a command
	writeTimeout = 10 * time.Second // for the client to take an answer
)

// board is the console of a server: it is kept over reloads.
type board struct {
	since time.Time

	mu      sync.Mutex
	configs []*phases.Config // that are started, in order: the last one's names hold
	sockets map[string]*socket
	// The connections, of the first worker.
	clients map[*actor.FD]struct{}
	count   atomic.Int32
}

// socket is a unix socket that configurations listen on.
type socket struct {
	l     *actor.Listener
	users map[*phases.Config]struct{}
}

const (
	boardKind = "debug console"
	boardName = " debug console" // no directive can name it
)

func openBoard(_ *Conf, b *phases.Block) error {
	_, err := b.Zone(nil, boardKind, boardName, 0, func() any {
		return &board{since: time.Now(), sockets: map[string]*socket{}, clients: map[*actor.FD]struct{}{}}
	})
	return err
}

func boardOf(cfg *phases.Config) (found *board) {
	cfg.EachZone(func(_, name string, value any) {
		if name == boardName {
			found = value.(*board)
		}
	})
	return found
}

// open listens on the paths for a configuration. On the first worker, on a coroutine.
func (d *board) open(cfg *phases.Config, w *actor.Worker, paths []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.configs = append(d.configs, cfg)
	for _, path := range paths {
		k := d.sockets[path]
		if k == nil {
			l, err := actor.Listen(actor.Unix(path), actor.ListenOptions{Mode: 0o600, Replace: true})
			if err == nil {
				err = w.Accept(l, func(fd *actor.FD, _ actor.Addr) { d.accepted(w, fd) }, func(err error) {
					cfg.MainLog.Logf(phases.LevelCrit, 0, "debug_console: accept4() failed (%s)", phases.Errno(err))
				})
			}
			if err != nil {
				d.drop(cfg, w)
				return fmt.Errorf("debug_console: bind() to unix:%s failed (%s)", path, phases.Errno(err))
			}
			k = &socket{l: l, users: map[*phases.Config]struct{}{}}
			d.sockets[path] = k
		}
		k.users[cfg] = struct{}{}
	}
	return nil
}

// leave ends what only this configuration wants. On the first worker.
func (d *board) leave(cfg *phases.Config, w *actor.Worker) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(cfg, w)
	if len(d.sockets) == 0 {
		for fd := range d.clients {
			fd.Close()
		}
	}
}

// drop is leave under the lock.
func (d *board) drop(cfg *phases.Config, w *actor.Worker) {
	kept := d.configs[:0:0]
	for _, o := range d.configs {
		if o != cfg {
			kept = append(kept, o)
		}
	}
	d.configs = kept
	for path, k := range d.sockets {
		delete(k.users, cfg)
		if len(k.users) == 0 {
			w.Unaccept(k.l)
			k.l.Close() // whoever reloads is not helped by its error
			delete(d.sockets, path)
		}
	}
}

// config is whose names hold now; nil: none.
func (d *board) config() *phases.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.configs) == 0 {
		return nil
	}
	return d.configs[len(d.configs)-1]
}

func (d *board) accepted(w *actor.Worker, fd *actor.FD) {
	if len(d.clients) >= maxClients {
		fd.Close()
		return
	}
	d.clients[fd] = struct{}{}
	w.Go(func() {
		defer func() {
			delete(d.clients, fd)
			fd.Close()
		}()
		fd.SetReadTimeout(idleTimeout)
		fd.SetWriteTimeout(writeTimeout)
		d.serve(w, fd)
	})
}

// serve reads commands, a line each, and answers each with its text and a last line <CMD OK> or
// <CMD Error>. The program of inject is in the lines that follow, up to one with only a dot or to
// where the client ends sending.
func (d *board) serve(w *actor.Worker, fd *actor.FD) {
	in := &lines{fd: fd}
	for {
		line, ok := in.next(maxLine)
		if !ok {
			return
		}
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		cfg := d.config()
		if cfg == nil {
			return
		}
		q := &query{cfg: cfg, board: d}
		c, a := q.parse(line)
		if c != nil && c.input {
			if q.input, ok = in.program(); !ok {
				return
			}
		}
		if c != nil {
			w.Offload(func() { a = d.run(q, c) })
		}
		end := "<CMD OK>\n"
		if a.failed {
			end = "<CMD Error>\n"
		}
		if _, err := fd.Write([]byte(a.text() + end)); err != nil {
			return
		}
	}
}

// maxQueries is how many commands run at a time.
const maxQueries = 16

// run is query.run within the limit.
func (d *board) run(q *query, c *command) *answer {
	defer d.count.Add(-1)
	if d.count.Add(1) > maxQueries {
		return failure("too many commands run at a time")
	}
	return q.run(c)
}

// lines reads a connection by lines.
type lines struct {
	fd   *actor.FD
	buf  []byte
	over bool // the client has ended sending
}

// next is the next line without its end; what the client has ended sending with counts as one.
// false: there is none, or it is longer than most.
func (in *lines) next(most int) (string, bool) {
	for {
		if i := bytes.IndexByte(in.buf, '\n'); i >= 0 {
			line := string(in.buf[:i])
			in.buf = in.buf[i+1:]
			return strings.TrimSuffix(line, "\r"), true
		}
		if in.over {
			line := string(in.buf)
			in.buf = nil
			return line, line != ""
		}
		if len(in.buf) > most {
			return "", false
		}
		var room [4096]byte
		n, err := in.fd.Read(room[:])
		in.buf = append(in.buf, room[:n]...)
		in.over = err != nil
	}
}

// program reads what inject runs.
func (in *lines) program() (string, bool) {
	var b strings.Builder
	for {
		line, ok := in.next(maxInput)
		if line == "." || !ok && in.over {
			return b.String(), true
		}
		if !ok || b.Len()+len(line) > maxInput {
			return "", false
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
}
