package handler

import (
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// LimitReqConf is how fast requests of the same key may come.
type LimitReqConf struct {
	limiting
	limits conf.List[reqLimit]
}

// reqLimit is one limit_req. Requests are counted in thousandths.
type reqLimit struct {
	zone  *reqZone
	burst int64 // may be ahead of the rate by this much
	delay int64 // are held up when ahead by more; noDelay: never
}

const noDelay = int64(1) << 60

// LimitReq limits the rate of requests by keys, with a leaky bucket for each.
var LimitReq = phases.Define(phases.Spec[LimitReqConf]{
	Name:    "limit_req",
	Default: func() LimitReqConf { return LimitReqConf{limiting: defaultLimiting()} },
	Directives: append([]phases.Directive[LimitReqConf]{
		phases.Add("limit_req_zone", conf.HTTP, conf.Between(3, 4), addReqZone),
		phases.Add("limit_req", inFiles, conf.Between(1, 3), addReqLimit),
	}, limitRows("limit_req", func(own *LimitReqConf) *limiting { return &own.limiting })...),
	Active:    func(own *LimitReqConf) bool { return len(own.limits.Items) > 0 },
	Handlers:  []phases.Hook[LimitReqConf]{phases.At(phases.Preaccess, limitReq)},
	Variables: []phases.Variable{outcomeVariable("limit_req_status", reqOutcomes)},
	Init: func(cfg *phases.Config, _ *LimitReqConf) error {
		for name, z := range reqZones.Of(cfg).byName {
			if z.buckets == nil {
				return z.used.Errorf("zero size shared memory zone \"%s\"", name)
			}
		}
		return nil
	},
})

// reqZone is a zone as the configuration names it; buckets outlives reloads.
type reqZone struct {
	name    string
	key     *phases.Template
	buckets *buckets
	rate    int64      // thousandths of a request in a second
	used    *conf.Stmt // that named it first
}

type reqZoneNames struct{ byName map[string]*reqZone }

var (
	reqZones    = phases.NewConfigSlot[reqZoneNames]()
	reqOutcomes = phases.NewSlot[limitOutcome](phases.KeepOverRedirect)
)

func reqZoneNamed(cfg *phases.Config, s *conf.Stmt, name string) *reqZone {
	all := reqZones.Of(cfg)
	z := all.byName[name]
	if z == nil {
		if all.byName == nil {
			all.byName = map[string]*reqZone{}
		}
		z = &reqZone{name: name, used: s}
		all.byName[name] = z
	}
	return z
}

func addReqZone(_ *LimitReqConf, b *phases.Block, s *conf.Stmt) error {
	rate := int64(1000)
	key, name, size, err := limitZoneArgs(b, s, func(a string) error {
		text, ok := strings.CutPrefix(a, "rate=")
		if a == "sync" { // of one server there is nothing to synchronise
			return nil
		}
		if !ok {
			return s.Errorf("invalid parameter \"%s\"", a)
		}
		seconds := int64(1)
		if t, ok := strings.CutSuffix(text, "r/s"); ok {
			text = t
		} else if t, ok := strings.CutSuffix(text, "r/m"); ok {
			text, seconds = t, 60
		}
		n, ok := conf.Number(text)
		if !ok || n == 0 || n > 1<<40 {
			return s.Errorf("invalid rate \"%s\"", a)
		}
		rate = int64(n) * 1000 / seconds
		return nil
	})
	if err != nil {
		return err
	}
	z := reqZoneNamed(b.Config, s, name)
	if z.buckets != nil {
		return s.Errorf("limit_req_zone \"%s\" is already bound to key \"%s\"", name, z.key.Source())
	}
	value, err := b.Zone(s, "limit_req", name, size, func() any { return newBuckets(key.Source(), size) })
	if err != nil {
		return err
	}
	z.key, z.rate, z.buckets = key, rate, value.(*buckets)
	if was := z.buckets.keySource; was != key.Source() {
		return s.Errorf("limit_req \"%s\" uses the \"%s\" key while previously it used the \"%s\" key", name, key.Source(), was)
	}
	return nil
}

func addReqLimit(own *LimitReqConf, b *phases.Block, s *conf.Stmt) error {
	l := reqLimit{}
	for _, a := range s.Args {
		name, value, _ := strings.Cut(a, "=")
		n, ok := conf.Number(value)
		ok = ok && n <= 1<<40
		switch {
		case name == "zone":
			l.zone = reqZoneNamed(b.Config, s, value)
		case name == "burst" && ok && n > 0:
			l.burst = int64(n) * 1000
		case name == "delay" && ok && n > 0:
			l.delay = int64(n) * 1000
		case name == "burst" || name == "delay":
			return s.Errorf("invalid %s value \"%s\"", name, a)
		case a == "nodelay":
			l.delay = noDelay
		default:
			return s.Errorf("invalid parameter \"%s\"", a)
		}
	}
	if l.zone == nil {
		return s.Errorf("\"%s\" must have \"zone\" parameter", s.Name)
	}
	own.limits.Add(s, l)
	for _, other := range own.limits.Items[:len(own.limits.Items)-1] {
		if other.zone == l.zone {
			return s.Problem("is duplicate")
		}
	}
	return nil
}

// reqKeyMax bounds a key in bytes (nginx's limit).
const reqKeyMax = 65535

func limitReq(r *phases.Request, own *LimitReqConf) phases.Result {
	if reqOutcomes.Get(r.Main) != nil {
		return phases.Declined
	}
	now := r.Worker.Now().UnixMilli()
	v := own.judge(r, now)
	switch {
	case v.fate == reqUnlimited:
		return phases.Declined
	case v.fate == reqTooMany:
		r.Errorf(limitLevels[own.level], "limiting requests%s, excess: %d.%03d by zone \"%s\"", own.rehearsal(), v.excess/1000, v.excess%1000, v.zone.name)
		*reqOutcomes.Ensure(r.Main) = own.rehearsed(limitRejected)
		return own.verdict()
	case v.fate == reqNoRoom:
		r.Errorf(phases.LevelAlert, "could not allocate node in limit_req zone \"%s\"", v.zone.name)
		*reqOutcomes.Ensure(r.Main) = own.rehearsed(limitRejected)
		return own.verdict()
	case v.delay == 0:
		*reqOutcomes.Ensure(r.Main) = limitPassed
		return phases.Declined
	}
	r.Errorf(limitLevels[max(own.level-1, 0)], "delaying request%s, excess: %d.%03d, by zone \"%s\"", own.rehearsal(), v.excess/1000, v.excess%1000, v.zone.name)
	*reqOutcomes.Ensure(r.Main) = own.rehearsed(limitDelayed)
	if !own.dryRun && !r.Delay(time.Duration(v.delay)*time.Millisecond) {
		return r.ClientGone()
	}
	return phases.Declined
}

type reqFate uint8

const (
	reqUnlimited reqFate = iota // every key is empty
	reqTooMany
	reqNoRoom
	reqAllowed
)

// reqVerdict is what becomes of a request, and the zone that decided it.
type reqVerdict struct {
	fate   reqFate
	zone   *reqZone
	excess int64 // thousandths of a request
	delay  int64 // milliseconds
}

// heldReq is a limit that a request has passed, its bucket pinned until the
// other limits have been asked too.
type heldReq struct {
	*reqLimit
	bucket *bucket // nil: the request is counted already
	excess int64
}

// judge asks the limits in their order. Only when none refuses is the request
// counted in all of them; in the last one at once, so that workers that ask at
// the same time cannot all be the one that still fits.
func (own *LimitReqConf) judge(r *phases.Request, now int64) (v reqVerdict) {
	var few [4]heldReq
	held := few[:0]
	for i := range own.limits.Items {
		l := &own.limits.Items[i]
		key := l.zone.key.String(r)
		if key == "" {
			continue
		}
		if len(key) > reqKeyMax {
			r.Errorf(phases.LevelError, "the value of the \"%s\" key is more than %d bytes: \"%s\"", l.zone.key.Source(), reqKeyMax, key)
			continue
		}
		n, excess, fate := l.zone.buckets.ask(key, l.zone.rate, l.burst, now, i == len(own.limits.Items)-1)
		if fate != reqAllowed {
			for _, h := range held {
				h.zone.buckets.unpin(h.bucket)
			}
			return reqVerdict{fate: fate, zone: l.zone, excess: excess}
		}
		held = append(held, heldReq{l, n, excess})
	}
	for j := len(held) - 1; j >= 0; j-- {
		h := held[j]
		if h.bucket != nil {
			h.excess = h.zone.buckets.account(h.bucket, h.zone.rate, now)
		}
		if v.zone == nil {
			v = reqVerdict{fate: reqAllowed, zone: h.zone, excess: h.excess}
		}
		if h.excess <= h.delay {
			continue
		}
		if d := (h.excess - h.delay) * 1000 / h.zone.rate; d > v.delay {
			v.zone, v.excess, v.delay = h.zone, h.excess, d
		}
	}
	return v
}
