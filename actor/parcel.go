package actor

import (
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A Parcel is a connection that has left its owner and has not come to the next one, who may be on
// another worker. It is opened once; one that nobody opens must be closed, and is at latest when the
// collector finds it. Any goroutine may have it, one at a time.
type Parcel struct {
	// Unread is what was received and not read: it comes before what the connection gives.
	Unread []byte

	fd  *parcelFD
	tls *TLS
}

// parcelFD is the descriptor of a Parcel, -1 when it was opened or closed.
type parcelFD struct{ fd atomic.Int32 }

func (p *parcelFD) close() {
	if fd := p.fd.Swap(-1); fd >= 0 {
		unix.Close(int(fd))
	}
}

// Pack takes the descriptor from the worker for a journey. A coroutine that is parked on it goes on
// with net.ErrClosed.
func (f *FD) Pack() (*Parcel, error) {
	if f.flags&open == 0 {
		return nil, net.ErrClosed
	}
	p := &Parcel{fd: &parcelFD{}}
	p.fd.fd.Store(int32(f.Detach()))
	runtime.AddCleanup(p, (*parcelFD).close, p.fd)
	return p, nil
}

// Pack takes the descriptor from the worker with the state of its TLS. ErrBusy while a coroutine
// reads, writes or shakes hands.
func (t *TLS) Pack() (*Parcel, error) {
	switch {
	case t.reading || t.writing:
		return nil, ErrBusy
	case !t.shaken:
		return nil, net.ErrClosed
	}
	p, err := t.fd.Pack()
	if err == nil {
		p.tls = t
	}
	return p, err
}

// Open puts the connection under a worker's loop, on its goroutine. tls is nil when it has none.
// After an error the parcel is closed; net.ErrClosed: it was opened or closed before.
func (p *Parcel) Open(w *Worker) (f *FD, tls *TLS, err error) {
	fd := int(p.fd.fd.Swap(-1))
	if fd < 0 {
		return nil, nil, net.ErrClosed
	}
	f = &FD{}
	if err := f.Open(w, fd, true); err != nil {
		unix.Close(fd)
		return nil, nil, err
	}
	if p.tls != nil { // whatever still knows the old FD finds it closed
		p.tls.fd = f
	}
	return f, p.tls, nil
}

// Close closes the connection unless it was opened.
func (p *Parcel) Close() { p.fd.close() }

// WaitReadable parks until the descriptor is ready to be read, or has failed, as far as the loop
// knows. It is for who lends a buffer only then; limit 0 is none.
func (f *FD) WaitReadable(limit time.Duration) error {
	f.read.timeout = limit
	if err := f.begin(&f.read); err != nil {
		return err
	}
	for f.flags&(readable|open) == open {
		if err := f.wait(&f.read, onRead, readable); err != nil {
			return err
		}
	}
	return nil
}
