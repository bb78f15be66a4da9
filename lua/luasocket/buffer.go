package luasocket

import (
	"bytes"
	"strings"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// How many bytes one system call moves.
const (
	receiveStep = 8 << 10
	sendStep    = 64 << 10
)

// stepCost is what moving so many bytes costs of the run's time, in steps of
// the machine: a peer who is always ready does not keep the worker for itself.
const stepCost = 500

// send(data [, first [, last]]) gives the index of the last byte sent; after an
// error nil, the error and that.
func (s *sock) send(t *vm.Thread) int {
	data := t.CheckString(2)
	size := len(data)
	first, last := t.OptInt(3, 1), t.OptInt(4, -1)
	s.start = time.Now()
	if first < 0 {
		first += size + 1
	}
	if last < 0 {
		last += size + 1
	}
	first, last = max(first, 1), min(last, size)
	sent, err := 0, error(nil)
	if first <= last {
		sent, err = s.write(t, data[first-1:last])
	}
	if err != nil {
		failed(t, err)
		t.PushInt(sent + first - 1)
		return 3
	}
	t.PushInt(sent + first - 1)
	t.PushNil()
	t.PushNil()
	return 3
}

// write writes all of the data unless there is an error.
func (s *sock) write(t *vm.Thread, data string) (sent int, err error) {
	buf := make([]byte, min(len(data), sendStep))
	for sent < len(data) && err == nil {
		part := buf[:copy(buf, data[sent:])]
		n := 0
		err = s.try(t, true, func() (err error) {
			n, err = syscall.Write(s.fd, part)
			return err
		})
		n = max(n, 0)
		sent += n
		s.sent += float64(n)
		t.Pause(stepCost)
	}
	return sent, err
}

// receive([pattern [, prefix]]) gives what the pattern says behind the prefix;
// after an error nil, the error and what had come.
func (s *sock) receive(t *vm.Thread) int {
	prefix := t.OptString(3, "")
	s.start = time.Now()
	out := append([]byte(nil), prefix...)
	var err error
	if n, ok := t.Arg(2).ToNumber(); ok {
		if !(n >= 0) {
			t.ArgError(2, "invalid receive pattern")
		}
		if wanted := t.CheckInt(2); len(prefix) == 0 || wanted > len(prefix) {
			out, err = s.receiveBytes(t, out, wanted-len(prefix))
		}
	} else {
		switch p := t.OptString(2, "*l"); {
		case strings.HasPrefix(p, "*l"):
			out, err = s.receiveLine(t, out)
		case strings.HasPrefix(p, "*a"):
			out, err = s.receiveAll(t, out)
		default:
			t.ArgError(2, "invalid receive pattern")
		}
	}
	if err != nil {
		failed(t, err)
		t.PushBytes(out)
		return 3
	}
	t.PushBytes(out)
	t.PushNil()
	t.PushNil()
	return 3
}

// more gives what has been received, at least one byte, and waits for it when
// there is nothing. have is how much the call has got already.
func (s *sock) more(t *vm.Thread, have int) ([]byte, error) {
	if s.pos < len(s.buf) {
		return s.buf[s.pos:], nil
	}
	t.Reserve(have + receiveStep)
	t.Pause(stepCost)
	if s.buf == nil {
		s.buf = make([]byte, 0, receiveStep)
	}
	s.buf, s.pos = s.buf[:0], 0
	err := s.try(t, false, func() error {
		n, err := syscall.Read(s.fd, s.buf[:cap(s.buf)])
		if n == 0 && err == nil {
			return errClosed
		}
		s.buf, s.pos = s.buf[:max(n, 0)], 0
		return err
	})
	return s.buf, err
}

func (s *sock) used(n int) {
	s.pos += n
	s.received += float64(n)
}

func (s *sock) receiveBytes(t *vm.Thread, out []byte, wanted int) ([]byte, error) {
	for {
		b, err := s.more(t, len(out)) // also for no bytes: it tells whether there are any
		n := min(len(b), wanted)
		out = append(out, b[:n]...)
		s.used(n)
		wanted -= n
		if err != nil || wanted == 0 {
			return out, err
		}
	}
}

// receiveLine reads up to a line feed, and drops carriage returns.
func (s *sock) receiveLine(t *vm.Thread, out []byte) ([]byte, error) {
	for {
		b, err := s.more(t, len(out))
		if err != nil {
			return out, err
		}
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part = b[:end]
		}
		for i := bytes.IndexByte(part, '\r'); i >= 0; i = bytes.IndexByte(part, '\r') {
			out = append(out, part[:i]...)
			part = part[i+1:]
		}
		out = append(out, part...)
		if end >= 0 {
			s.used(end + 1)
			return out, nil
		}
		s.used(len(b))
	}
}

func (s *sock) receiveAll(t *vm.Thread, out []byte) ([]byte, error) {
	had := len(out)
	for {
		b, err := s.more(t, len(out))
		out = append(out, b...)
		s.used(len(b))
		if err == errClosed && len(out) > had {
			return out, nil
		}
		if err != nil {
			return out, err
		}
	}
}

func (s *sock) getStats(t *vm.Thread) int {
	t.PushNumber(s.received)
	t.PushNumber(s.sent)
	t.PushNumber(time.Since(s.birthday).Seconds())
	return 3
}

func (s *sock) setStats(t *vm.Thread) int {
	s.received, s.sent = t.OptNumber(2, s.received), t.OptNumber(3, s.sent)
	if n, ok := t.Arg(4).ToNumber(); ok {
		s.birthday = time.Now().Add(-seconds(n))
	}
	return one(t)
}
