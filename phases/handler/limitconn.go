package handler

import (
	"sync"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// LimitConnConf is how many requests of the same key may be worked on at once.
type LimitConnConf struct {
	limiting
	limits conf.List[connLimit]
}

type connLimit struct {
	zone *connZone
	most int
}

// LimitConn limits concurrency by keys.
var LimitConn = phases.Define(phases.Spec[LimitConnConf]{
	Name:    "limit_conn",
	Default: func() LimitConnConf { return LimitConnConf{limiting: defaultLimiting()} },
	Directives: append([]phases.Directive[LimitConnConf]{
		phases.Add("limit_conn_zone", conf.HTTP, conf.Exactly(2), addConnZone),
		phases.Add("limit_conn", inFiles, conf.Exactly(2), addConnLimit),
	}, limitRows("limit_conn", func(own *LimitConnConf) *limiting { return &own.limiting })...),
	Active:    func(own *LimitConnConf) bool { return len(own.limits.Items) > 0 },
	Handlers:  []phases.Hook[LimitConnConf]{phases.At(phases.Preaccess, limitConn)},
	Variables: []phases.Variable{outcomeVariable("limit_conn_status", connOutcomes)},
	Init: func(cfg *phases.Config, _ *LimitConnConf) error {
		for name, z := range connZones.Of(cfg).byName {
			if z.counts == nil {
				return z.used.Errorf("zero size shared memory zone \"%s\"", name)
			}
		}
		return nil
	},
})

// connZone is a zone as the configuration names it; counts outlives reloads.
type connZone struct {
	name   string
	key    *phases.Template
	counts *connCounts
	used   *conf.Stmt // that named it first
}

type connZoneNames struct{ byName map[string]*connZone }

var (
	connZones    = phases.NewConfigSlot[connZoneNames]()
	connOutcomes = phases.NewSlot[limitOutcome](phases.KeepOverRedirect)
)

func connZoneNamed(cfg *phases.Config, s *conf.Stmt, name string) *connZone {
	all := connZones.Of(cfg)
	z := all.byName[name]
	if z == nil {
		if all.byName == nil {
			all.byName = map[string]*connZone{}
		}
		z = &connZone{name: name, used: s}
		all.byName[name] = z
	}
	return z
}

// connCounts counts by key, for all workers.
type connCounts struct {
	keySource string
	size      int64 // bytes that all keys may take

	mu    sync.Mutex
	taken int64
	count map[string]int
}

// connEntryBytes is what an entry takes beside its key.
const connEntryBytes = 48

func addConnZone(_ *LimitConnConf, b *phases.Block, s *conf.Stmt) error {
	key, name, size, err := limitZoneArgs(b, s, func(a string) error { return s.Errorf("invalid parameter \"%s\"", a) })
	if err != nil {
		return err
	}
	z := connZoneNamed(b.Config, s, name)
	if z.counts != nil {
		return s.Errorf("limit_conn_zone \"%s\" is already bound to key \"%s\"", name, z.key.Source())
	}
	value, err := b.Zone(s, "limit_conn", name, size, func() any {
		return &connCounts{keySource: key.Source(), size: size, count: map[string]int{}}
	})
	if err != nil {
		return err
	}
	z.key, z.counts = key, value.(*connCounts)
	if was := z.counts.keySource; was != key.Source() {
		return s.Errorf("limit_conn_zone \"%s\" uses the \"%s\" key while previously it used the \"%s\" key", name, key.Source(), was)
	}
	return nil
}

func addConnLimit(own *LimitConnConf, b *phases.Block, s *conf.Stmt) error {
	z := connZoneNamed(b.Config, s, s.Args[0])
	most, ok := conf.Number(s.Args[1])
	switch {
	case !ok || most == 0:
		return s.Errorf("invalid number of connections \"%s\"", s.Args[1])
	case most > 65535:
		return s.Errorf("connection limit must be less 65536")
	}
	own.limits.Add(s, connLimit{z, most})
	for _, l := range own.limits.Items[:len(own.limits.Items)-1] {
		if l.zone == z {
			return s.Problem("is duplicate")
		}
	}
	return nil
}

// connKeyMax bounds a key in bytes (nginx's limit).
const connKeyMax = 255

func limitConn(r *phases.Request, own *LimitConnConf) phases.Result {
	if connOutcomes.Get(r.Main) != nil {
		return phases.Declined
	}
	for _, l := range own.limits.Items {
		key := l.zone.key.String(r)
		if key == "" {
			continue
		}
		if len(key) > connKeyMax {
			r.Errorf(phases.LevelError, "the value of the \"%s\" key is more than %d bytes: \"%s\"", l.zone.key.Source(), connKeyMax, key)
			continue
		}
		outcome := connOutcomes.Ensure(r.Main)
		if !l.zone.counts.enter(key, l.most) {
			comma := ""
			if own.dryRun {
				comma = ","
			}
			r.Errorf(limitLevels[own.level], "limiting connections%s%s by zone \"%s\"", own.rehearsal(), comma, l.zone.name)
			*outcome = own.rehearsed(limitRejected)
			return own.verdict()
		}
		r.Main.OnEnd(func() { l.zone.counts.leave(key) })
		*outcome = limitPassed
	}
	return phases.Declined
}

// enter counts a request unless there are most of its key already, or no room
// for another key.
func (c *connCounts) enter(key string, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.count[key]
	if n >= most {
		return false
	}
	if n == 0 {
		cost := int64(connEntryBytes + len(key))
		if c.taken+cost > c.size {
			return false
		}
		c.taken += cost
	}
	c.count[key] = n + 1
	return true
}

func (c *connCounts) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count[key]--; c.count[key] <= 0 {
		delete(c.count, key)
		c.taken -= int64(connEntryBytes + len(key))
	}
}
