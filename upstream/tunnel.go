package upstream

import (
	"errors"
	"io"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// tunnel joins client and peer after a 101: bytes both ways until one of them
// closes or nothing moves for proxy_read_timeout.
func (x *Exchange) tunnel() phases.Result {
	r := x.r
	if err := r.SendHeader(); err != nil {
		return r.FilterResult(err)
	}
	if r.IsMain() {
		r.Stream().OnGone(nil)
	}
	client, err := r.Stream().Takeover()
	if err != nil {
		return r.Result(err)
	}
	c := x.conn
	client.SetReadTimeout(0)
	client.SetWriteTimeout(x.try.SendTimeout)
	t := &tunnel{client: client, peer: c}
	up := r.Worker.Go(func() { t.up(x.w) })
	defer up.Kill()
	down := x.buf[x.rd:x.wr]
	x.rd = x.wr
	for {
		if len(down) > 0 {
			x.received += int64(len(down))
			r.Wrote(int64(len(down)))
			if _, err := client.Write(down); err != nil {
				break
			}
		}
		moved := t.moved
		n, err := c.Read(x.buf)
		if errors.Is(err, actor.ErrTimeout) && t.moved != moved {
			down = nil
			continue
		}
		if errors.Is(err, actor.ErrTimeout) {
			r.Errorf(phases.LevelError, "upstream timed out (110: Connection timed out) while proxying upgraded connection")
		}
		if err != nil {
			break
		}
		down = x.buf[:n]
	}
	x.ended(Answered)
	x.last().length = x.received
	return phases.Failed
}

// tunnel is the way from the client to the peer.
type tunnel struct {
	client phases.Pipe
	peer   *peerConn
	moved  int64 // bytes, so that the other way knows of life
}

func (t *tunnel) up(w *worker) {
	buf := w.takeLarge(pieceSize)
	defer w.giveLarge(buf)
	for {
		n, err := t.client.Read(buf)
		if err != nil {
			break
		}
		if _, err = t.peer.Write(buf[:n]); err != nil {
			break
		}
		t.moved += int64(n)
	}
	t.peer.fd.Close() // wakes the other way
}
