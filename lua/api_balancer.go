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
		if err != nil {
			return fail(t, "no host allowed")
		}
		if port < 0 || port > 65535 {
			return fail(t, "invalid port")
		}
		s.entry.arg.try.Addr = actor.IP(netip.AddrPortFrom(ip, uint16(port)))
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
		d, _, ok := delay(t.CheckNumber(i + 1))
		if !ok || d == 0 {
			return fail(t, "bad "+[]string{"connect", "send", "read"}[i]+" timeout")
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
		return fail(t, "bad idle_timeout")
	}
	requests := t.OptInt(2, 100)
	if requests < 0 {
		return fail(t, "bad max_requests")
	}
	try.Keep, try.KeepIdle, try.KeepRequests = true, idle, requests
	t.PushBool(true)
	return 1
}

func bindPeer(t *vm.Thread, s *state) int {
	ip, err := netip.ParseAddr(t.CheckString(1))
	if err != nil {
		return fail(t, "invalid addr")
	}
	s.entry.arg.try.Local = actor.IP(netip.AddrPortFrom(ip, 0))
	t.PushBool(true)
	return 1
}
