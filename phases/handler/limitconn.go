package handler

import (
	"sync"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// LimitConnConf is the limits of how many requests with the same key may be
// under way at once.
type LimitConnConf struct {
	limits conf.List[connLimit]
	limiting
}

type connLimit struct {
	zone *named[connZone]
	most int
	stmt *conf.Stmt
}

// connZone counts requests by key. It is shared by the workers.
type connZone struct {
	mu     sync.Mutex
	counts map[string]int
	left   int64 // bytes of the zone's size that are free
}

var connZones = phases.NewConfigSlot[zones[connZone]]()

// LimitConn limits the requests that are under way.
var LimitConn = phases.Define(phases.Spec[LimitConnConf]{
	Name:    "limit_conn",
	Default: func() LimitConnConf { return LimitConnConf{limiting: defaultLimiting()} },
	Directives: []phases.Directive[LimitConnConf]{
		phases.Add("limit_conn_zone", conf.HTTP, conf.Exactly(2), addConnZone),
		phases.Add("limit_conn", inLimit, conf.Exactly(2), addConnLimit),
		phases.SetEnum("limit_conn_log_level", inLimit, func(c *LimitConnConf) *int { return &c.level }, limitLevels...),
		phases.Set("limit_conn_status", inLimit, conf.Exactly(1), func(own *LimitConnConf, b *phases.Block, s *conf.Stmt) error {
			return own.setStatus(s)
		}),
		phases.SetFlag("limit_conn_dry_run", inLimit, func(c *LimitConnConf) *bool { return &c.dryRun }),
	},
	Active:   func(own *LimitConnConf) bool { return len(own.limits.Items) > 0 },
	Handlers: []phases.Hook[LimitConnConf]{phases.At(phases.Preaccess, limitConn)},
	Variables: []phases.Variable{{Name: "limit_conn_status", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		if v := limited.Get(r.Main); v != nil && v.conn != "" {
			return append(dst, v.conn...), true
		}
		return dst, false
	}}},
	Init: func(cfg *phases.Config, _ *LimitConnConf) error { return connZones.Of(cfg).check() },
})

func addConnZone(_ *LimitConnConf, b *phases.Block, s *conf.Stmt) error {
	param, ok := cutParam(s.Args[1], "zone")
	if !ok {
		return s.Errorf("invalid parameter \"%s\"", s.Args[1])
	}
	return connZones.Of(b.Config).declare(b, s, param, func(size int64) *connZone {
		return &connZone{counts: map[string]int{}, left: size}
	})
}

func addConnLimit(own *LimitConnConf, b *phases.Block, s *conf.Stmt) error {
	zone := connZones.Of(b.Config).get(s.Args[0], s)
	for _, l := range own.limits.Items {
		if l.zone == zone && l.stmt.Parent == s.Parent {
			return s.Duplicate()
		}
	}
	most, ok := conf.Number(s.Args[1])
	switch {
	case !ok || most == 0:
		return s.Errorf("invalid number of connections \"%s\"", s.Args[1])
	case most > 65535:
		return s.Errorf("connection limit must be less 65536")
	}
	own.limits.Add(s, connLimit{zone, most, s})
	return nil
}

func limitConn(r *phases.Request, own *LimitConnConf) phases.Result {
	verdict := limited.Ensure(r.Main)
	if verdict.conn != "" {
		return phases.Declined
	}
	var leave []func()
	for _, l := range own.limits.Items {
		key, ok := l.zone.keyOf(r, 255)
		if !ok {
			continue
		}
		full, over := l.zone.zone.enter(key, l.most)
		if !full && !over {
			leave = append(leave, func() { l.zone.zone.leave(key) })
			continue
		}
		for _, f := range leave {
			f()
		}
		dry := ""
		verdict.conn = "REJECTED"
		if own.dryRun {
			dry, verdict.conn = ", dry run", "REJECTED_DRY_RUN"
		}
		if over {
			r.Errorf(own.logLevel(0), "limiting connections%s by zone \"%s\"", dry, l.zone.name)
		}
		if own.dryRun {
			return phases.Declined
		}
		return phases.Result(own.status)
	}
	if len(leave) > 0 {
		verdict.conn = "PASSED"
		for _, f := range leave {
			r.Main.OnEnd(f)
		}
	}
	return phases.Declined
}

// enter counts a request with key. full: the zone has no room for the key;
// over: there are already as many as may be.
func (z *connZone) enter(key string, most int) (full, over bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	n := z.counts[key]
	if n >= most {
		return false, true
	}
	if n == 0 {
		size := int64(len(key) + zoneNode)
		if z.left < size {
			return true, false
		}
		z.left -= size
	}
	z.counts[key] = n + 1
	return false, false
}

func (z *connZone) leave(key string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.counts[key]--; z.counts[key] <= 0 {
		delete(z.counts, key)
		z.left += int64(len(key) + zoneNode)
	}
}
