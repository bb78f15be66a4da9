package lua

import (
	"net/netip"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/upstream"
)

// balancerArea is the module ngx.balancer: what balancer_by_lua says of one try.
var balancerArea = area{open: func(e *engine, ngx *vm.Table) {
	e.vm.Builtin("ngx.balancer", func(*vm.Thread) vm.Value {
		module := e.vm.NewTable(0, 16)
		module.SetStr("version", vm.String(restyVersion))
		for _, row := range []row{
			{"set_current_peer", "U", setPeer},
			{"set_more_tries", "U", setMoreTries},
			{"get_last_failure", "U", getLastFailure},
			{"set_timeouts", "U", setPeerTimeouts},
			{"enable_keepalive", "U", enableKeepalive},
			{"bind_to_local_addr", "U", bindPeer},
			{"recreate_request", "U", func(t *vm.Thread, s *state) int {
				s.entry.arg.try.Recreate = true
				t.PushBool(true)
				return 1
			}},
			{"set_upstream_tls", "U", setUpstreamTLS},
		} {
			e.add(module, row)
		}
		return module.Value()
	})
}}

// chooser makes balancer_by_lua the upstream's way to choose.
func (own *Conf) chooser(k *chunk) upstream.Chooser {
	return func(r *phases.Request, try *upstream.Try) phases.Result {
		res := phases.Next
		err := own.runShort(r, k, argument{try: try}, func(s *state, _ []vm.Value) {
			if s.verdict.kind != exited || s.verdict.code == exitOK {
				return
			}
			if res = 500; s.verdict.code >= 300 {
				res = phases.Result(s.verdict.code)
			}
		})
		if err != nil {
			return 500
		}
		return res
	}
}

func setPeer(t *vm.Thread, s *state) int {
	text, port := t.CheckString(1), t.OptInt(2, 0)
	if path, ok := cutPrefixFold(text, "unix:"); ok {
		s.entry.arg.try.Addr = actor.Unix(path)
	} else {
		ip, err := netip.ParseAddr(text)
		if full, e := netip.ParseAddrPort(text); e == nil { // a port in the text wins
			ip, port, err = full.Addr(), int(full.Port()), nil
		}
		switch {
		case port < 0 || port > 65535:
			return fail(t, "invalid port")
		case err == nil:
			s.entry.arg.try.Addr = actor.IP(netip.AddrPortFrom(ip, uint16(port)))
		case s.own.strictPhases: // a name waits for its address
			return fail(t, "no host allowed")
		default:
			addr, text := s.lookup(dialing{host: text, port: port})
			if text != "" {
				return fail(t, text)
			}
			s.entry.arg.try.Addr = addr
		}
	}
	s.entry.arg.try.Host = t.OptString(3, "")
	t.PushBool(true)
	return 1
}

func setMoreTries(t *vm.Thread, s *state) int {
	try, count := s.entry.arg.try, t.CheckInt(1)
	t.PushBool(true)
	total := try.Number + try.Left - 1
	if try.Limit > 0 && total+count > try.Limit {
		try.More = max(try.Limit-total, 0)
		t.PushString("reduced tries due to limit")
		return 2
	}
	try.More = max(count, 0)
	return 1
}

func getLastFailure(t *vm.Thread, s *state) int {
	try := s.entry.arg.try
	switch {
	case try.Number <= 1:
		t.PushNil()
		return 1
	case try.Last == upstream.Failed:
		t.PushString("failed")
	default:
		t.PushString("next")
	}
	t.PushInt(try.LastStatus)
	return 2
}

func setPeerTimeouts(t *vm.Thread, s *state) int {
	try := s.entry.arg.try
	for i, to := range []*time.Duration{&try.ConnectTimeout, &try.SendTimeout, &try.ReadTimeout} {
		if t.Arg(i + 1).IsNil() {
			continue
		}
		seconds, _ := t.Arg(i + 1).ToNumber()
		d, _, ok := delay(seconds)
		if !ok || d == 0 {
			t.Errorf("bad %s timeout", []string{"connect", "send", "read"}[i])
		}
		*to = d
	}
	t.PushBool(true)
	return 1
}

func enableKeepalive(t *vm.Thread, s *state) int {
	try := s.entry.arg.try
	idle, _, ok := delay(t.OptNumber(1, 60))
	if !ok {
		t.ArgError(1, "expected >= 0")
	}
	requests := t.OptInt(2, 100)
	if requests < 0 {
		t.ArgError(2, "expected >= 0")
	}
	if try.Addr == (actor.Addr{}) {
		return fail(t, "no current peer set")
	}
	try.Keep, try.KeepIdle, try.KeepRequests = true, idle, requests
	t.PushBool(true)
	return 1
}

func bindPeer(t *vm.Thread, s *state) int {
	text := t.CheckString(1)
	from, err := netip.ParseAddrPort(text)
	if err != nil {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return fail(t, "invalid addr "+text)
		}
		from = netip.AddrPortFrom(ip, 0)
	}
	s.entry.arg.try.Local = actor.IP(from)
	t.PushBool(true)
	return 1
}

func setUpstreamTLS(t *vm.Thread, s *state) int {
	try, v := s.entry.arg.try, t.Arg(1)
	on := !(v.Kind() == vm.KBool && !v.Bool() || v.Kind() == vm.KNumber && v.Num() == 0)
	if on && !try.MayTLS {
		return fail(t, "the location passes to a URL without TLS")
	}
	try.TLS = on
	t.PushBool(true)
	return 1
}
