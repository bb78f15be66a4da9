package handler

import (
	"container/list"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// LimitReqConf is the limits of how often requests with the same key may come.
type LimitReqConf struct {
	limits conf.List[reqLimit]
	limiting
}

// reqLimit is one limit_req; burst and delay are in thousandths of a request.
type reqLimit struct {
	zone  *named[reqZone]
	burst int64
	delay int64 // how much of the burst is not delayed
	stmt  *conf.Stmt
}

// reqZone is a leaky bucket for each key. It is shared by the workers.
type reqZone struct {
	rate    int64 // thousandths of a request in a second
	mu      sync.Mutex
	buckets map[string]*list.Element
	recent  *list.List // of *bucket, the most recent first
	left    int64      // bytes of the zone's size that are free
}

type bucket struct {
	key    string
	excess int64 // thousandths of a request over the rate
	last   time.Time
	held   int // requests that have looked and not counted yet
}

var reqZones = phases.NewConfigSlot[zones[reqZone]]()

// LimitReq limits the rate of requests.
var LimitReq = phases.Define(phases.Spec[LimitReqConf]{
	Name:    "limit_req",
	Default: func() LimitReqConf { return LimitReqConf{limiting: defaultLimiting()} },
	Directives: []phases.Directive[LimitReqConf]{
		phases.Add("limit_req_zone", conf.HTTP, conf.Exactly(3), addReqZone),
		phases.Add("limit_req", inLimit, conf.Between(1, 3), addReqLimit),
		phases.SetEnum("limit_req_log_level", inLimit, func(c *LimitReqConf) *int { return &c.level }, limitLevels...),
		phases.Set("limit_req_status", inLimit, conf.Exactly(1), func(own *LimitReqConf, b *phases.Block, s *conf.Stmt) error {
			return own.setStatus(s)
		}),
		phases.SetFlag("limit_req_dry_run", inLimit, func(c *LimitReqConf) *bool { return &c.dryRun }),
	},
	Active:   func(own *LimitReqConf) bool { return len(own.limits.Items) > 0 },
	Handlers: []phases.Hook[LimitReqConf]{phases.At(phases.Preaccess, limitReq)},
	Variables: []phases.Variable{{Name: "limit_req_status", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		if v := limited.Get(r.Main); v != nil && v.req != "" {
			return append(dst, v.req...), true
		}
		return dst, false
	}}},
	Init: func(cfg *phases.Config, _ *LimitReqConf) error { return reqZones.Of(cfg).check() },
})

// cutParam reads "name=value".
func cutParam(arg, name string) (value string, ok bool) {
	key, value, ok := strings.Cut(arg, "=")
	return value, ok && key == name
}

func addReqZone(_ *LimitReqConf, b *phases.Block, s *conf.Stmt) error {
	zone := ""
	rate := int64(1000)
	for _, arg := range s.Args[1:] {
		if v, ok := cutParam(arg, "zone"); ok {
			zone = v
			continue
		}
		v, ok := cutParam(arg, "rate")
		if !ok {
			return s.Errorf("invalid parameter \"%s\"", arg)
		}
		number, perMinute := strings.CutSuffix(v, "r/m")
		n, ok := conf.Number(strings.TrimSuffix(number, "r/s"))
		if !ok || n == 0 {
			return s.Errorf("invalid rate \"%s\"", arg)
		}
		if rate = int64(n) * 1000; perMinute {
			rate /= 60
		}
	}
	if zone == "" {
		return s.Errorf("\"%s\" must have \"zone\" parameter", s.Name)
	}
	all := reqZones.Of(b.Config)
	err := all.declare(b, s, zone, func(size int64) *reqZone {
		return &reqZone{rate: rate, buckets: map[string]*list.Element{}, recent: list.New(), left: size}
	})
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(zone, ":")
	z := all.get(name, s).zone
	z.mu.Lock()
	z.rate = rate // of a zone that is kept over a reload too
	z.mu.Unlock()
	return nil
}

func addReqLimit(own *LimitReqConf, b *phases.Block, s *conf.Stmt) error {
	l := reqLimit{stmt: s}
	for _, arg := range s.Args {
		if name, ok := cutParam(arg, "zone"); ok {
			l.zone = reqZones.Of(b.Config).get(name, s)
			continue
		}
		if arg == "nodelay" {
			l.delay = math.MaxInt64
			continue
		}
		v, isBurst := cutParam(arg, "burst")
		w, isDelay := cutParam(arg, "delay")
		n, ok := conf.Number(v + w)
		switch {
		case !isBurst && !isDelay:
			return s.Errorf("invalid parameter \"%s\"", arg)
		case isBurst && (!ok || n == 0):
			return s.Errorf("invalid burst value \"%s\"", arg)
		case isDelay && (!ok || n == 0):
			return s.Errorf("invalid delay value \"%s\"", arg)
		case isBurst:
			l.burst = int64(n) * 1000
		default:
			l.delay = int64(n) * 1000
		}
	}
	if l.zone == nil {
		return s.Errorf("\"%s\" must have \"zone\" parameter", s.Name)
	}
	for _, other := range own.limits.Items {
		if other.zone == l.zone && other.stmt.Parent == s.Parent {
			return s.Duplicate()
		}
	}
	own.limits.Add(s, l)
	return nil
}

func limitReq(r *phases.Request, own *LimitReqConf) phases.Result {
	verdict := limited.Ensure(r.Main)
	if verdict.req != "" {
		return phases.Declined
	}
	dry := ""
	if own.dryRun {
		dry = ", dry run"
	}
	now := r.Worker.Now()
	var held []*heldBucket
	for _, l := range own.limits.Items {
		key, ok := l.zone.keyOf(r, 65535)
		if !ok {
			continue
		}
		h, excess, ok := l.zone.zone.look(key, l.burst, now)
		if ok {
			h.limit = l
			held = append(held, h)
			continue
		}
		for _, h := range held {
			h.limit.zone.zone.release(h.bucket)
		}
		if excess >= 0 {
			r.Errorf(own.logLevel(0), "limiting requests%s, excess: %d.%03d by zone \"%s\"", dry, excess/1000, excess%1000, l.zone.name)
		}
		if verdict.req = "REJECTED"; own.dryRun {
			verdict.req = "REJECTED_DRY_RUN"
			return phases.Declined
		}
		return phases.Result(own.status)
	}
	if len(held) == 0 {
		return phases.Declined
	}
	wait, slowest := account(held, now)
	verdict.req = "PASSED"
	if wait < time.Millisecond {
		return phases.Declined
	}
	r.Errorf(own.logLevel(1), "delaying request%s, excess: %d.%03d, by zone \"%s\"", dry, slowest.excess/1000, slowest.excess%1000, slowest.limit.zone.name)
	if verdict.req = "DELAYED"; own.dryRun {
		verdict.req = "DELAYED_DRY_RUN"
		return phases.Declined
	}
	if !pause(r, wait) {
		return r.ClientGone()
	}
	return phases.Declined
}

// heldBucket is a bucket that a request will be counted in if no limit
// rejects it.
type heldBucket struct {
	bucket *bucket
	limit  reqLimit
	excess int64
}

// account counts the request in all buckets and returns the longest wait.
func account(held []*heldBucket, now time.Time) (wait time.Duration, slowest *heldBucket) {
	for _, h := range held {
		z := h.limit.zone.zone
		var rate int64
		h.excess, rate = z.count(h.bucket, now)
		if h.excess <= h.limit.delay {
			continue
		}
		if d := time.Duration((h.excess-h.limit.delay)*1000/rate) * time.Millisecond; d > wait {
			wait, slowest = d, h
		}
	}
	return wait, slowest
}

// look finds or makes the bucket of a key and holds it. ok is false when the
// request is over the burst, or with a negative excess when there is no room.
func (z *reqZone) look(key string, burst int64, now time.Time) (h *heldBucket, excess int64, ok bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if e := z.buckets[key]; e != nil {
		z.recent.MoveToFront(e)
		b := e.Value.(*bucket)
		if excess = b.after(z.rate, now); excess > burst {
			return nil, excess, false
		}
		b.held++
		return &heldBucket{bucket: b}, excess, true
	}
	size := int64(len(key) + zoneNode)
	z.expire(now, false)
	if z.left < size {
		z.expire(now, true)
	}
	if z.left < size {
		return nil, -1, false
	}
	z.left -= size
	b := &bucket{key: key, held: 1}
	z.buckets[key] = z.recent.PushFront(b)
	return &heldBucket{bucket: b}, 0, true
}

// after is the excess of a bucket with one more request.
func (b *bucket) after(rate int64, now time.Time) int64 {
	if b.last.IsZero() {
		return 0
	}
	ms := max(now.Sub(b.last).Milliseconds(), 0)
	if ms > math.MaxInt64/rate {
		return 0
	}
	return max(b.excess-rate*ms/1000+1000, 0)
}

func (z *reqZone) count(b *bucket, now time.Time) (excess, rate int64) {
	z.mu.Lock()
	defer z.mu.Unlock()
	b.excess = b.after(z.rate, now)
	if b.last.IsZero() || now.Sub(b.last) >= time.Millisecond {
		b.last = now
	}
	b.held--
	return b.excess, z.rate
}

func (z *reqZone) release(b *bucket) {
	z.mu.Lock()
	b.held--
	z.mu.Unlock()
}

// expire removes up to two of the oldest buckets that have been empty for a
// minute; by force, the oldest even if it has not.
func (z *reqZone) expire(now time.Time, force bool) {
	for range 2 {
		e := z.recent.Back()
		if e == nil {
			return
		}
		b := e.Value.(*bucket)
		if b.held > 0 {
			return
		}
		if !force && (now.Sub(b.last) < time.Minute || b.after(z.rate, now) > 1000) {
			return
		}
		force = false
		z.recent.Remove(e)
		delete(z.buckets, b.key)
		z.left += int64(len(b.key) + zoneNode)
	}
}

// pause parks for d, or until the client is gone: false.
func pause(r *phases.Request, d time.Duration) bool {
	co := r.Worker.Current()
	token := co.Token()
	wake := func() { co.ResumeIf(token) }
	timer := r.Worker.AfterFunc(d, wake)
	defer timer.Stop()
	r.Stream().OnGone(wake)
	co.ParkOn(token)
	r.Stream().OnGone(nil)
	return !r.Stream().Gone()
}
