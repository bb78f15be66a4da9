package actor

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Option is an option of a socket whose value is a number: 0 and 1 for those
// that are on or off.
type Option uint8

const (
	OptionKeepAlive    Option = iota // SO_KEEPALIVE
	OptionReuseAddr                  // SO_REUSEADDR
	OptionNoDelay                    // TCP_NODELAY
	OptionSendBuffer                 // SO_SNDBUF, in bytes; the kernel doubles it
	OptionRecvBuffer                 // SO_RCVBUF, in bytes; the kernel doubles it
	OptionKeepInterval               // TCP_KEEPINTVL, in seconds
	OptionKeepCount                  // TCP_KEEPCNT
)

// options are the kernel's levels and numbers of Options.
var options = [...][2]int{
	OptionKeepAlive:    {unix.SOL_SOCKET, unix.SO_KEEPALIVE},
	OptionReuseAddr:    {unix.SOL_SOCKET, unix.SO_REUSEADDR},
	OptionNoDelay:      {unix.IPPROTO_TCP, unix.TCP_NODELAY},
	OptionSendBuffer:   {unix.SOL_SOCKET, unix.SO_SNDBUF},
	OptionRecvBuffer:   {unix.SOL_SOCKET, unix.SO_RCVBUF},
	OptionKeepInterval: {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
	OptionKeepCount:    {unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
}

// SetOption changes an option.
func (f *FD) SetOption(o Option, n int) error { return f.set(options[o][0], options[o][1], n) }

// Option asks the kernel for an option.
func (f *FD) Option(o Option) (int, error) {
	if f.flags&open == 0 {
		return 0, net.ErrClosed
	}
	n, err := unix.GetsockoptInt(int(f.fd), options[o][0], options[o][1])
	return n, os.NewSyscallError("getsockopt", err)
}
