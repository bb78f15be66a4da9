package upstream

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// cacheStatus is $upstream_cache_status.
type cacheStatus uint8

const (
	cacheNone cacheStatus = iota
	cacheMiss
	cacheBypass
	cacheExpired
	cacheStale
	cacheUpdating
	cacheRevalidated
	cacheHit
	cacheScarce // asked for too seldom to be stored; shown as MISS
)

var cacheStatusNames = [...]string{"", "MISS", "BYPASS", "EXPIRED", "STALE", "UPDATING", "REVALIDATED", "HIT", "MISS"}

// cacheUse is one exchange's use of a cache.
type cacheUse struct {
	conf    *cacheConf
	zone    *cacheZone
	keyText string
	key     cacheKey // of keyText
	entry   *cacheEntry
	mine    bool // this request updates the entry
	noWait  bool // it has waited long enough for another to do so
	status  cacheStatus
	// cacheable: the answer may be stored, as far as is known.
	cacheable bool

	// What is stored, if anything is that fits.
	file   *os.File
	stored cacheHeader
	others bool // what is stored under key is for other values of Vary's fields

	// What is to be stored.
	valid, updating, erring int64
	vary                    string
	expired, forbidden      bool // by Cache-Control or Expires; X-Accel-Expires overrules
	byControl               bool // valid comes from Cache-Control
	byAccel                 bool
	temp                    *os.File
	header                  cacheHeader
}

func (x *Exchange) cacheable() bool { return x.cache != nil && x.cache.cacheable }

// openCache answers from the cache if that is possible. done is false when a
// peer is to be asked.
func (x *Exchange) openCache() (res phases.Result, done bool) {
	own, r := &x.set.Cache, x.r
	zone := own.zone
	if zone == nil {
		name := own.name.String(r)
		if name == "" || name == "off" {
			return 0, false
		}
		if zone = inCache.Of(r.Config).zones[name]; zone == nil {
			r.Errorf(phases.LevelError, "cache \"%s\" not found", name)
			return 500, true
		}
	}
	purge := false
	for _, t := range own.purge.Items {
		purge = purge || t.True(r)
	}
	if !purge && (own.methods == nil && r.Method != "GET" && r.Method != "HEAD" || own.methods != nil && !own.methods[r.Method]) {
		return 0, false
	}
	c := &cacheUse{conf: own, zone: zone, cacheable: true}
	x.cache = c
	if own.key != nil {
		c.keyText = own.key.String(r)
	} else {
		c.keyText = x.target.scheme + "://" + x.target.host + string(x.uri)
	}
	c.key = sum([]byte(c.keyText))
	if purge {
		return x.purge(), true
	}
	for _, t := range own.bypass.Items {
		if t.True(r) {
			c.status = cacheBypass
			return 0, false
		}
	}
	status := x.lookup(c.key)
	if status != 0 {
		c.status = cacheHit
		x.leaveCache()
		return phases.Result(status), true
	}
	now := r.Worker.Now().Unix()
	stale := c.file != nil && c.stored.valid+c.stored.updating >= now
	switch c.status {
	case cacheHit:
		return x.serveStored(), true
	case cacheExpired:
		if own.background && (own.useStale&Updating != 0 || stale) && r.Body.File == nil {
			return x.serveAndUpdate(), true
		}
	case cacheUpdating:
		if own.useStale&Updating != 0 || stale {
			return x.serveStored(), true
		}
		c.status = cacheExpired
	case cacheScarce:
		c.cacheable = false
	}
	if own.maxOffset >= 0 && beyond(r.Field("Range"), own.maxOffset) {
		c.cacheable = false
	}
	return 0, false
}

// beyond tells whether a range begins at offset or behind it.
func beyond(v []byte, offset int64) bool {
	text := string(v)
	if len(text) < 7 || !strings.EqualFold(text[:6], "bytes=") {
		return false
	}
	first, _, ok := strings.Cut(strings.TrimLeft(text[6:], " "), "-")
	n, err := strconv.ParseInt(strings.TrimSpace(first), 10, 64)
	return !ok || err != nil || n >= offset
}

// lookup finds out what is stored under key and sets the cache's status. A
// status other than 0 is a failure that was remembered.
func (x *Exchange) lookup(key cacheKey) (failure int) {
	c, z, r := x.cache, x.cache.zone, x.r
	for {
		now := r.Worker.Now()
		known := true
		z.mu.Lock()
		if c.entry == nil {
			c.entry, known = z.acquire(key, now)
		}
		e := c.entry
		if e.failed != 0 {
			if now.Before(e.failedTo) {
				z.mu.Unlock()
				return e.failed
			}
			e.failed = 0
		}
		look := e.exists || !known && !z.loaded.Load()
		enough := e.uses >= c.conf.minUses || e.exists
		z.mu.Unlock()
		if look {
			other, found := x.openStored(e)
			if found {
				return 0
			}
			if other != (cacheKey{}) && key == c.key {
				key = other
				z.release(e, false)
				c.entry = nil
				continue
			}
		}
		if !enough {
			c.status = cacheScarce
			return 0
		}
		c.status = cacheMiss
		if !c.conf.lock || x.lockEntry(e) {
			return 0
		}
		// Somebody has asked a peer meanwhile, or it took too long.
		if c.noWait {
			c.status = cacheScarce
			return 0
		}
	}
}

// openStored opens the file of e. other is the key of what is stored for the
// request's values of the fields that Vary names, if this is for others.
func (x *Exchange) openStored(e *cacheEntry) (other cacheKey, found bool) {
	c, z, r := x.cache, x.cache.zone, x.r
	f, h, err := openCacheFile(z.file(e.key))
	if err == nil && h.key != c.keyText {
		r.Errorf(phases.LevelCrit, "cache file \"%s\" has md5 collision", z.file(e.key))
		err = errCacheFile
		f.Close()
	}
	if err != nil {
		if !os.IsNotExist(err) {
			r.Errorf(phases.LevelCrit, "cache file \"%s\": %v", z.file(e.key), err)
		}
		z.mu.Lock()
		if e.exists {
			z.size -= e.size
			e.exists, e.size = false, 0
		}
		z.mu.Unlock()
		return other, false
	}
	if h.vary != "" {
		if v := x.variant(h.vary); v != h.variant {
			f.Close()
			c.others = true
			return sum(c.key[:], v[:]), false
		}
	}
	c.file, c.stored = f, h
	z.mu.Lock()
	defer z.mu.Unlock()
	if !e.exists {
		e.exists, e.size = true, h.start()+h.body
		z.size += e.size
	}
	switch {
	case h.valid >= r.Worker.Now().Unix():
		c.status = cacheHit
	case e.updating:
		c.status = cacheUpdating
	default:
		e.updating, c.mine, c.status = true, true, cacheExpired
	}
	return other, true
}

// variant is the sum of the request's fields that a Vary field names.
func (x *Exchange) variant(vary string) (v [16]byte) {
	var b []byte
	for _, name := range strings.Split(vary, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		b = append(append(b, name...), ':')
		for _, f := range x.r.Fields {
			if sameName(f.Name, name) {
				b = append(append(b, strings.Join(strings.Fields(string(f.Value)), " ")...), ',')
			}
		}
		b = append(b, '\n')
	}
	return sum(b)
}

// lockEntry makes this request the one that asks a peer for e, or waits for
// the one that does. false: look again.
func (x *Exchange) lockEntry(e *cacheEntry) bool {
	c, z, w := x.cache, x.cache.zone, x.r.Worker
	now := w.Now()
	z.mu.Lock()
	if !e.updating || !now.Before(e.lockEnds) {
		e.updating, c.mine = true, true
		e.lockEnds = now.Add(c.conf.lockAge)
		z.mu.Unlock()
		return true
	}
	if c.conf.lockWait <= 0 {
		z.mu.Unlock()
		c.noWait = true
		return false
	}
	co := w.Current()
	token := co.Token()
	e.waiters = append(e.waiters, func() {
		w.Post(actor.TaskFunc(func(*actor.Worker) { co.ResumeIf(token) }))
	})
	until := e.lockEnds
	z.mu.Unlock()
	wait := min(c.conf.lockWait, until.Sub(now))
	started := x.start
	timer := w.AfterFunc(wait, func() { co.ResumeIf(token) })
	co.ParkOn(token)
	timer.Stop()
	w.Update()
	c.noWait = w.Now().Sub(started) >= c.conf.lockWait
	if c.noWait {
		x.r.Errorf(phases.LevelInfo, "cache lock timeout")
	}
	return false
}

// leaveCache ends the use of the cache: what is not stored by now will not be.
func (x *Exchange) leaveCache() {
	c := x.cache
	if c == nil {
		return
	}
	if c.file != nil {
		c.file.Close()
		c.file = nil
	}
	if c.temp != nil {
		if !x.ahead.holds(c.temp) {
			c.temp.Close()
		}
		_ = os.Remove(c.temp.Name()) // it goes with the next load otherwise
		c.temp = nil
	}
	c.cacheable = false
	if c.entry != nil {
		c.zone.release(c.entry, c.mine)
		c.entry, c.mine = nil, false
	}
}

// serveStored answers with what is stored.
func (x *Exchange) serveStored() phases.Result {
	c, r := x.cache, x.r
	if _, err := http1.ParseResponse([]byte(c.stored.head), &x.head, &storedLimits); err != nil {
		r.Errorf(phases.LevelCrit, "cache file \"%s\": %v", c.file.Name(), err)
		x.leaveCache()
		return 500
	}
	x.keepFields()
	x.fromCache = true
	var a accel
	for i := range x.fields {
		a.read(&x.fields[i])
	}
	x.applyAccel(&a)
	x.describe()
	if r.Out.ContentLength < 0 { // it is known of an answer to HEAD
		r.Out.ContentLength = c.stored.body
	}
	if err := r.SendHeader(); err != nil {
		return r.FilterResult(err)
	}
	k := phases.Chunk{Last: r.IsMain(), End: true}
	if c.stored.body > 0 {
		k.File, k.Off, k.Size = c.file, c.stored.start(), c.stored.body
	}
	if err := r.Send(k); err != nil {
		return r.FilterResult(err)
	}
	return phases.Done
}

var storedLimits = http1.Limits{MaxBytes: maxCacheHead, MaxLine: maxCacheHead, MaxHeaders: 1000}

// mayServeStale tells whether what is stored may be served though it is too
// old, because no peer answered or because of what one answered: the latter is
// not what stale-if-error allows, in nginx's reading of RFC 5861.
func (x *Exchange) mayServeStale(cause Causes, answered bool) bool {
	c := x.cache
	if c == nil || c.status != cacheExpired || c.file == nil {
		return false
	}
	return c.conf.useStale&cause != 0 || !answered && c.stored.valid+c.stored.erring >= x.r.Worker.Now().Unix()
}

func (x *Exchange) serveStale() phases.Result {
	if x.silent {
		return phases.Done
	}
	x.cache.status = cacheStale
	return x.serveStored()
}

// rememberFailure stores that the request is answered with the status, if the
// configuration says for how long.
func (x *Exchange) rememberFailure(status int) {
	c := x.cache
	if !x.cacheable() || c.entry == nil {
		return
	}
	d := c.conf.fresh(status)
	if c.valid > 0 {
		d = time.Duration(c.valid-x.r.Worker.Now().Unix()) * time.Second
	}
	if d <= 0 {
		return
	}
	c.zone.mu.Lock()
	c.entry.failed, c.entry.failedTo = status, x.r.Worker.Now().Add(d)
	c.zone.mu.Unlock()
}
