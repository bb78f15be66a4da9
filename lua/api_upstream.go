package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/upstream"
)

// upstreamArea is the module ngx.upstream, as of lua-upstream-nginx-module.
var upstreamArea = area{open: func(e *engine, ngx *vm.Table) {
	e.module("ngx.upstream", []row{
		{"get_upstreams", anyPhase, func(t *vm.Thread, s *state) int {
			list := s.e.vm.NewTable(8, 0)
			for i, u := range upstream.All(s.e.site.cfg) {
				list.SetInt(i+1, vm.String(u.Title()))
			}
			t.Push(list.Value())
			return 1
		}},
		{"get_servers", anyPhase, getServers},
		{"get_primary_peers", anyPhase, func(t *vm.Thread, s *state) int { return getPeers(t, s, false) }},
		{"get_backup_peers", anyPhase, func(t *vm.Thread, s *state) int { return getPeers(t, s, true) }},
		{"set_peer_down", anyPhase, setPeerDown},
		{"current_upstream_name", requestPhases, func(t *vm.Thread, s *state) int {
			if u := upstream.Current(s.r); u != nil {
				t.PushString(u.Title())
			} else {
				t.PushNil()
			}
			return 1
		}},
	})
}}

// findUpstream is the upstream that the first argument names, nil if there is
// none. n is how many arguments there must be.
func findUpstream(t *vm.Thread, s *state, n int) *upstream.Upstream {
	if got := t.NArg(); got != n {
		plural := "s"
		if n == 1 {
			plural = ""
		}
		t.Errorf("exactly %d argument%s expected, got %d", n, plural, got)
	}
	name := t.CheckString(1)
	for _, u := range upstream.All(s.e.site.cfg) {
		if u.Title() == name {
			return u
		}
	}
	return nil
}

func getServers(t *vm.Thread, s *state) int {
	u := findUpstream(t, s, 1)
	if u == nil {
		return fail(t, "upstream not found")
	}
	list := s.e.vm.NewTable(8, 0)
	for i, info := range u.Servers() {
		server := s.e.vm.NewTable(0, 8)
		server.SetStr("name", vm.String(info.Name))
		switch len(info.Addrs) {
		case 0:
		case 1:
			server.SetStr("addr", vm.String(info.Addrs[0]))
		default:
			addrs := s.e.vm.NewTable(len(info.Addrs), 0)
			for j, a := range info.Addrs {
				addrs.SetInt(j+1, vm.String(a))
			}
			server.SetStr("addr", addrs.Value())
		}
		server.SetStr("weight", vm.Int(info.Weight))
		server.SetStr("max_fails", vm.Int(info.MaxFails))
		server.SetStr("fail_timeout", vm.Number(info.FailTimeout.Seconds()))
		setFlag(server, "backup", info.Backup)
		setFlag(server, "down", info.Down)
		list.SetInt(i+1, server.Value())
	}
	t.Push(list.Value())
	return 1
}

func getPeers(t *vm.Thread, s *state, backup bool) int {
	u := findUpstream(t, s, 1)
	if u == nil {
		return fail(t, "upstream not found")
	}
	list := s.e.vm.NewTable(8, 0)
	for i, info := range u.Peers(backup) {
		peer := s.e.vm.NewTable(0, 12)
		peer.SetStr("id", vm.Int(i))
		peer.SetStr("name", vm.String(info.Name))
		for name, n := range map[string]int{"weight": info.Weight, "current_weight": info.Current, "effective_weight": info.Effective,
			"conns": info.Conns, "fails": info.Fails, "max_fails": info.MaxFails} {
			peer.SetStr(name, vm.Int(n))
		}
		peer.SetStr("fail_timeout", vm.Number(info.FailTimeout.Seconds()))
		if info.Accessed > 0 {
			peer.SetStr("accessed", vm.Number(float64(info.Accessed)))
		}
		if info.Checked > 0 {
			peer.SetStr("checked", vm.Number(float64(info.Checked)))
		}
		setFlag(peer, "down", info.Down)
		list.SetInt(i+1, peer.Value())
	}
	t.Push(list.Value())
	return 1
}

// setFlag sets a field that is there only when it is true.
func setFlag(t *vm.Table, name string, on bool) {
	if on {
		t.SetStr(name, vm.Bool(true))
	}
}

func setPeerDown(t *vm.Thread, s *state) int {
	u := findUpstream(t, s, 4)
	if u == nil {
		return fail(t, "upstream not found")
	}
	if !u.SetDown(t.Arg(2).Truth(), t.CheckInt(3), t.Arg(4).Truth()) {
		return fail(t, "bad peer id")
	}
	t.PushBool(true)
	return 1
}
