package upstream

import (
	"os"
	"path/filepath"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// tempConf is where the answers are put that clients take more slowly than
// peers send them.
type tempConf struct {
	dir   string // proxy_temp, fastcgi_temp, …
	max   int64  // bytes of one answer (1024m); 0: none
	write int64  // bytes at a time; 0: as much as the buffers hold
}

// tempRows are the directives of tempConf.
func tempRows[T any](prefix string, f func(*T) *Settings) []phases.Directive[T] {
	return []phases.Directive[T]{
		phases.Set(prefix+"temp_path", anywhere, conf.Between(1, 4), func(own *T, _ *phases.Block, s *conf.Stmt) error {
			for _, level := range s.Args[1:] { // names are chosen so that none is needed
				if n, ok := conf.Number(level); !ok || n < 1 {
					return s.Errorf("invalid value \"%s\"", level)
				}
			}
			f(own).temp.dir = s.Args[0]
			return nil
		}),
		phases.SetSize(prefix+"max_temp_file_size", anywhere, func(t *T) *int64 { return &f(t).temp.max }),
		phases.SetSize(prefix+"temp_file_write_size", anywhere, func(t *T) *int64 { return &f(t).temp.write }),
	}
}

// ahead is what was received of an answer while the client was still taking
// what came before: pieces in the exchange's buffers and, when these are full,
// in a temporary file. The loop receives them while the request's coroutine
// sends; a client that keeps up has none.
type ahead struct {
	x      *Exchange
	pieces []piece // not passed on yet
	since  time.Time
	timer  actor.Timer
	// err ended the reading; the coroutine deals with it when the pieces are gone.
	err error
	// spilled: what comes goes to a file until the client has caught up.
	spilled bool
	stuck   bool // the file could not be written: nothing more is read until then
	file    *os.File
	size    int64      // bytes of file that are in use
	others  []*os.File // of a cache, whose pieces may be pending
}

// piece is a run of an answer's body, in memory or a range of a file.
type piece struct {
	bytes     []byte
	file      *os.File
	off, size int64
}

func (p *piece) len() int64 {
	if p.file != nil {
		return p.size
	}
	return int64(len(p.bytes))
}

// patience is how long a client may take for a piece before more is put into a
// file: one that is only a little behind costs no copy.
const patience = 50 * time.Millisecond

// readTurn bounds what is read ahead of one answer before the worker's others
// have a turn.
const readTurn = 256 << 10

// begin has the loop read the answer on while the coroutine sends a piece.
func (a *ahead) begin() {
	a.since = a.x.r.Worker.Now()
	a.x.conn.onReadable(a)
}

func (a *ahead) end() {
	a.since = time.Time{}
	a.timer.Stop()
	if c := a.x.conn; c != nil {
		c.onReadable(nil)
	}
}

// Expire is called by the loop when the client was given enough time.
func (a *ahead) Expire(*actor.Timer) { a.Run(nil) }

// Run is called by the loop when the peer has sent something while a piece is
// being sent.
func (a *ahead) Run(*actor.Worker) {
	x := a.x
	if a.since.IsZero() || x.conn == nil || a.err != nil || a.stuck {
		return
	}
	for took := 0; took < readTurn; {
		if t := x.set.LimitRate; t != nil {
			if wait := x.tooFast(t); wait > 0 {
				a.timer.Reset(wait)
				return
			}
		}
		if !a.spilled && x.wr == len(x.buf) && x.large == nil {
			x.enlarge()
		}
		var n int
		switch {
		case !a.spilled && x.wr < len(x.buf):
			n = a.read()
		case a.mayOverflow():
			n = a.overflow()
		default:
			return
		}
		if n == 0 {
			return
		}
		took += n
	}
	x.conn.onReadable(a)
}

// read receives into what is free of the buffer. 0: no more for now.
func (a *ahead) read() int {
	x := a.x
	n, err := x.conn.tryRead(x.buf[x.wr:])
	x.wr += n
	for err == nil && x.rd < x.wr && !x.complete {
		data, used, derr := x.decode()
		a.add(data)
		if err = derr; used == 0 && len(data) == 0 {
			break
		}
	}
	return a.went(n, err)
}

// went tells what to do after n bytes were read.
func (a *ahead) went(n int, err error) int {
	switch {
	case a.x.complete:
		return 0
	case err == actor.ErrWouldBlock:
		a.x.conn.onReadable(a)
		return 0
	case err != nil:
		a.err = err
		return 0
	}
	return n
}

// add keeps data, which stands in the exchange's buffer.
func (a *ahead) add(data []byte) {
	if len(data) == 0 {
		return
	}
	if n := len(a.pieces); n > 0 {
		p := &a.pieces[n-1]
		if l := len(p.bytes); p.file == nil && l < cap(p.bytes) && &p.bytes[:l+1][l] == &data[0] {
			p.bytes = p.bytes[:l+len(data)]
			return
		}
	}
	a.pieces = append(a.pieces, piece{bytes: data})
}

// addRange keeps a range of a file.
func (a *ahead) addRange(f *os.File, off, size int64) {
	if n := len(a.pieces); n > 0 {
		if p := &a.pieces[n-1]; p.file == f && p.off+p.size == off {
			p.size += size
			return
		}
	}
	a.pieces = append(a.pieces, piece{file: f, off: off, size: size})
}

// mayOverflow tells whether what comes next may go to a file.
func (a *ahead) mayOverflow() bool {
	x := a.x
	switch {
	case x.rd != x.wr:
		return false // what is not decoded stays where it is
	case x.cache != nil && x.cache.temp != nil: // it does so anyway
	case x.set.temp.max == 0 || a.size >= x.set.temp.max:
		return false
	}
	if a.spilled {
		return true
	}
	if wait := patience - x.r.Worker.Now().Sub(a.since); wait > 0 {
		a.timer.Reset(wait)
		return false
	}
	return true
}

// overflow receives into a file: the cache's if the answer is being stored,
// else a temporary one.
func (a *ahead) overflow() int {
	x := a.x
	size := x.largeSize()
	if w := x.set.temp.write; w > 0 {
		size = int(min(w, maxLarge))
	}
	room := x.w.takeLarge(size)
	n, err := x.conn.tryRead(room)
	if n > 0 {
		a.spilled = true
		held := x.buf
		x.buf, x.rd, x.wr = room, 0, n
		for err == nil && x.rd < x.wr && !x.complete {
			var f *os.File
			var off int64
			if c := x.cache; c != nil && c.temp != nil {
				f, off = c.temp, c.header.start()+c.header.body
				a.hold(f)
			}
			data, used, derr := x.decode()
			if len(data) > 0 {
				if f != nil && x.inCache {
					a.addRange(f, off, int64(len(data)))
				} else {
					a.write(data)
				}
			}
			if err = derr; used == 0 && len(data) == 0 {
				break
			}
		}
		x.buf, x.rd, x.wr = held, len(held), len(held)
	}
	x.w.giveLarge(room)
	if n = a.went(n, err); a.stuck {
		return 0
	}
	return n
}

// write puts data into the temporary file.
func (a *ahead) write(data []byte) {
	err := a.open()
	if err == nil {
		_, err = a.file.WriteAt(data, a.size)
	}
	if err != nil {
		a.x.r.Errorf(phases.LevelCrit, "%s while reading upstream", phases.OpenError(err))
		a.stuck = true
		a.pieces = append(a.pieces, piece{bytes: append([]byte(nil), data...)})
		return
	}
	a.addRange(a.file, a.size, int64(len(data)))
	a.size += int64(len(data))
}

// open makes the temporary file, which has no name as soon as it is there.
func (a *ahead) open() (err error) {
	if a.file != nil {
		return nil
	}
	r := a.x.r
	dir := a.x.set.temp.dir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(r.Config.Prefix, dir)
	}
	f, err := os.CreateTemp(dir, "0*")
	if os.IsNotExist(err) {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			f, err = os.CreateTemp(dir, "0*")
		}
	}
	if err != nil {
		return err
	}
	_ = os.Remove(f.Name()) // it goes with its last descriptor
	a.file = f
	r.Errorf(phases.LevelWarn, "an upstream response is buffered to a temporary file %s while reading upstream", f.Name())
	return nil
}

// hold keeps a cache's file open while pieces of it may be pending.
func (a *ahead) hold(f *os.File) {
	if !a.holds(f) {
		a.others = append(a.others, f)
	}
}

// holds tells whether somebody else than the cache closes its file.
func (a *ahead) holds(f *os.File) bool {
	for _, o := range a.others {
		if o == f {
			return true
		}
	}
	return false
}

// pop takes the first piece.
func (a *ahead) pop() (p piece, ok bool) {
	if len(a.pieces) == 0 {
		return p, false
	}
	p = a.pieces[0]
	n := copy(a.pieces, a.pieces[1:])
	a.pieces[n] = piece{}
	a.pieces = a.pieces[:n]
	return p, true
}

// caughtUp is called when the client has taken everything: buffers and file
// are used from their beginning again.
func (a *ahead) caughtUp() { a.spilled, a.stuck, a.size = false, false, 0 }

// drop forgets everything.
func (a *ahead) drop() {
	a.since = time.Time{}
	a.timer.Stop()
	clear(a.pieces)
	a.pieces, a.err = a.pieces[:0], nil
	if a.file != nil {
		a.file.Close()
		a.file = nil
	}
	for i, f := range a.others {
		f.Close()
		a.others[i] = nil
	}
	a.others = a.others[:0]
	a.caughtUp()
}
