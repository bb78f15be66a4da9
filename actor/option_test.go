package actor

import (
	"net"
	"testing"
)

func TestOptions(t *testing.T) {
	w := run(t)
	l := listenOn(t, w, loopback(), func(f *FD, _ Addr) { f.Close() })
	in(t, w, func() {
		f, err := w.Dial(l.Addr(), DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for o, n := range map[Option]int{OptionKeepAlive: 1, OptionReuseAddr: 1, OptionNoDelay: 1, OptionKeepInterval: 9, OptionKeepCount: 4} {
			if err := f.SetOption(o, n); err != nil {
				t.Errorf("option %d: %v", o, err)
			}
			if got, err := f.Option(o); got != n || err != nil {
				t.Errorf("option %d: %d %v, want %d", o, got, err, n)
			}
		}
		for _, o := range []Option{OptionSendBuffer, OptionRecvBuffer} {
			if err := f.SetOption(o, 9000); err != nil {
				t.Errorf("option %d: %v", o, err)
			}
			if got, err := f.Option(o); got < 9000 || err != nil {
				t.Errorf("option %d: %d %v", o, got, err)
			}
		}
		f.Close()
		if _, err := f.Option(OptionNoDelay); err != net.ErrClosed {
			t.Errorf("closed: %v", err)
		}
	})
}
