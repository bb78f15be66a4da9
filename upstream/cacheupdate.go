package upstream

import (
	"os"
	"slices"
	"time"

	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// serveAndUpdate answers with what is stored while an exchange of its own,
// which no client waits for, brings it up to date.
func (x *Exchange) serveAndUpdate() phases.Result {
	c, u := x.cache, x.w.take()
	update := &cacheUse{conf: c.conf, zone: c.zone, keyText: c.keyText, key: c.key, entry: c.entry, mine: c.mine, others: c.others,
		status: cacheExpired, cacheable: true}
	c.zone.hold(c.entry)
	c.mine, c.status = false, cacheStale
	// It may be another by now, and as good; without one the whole is asked for.
	if f, h, err := openCacheFile(c.file.Name()); err == nil {
		update.file, update.stored = f, h
	}
	u.r = x.r
	u.prepare(x.set)
	u.silent, u.cache = true, update
	u.rewrite, u.setBody, u.target, u.secure = x.rewrite, slices.Clone(x.setBody), x.target, x.secure
	u.uri = append(u.uri[:0], x.uri...)
	if u.proto = x.proto; x.proto == &x.http {
		u.http = x.http
		u.proto = &u.http
	}
	var err error
	u.out, err = u.proto.request(u, u.out[:0]) // with this request's variables
	done := x.linger()
	x.r.Detach(func(d *phases.Request) {
		defer done()
		u.carry(d)
		u.co = d.Worker.Current()
		defer u.leaveCache()
		if err != nil {
			d.Result(err)
			return
		}
		u.askWith()
	})
	return x.serveStored()
}

// linger has the end of a connection that is not kept wait until done is
// called: who asks again after it finds the update done, as with nginx, where
// any connection waits. One that is kept goes on with its next request.
func (x *Exchange) linger() (done func()) {
	r := x.r.Main
	if r.KeepAlive {
		return func() {}
	}
	ended, wake := false, func() {}
	r.OnEnd(func() {
		if ended {
			return
		}
		co := r.Worker.Current()
		token := co.Token()
		wake = func() { co.ResumeIf(token) }
		co.ParkOn(token)
	})
	return func() {
		ended = true
		wake()
	}
}

// revalidated: the peer said that what is stored is still good.
func (x *Exchange) revalidated() phases.Result {
	c := x.cache
	x.judge()
	c.status = cacheRevalidated
	now := x.r.Worker.Now().Unix()
	if c.valid == 0 {
		// The stored answer's own fields say how long, counted anew.
		var status int
		if c.valid, status = x.storedValid(); c.valid == 0 {
			if d := c.conf.fresh(status); d > 0 {
				c.valid = now + int64(d/time.Second)
			}
		}
	}
	if c.valid > 0 && !c.forbidden && !c.expired {
		h := c.stored
		h.valid, h.date = c.valid, now
		h.updating, h.erring = c.updating, c.erring
		if err := writeHeader(c.file, &h); err != nil {
			x.r.Errorf(phases.LevelCrit, "cache file \"%s\": %s", c.file.Name(), phases.OpenError(err))
		}
	}
	if x.silent {
		return phases.Done
	}
	return x.serveStored()
}

// storedValid reads Cache-Control and the like of the stored answer, and its
// status.
func (x *Exchange) storedValid() (valid int64, status int) {
	c := x.cache
	fields := x.fields
	var h http1.ResponseHead
	if _, err := http1.ParseResponse([]byte(c.stored.head), &h, &storedLimits); err != nil {
		return 0, 0
	}
	old := make([]phases.Field, 0, len(h.Fields))
	for _, f := range h.Fields {
		old = append(old, phases.Field{Name: string(f.Name), Value: string(f.Value)})
	}
	was := *c
	x.fields = old
	x.judge()
	updating, erring, bad := c.updating, c.erring, c.forbidden || c.expired
	valid = c.valid
	x.fields = fields
	c.valid, c.forbidden, c.expired, c.byControl, c.byAccel, c.vary = was.valid, was.forbidden, was.expired, was.byControl, was.byAccel, was.vary
	c.updating, c.erring = updating, erring
	if bad {
		return 0, h.Status
	}
	return valid, h.Status
}

// writeHeader replaces the header of a stored answer by one of the same
// length, unless another answer has taken its place meanwhile.
func writeHeader(old *os.File, h *cacheHeader) error {
	f, err := os.OpenFile(old.Name(), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	now, err := f.Stat()
	if err == nil {
		var was os.FileInfo
		if was, err = old.Stat(); err == nil && os.SameFile(now, was) {
			_, err = f.WriteAt(h.encode(), 0)
		}
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
