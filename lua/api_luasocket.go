package lua

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/luasocket"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/resolver"
)

// luasocketArea is the cores of LuaSocket.
var luasocketArea = area{open: func(e *engine, ngx *vm.Table) {
	luasocket.Register(e.vm, luasocket.Host{
		Wait: awaitSockets, Sleep: awaitTime, Lookup: lookupHost, Offload: e.offload, Disconnect: actor.Disconnect,
	})
}}

// blockMax is how long a call of LuaSocket's may block the worker where scripts
// cannot wait: init_by_lua, set_by_lua and the like. It fails with a timeout
// then.
const blockMax = time.Minute

// awaitSockets parks until one of the sockets is ready, or blocks.
func awaitSockets(t *vm.Thread, list []luasocket.Interest, limit time.Duration) (bool, error) {
	s := stateOf(t)
	wants := make([]actor.Interest, len(list))
	for i, in := range list {
		wants[i] = actor.Interest{FD: in.FD, Read: in.Read, Write: in.Write}
	}
	var err error
	if limit != 0 && s.admit() {
		err = s.e.worker.Await(wants, limit)
	} else {
		if limit < 0 {
			limit = blockMax
		}
		err = actor.Await(wants, min(limit, blockMax))
	}
	for i, w := range wants {
		list[i].Readable, list[i].Writable = w.Readable, w.Writable
	}
	if errors.Is(err, actor.ErrTimeout) {
		return false, nil
	}
	return err == nil, err
}

// awaitTime is socket.sleep.
func awaitTime(t *vm.Thread, d time.Duration) {
	s := stateOf(t)
	if s.admit() {
		s.e.worker.Current().Sleep(d)
		return
	}
	time.Sleep(min(d, blockMax))
}

// lookupHost asks the location's resolver, or the system's where it would have
// to wait and cannot.
func lookupHost(t *vm.Thread, name string) ([]netip.Addr, error) {
	s := stateOf(t)
	core := s.core()
	if !s.admit() {
		limit, cancel := context.WithTimeout(context.Background(), min(core.ResolverTimeout, blockMax))
		defer cancel()
		list, err := net.DefaultResolver.LookupNetIP(limit, "ip", name)
		var de *net.DNSError
		switch {
		case errors.As(err, &de) && de.IsNotFound:
			return nil, luasocket.ErrUnknown
		case err != nil:
			return nil, luasocket.ErrAgain
		}
		for i := range list {
			list[i] = list[i].Unmap()
		}
		return list, nil
	}
	list, err := s.e.site.cfg.ResolverOf(core).Lookup(s.e.worker, name, core.ResolverTimeout)
	if err == nil {
		return list, nil
	}
	const noSuchName = 3 // RFC 1035, section 4.1.1
	var re *resolver.Error
	if errors.As(err, &re) && re.Code == noSuchName {
		return nil, luasocket.ErrUnknown
	}
	return nil, luasocket.ErrAgain
}
