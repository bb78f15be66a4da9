package lua

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// process is a program that a script has started (ngx.pipe), with the pipes to
// and from it. It is killed when the script has dropped it, or its VM ends.
type process struct {
	e      *engine
	cmd    *exec.Cmd
	stdin  pipeEnd
	out    [2]pipeEnd // stdout and stderr
	merged bool       // stderr goes where stdout does

	waitTimeout    time.Duration
	ended, fetched bool // it has; somebody has been told
	waiter         waiter
	waiting        bool
}

// pipeEnd is our end of a pipe.
type pipeEnd struct {
	fd      *actor.FD // nil: closed
	buf     []byte    // received and not read
	busy    bool
	timeout time.Duration // 0: none
}

const (
	pipeTimeout = 10 * time.Second
	pipeBuffer  = 4096
)

// start starts the program.
func (p *process) start() (err error) {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
		if err != nil {
			p.closeEnds()
		}
	}()
	open := func(end *pipeEnd, ours int) (*os.File, error) {
		var fds [2]int
		if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
			return nil, os.NewSyscallError("pipe", err)
		}
		f := os.NewFile(uintptr(fds[1-ours]), "pipe")
		theirs = append(theirs, f)
		if end.fd, err = p.e.worker.NewFD(fds[ours]); err != nil {
			return nil, errors.Join(err, syscall.Close(fds[ours]))
		}
		return f, nil
	}
	in, err := open(&p.stdin, 1)
	if err != nil {
		return err
	}
	out, err := open(&p.out[0], 0)
	if err != nil {
		return err
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, out, out
	if !p.merged {
		f, err := open(&p.out[1], 0)
		if err != nil {
			return err
		}
		p.cmd.Stderr = f
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what ends the server by the terminal does not end it
	if err := p.cmd.Start(); err != nil {
		return err
	}
	if p.e.processes == nil {
		p.e.processes = map[*process]struct{}{}
	}
	p.e.processes[p] = struct{}{}
	w := p.e.worker
	go func() {
		_ = p.cmd.Wait() // its state tells all
		w.Post(actor.TaskFunc(func(*actor.Worker) {
			p.ended = true
			p.e.site.cfg.MainLog.Logf(phases.LevelDebug, 0, "lua pipe SIGCHLD fd read pid:%d status:%v", p.cmd.Process.Pid, p.cmd.ProcessState)
			delete(p.e.processes, p)
			p.waiter.wake()
		}))
	}()
	return nil
}

func (p *process) closeEnds() {
	for _, end := range []*pipeEnd{&p.stdin, &p.out[0], &p.out[1]} {
		end.close()
	}
}

func (p *pipeEnd) close() {
	if p.fd != nil {
		_ = p.fd.Close() // it is closed, whatever the system says
		p.fd = nil
	}
}

// destroy ends the program if it runs.
func (p *process) destroy() {
	p.closeEnds()
	if !p.ended {
		_ = p.cmd.Process.Kill() // it may have ended just now
	}
}

// killProcesses ends what the engine's scripts have started.
func (e *engine) killProcesses() {
	for p := range e.processes {
		p.destroy()
	}
}

// result pushes how the program has ended, as wait returns it.
func (p *process) result(t *vm.Thread) int {
	p.fetched = true
	st, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	t.PushBool(st.Exited() && st.ExitStatus() == 0)
	if st.Signaled() {
		t.PushString("signal")
		t.PushInt(int(st.Signal()))
	} else {
		t.PushString("exit")
		t.PushInt(st.ExitStatus())
	}
	return 3
}

// readMode is what a read waits for: cut takes it off what has come, ok tells
// that it is there.
type readMode func(buf []byte) (got []byte, used int, ok bool)

func readAll([]byte) ([]byte, int, bool) { return nil, 0, false }

func readLine(buf []byte) ([]byte, int, bool) {
	i := bytes.IndexByte(buf, '\n')
	if i < 0 {
		return nil, 0, false
	}
	return bytes.ReplaceAll(buf[:i], []byte("\r"), nil), i + 1, true
}

func readBytes(n int) readMode {
	return func(buf []byte) ([]byte, int, bool) { return buf[:min(n, len(buf))], n, len(buf) >= n }
}

func readAny(most int) readMode {
	return func(buf []byte) ([]byte, int, bool) {
		n := min(most, len(buf))
		return buf[:n], n, n > 0
	}
}

// read pushes what mode asks for, or nil, why not and what there was.
func (p *pipeEnd) read(t *vm.Thread, mode readMode, whole bool) int {
	switch {
	case p.fd == nil:
		return fail(t, "closed")
	case p.busy:
		return fail(t, "pipe busy reading")
	}
	p.busy = true
	defer func() { p.busy = false }()
	p.fd.SetReadTimeout(p.timeout)
	for {
		if got, used, ok := mode(p.buf); ok {
			t.PushBytes(got)
			p.buf = append(p.buf[:0], p.buf[used:]...)
			return 1
		}
		if cap(p.buf)-len(p.buf) < pipeBuffer {
			t.Reserve(cap(p.buf) + pipeBuffer)
			p.buf = append(make([]byte, 0, 2*cap(p.buf)+pipeBuffer), p.buf...)
		}
		n, err := p.fd.Read(p.buf[len(p.buf):cap(p.buf)])
		p.buf = p.buf[:len(p.buf)+n]
		if err == nil || n > 0 {
			continue
		}
		rest := p.buf
		p.buf = nil
		if errors.Is(err, io.EOF) {
			p.close()
			if whole {
				t.PushBytes(rest)
				return 1
			}
		}
		fail(t, pipeError(err))
		t.PushBytes(rest)
		return 3
	}
}

func pipeError(err error) string {
	var no syscall.Errno
	switch {
	case errors.Is(err, actor.ErrTimeout):
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.EPIPE), errors.Is(err, os.ErrClosed), errors.Is(err, syscall.EBADF):
		return "closed"
	case errors.As(err, &no):
		return no.Error()
	}
	return err.Error()
}
