package upstream

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// judge reads what the answer's fields say of its being stored: nginx's rules.
func (x *Exchange) judge() {
	c, ignore := x.cache, x.set.Ignore
	now := x.r.Worker.Now()
	for i := range x.fields {
		f := &x.fields[i]
		switch len(f.Name) {
		case len("x-accel-expires"):
			if sameName(f.Name, "x-accel-expires") && ignore&ignoreExpires == 0 {
				c.accelExpires(f.Value, now.Unix())
			}
		case len("cache-control"):
			if sameName(f.Name, "cache-control") && ignore&ignoreCacheControl == 0 {
				c.control(f.Value, now.Unix())
			}
		case len("expires"):
			if sameName(f.Name, "expires") && ignore&ignoreOtherExpires == 0 && c.valid == 0 && !c.byControl {
				if t, ok := http1.ParseHTTPDate(f.Value, now); !ok || t.Unix() <= now.Unix() {
					c.expired = true
				} else {
					c.valid = t.Unix()
				}
			}
		case len("set-cookie"):
			if sameName(f.Name, "set-cookie") && ignore&ignoreSetCookie == 0 {
				c.cacheable = false
			}
		case len("vary"):
			if sameName(f.Name, "vary") && ignore&ignoreVary == 0 {
				if c.vary != "" {
					c.vary += ","
				}
				c.vary += f.Value
			}
		}
	}
	if strings.Contains(c.vary, "*") || len(c.vary) > maxVary {
		c.cacheable = false
	}
	if c.byAccel {
		return
	}
	if c.forbidden || c.expired {
		c.cacheable = false
	}
}

// maxVary bounds the Vary field of an answer that is stored.
const maxVary = 128

// accelExpires is X-Accel-Expires, which overrules the other fields.
func (c *cacheUse) accelExpires(v string, now int64) {
	if v == "" {
		return
	}
	if v[0] == '@' {
		if n, err := strconv.ParseInt(v[1:], 10, 64); err == nil {
			c.byAccel, c.valid = true, n
		}
		return
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return
	}
	if n == 0 {
		c.cacheable = false
		return
	}
	c.byAccel, c.byControl, c.valid = true, true, now+n
}

// control is one Cache-Control field (RFC 9111 section 5.2.2, RFC 5861).
func (c *cacheUse) control(v string, now int64) {
	sMaxAge := false
	for _, d := range strings.Split(v, ",") {
		name, value, has := strings.Cut(strings.TrimSpace(d), "=")
		n, err := strconv.ParseInt(strings.Trim(value, "\" "), 10, 62)
		switch strings.ToLower(name) {
		case "no-cache", "no-store", "private":
			c.forbidden = true
		case "s-maxage", "max-age":
			if !has || c.byAccel || sMaxAge {
				continue
			}
			sMaxAge = strings.EqualFold(name, "s-maxage")
			if err != nil {
				c.cacheable = false
				continue
			}
			c.byControl, c.expired = true, false
			if n <= 0 {
				c.forbidden = true
				continue
			}
			c.valid = now + n
		case "stale-while-revalidate":
			if err == nil {
				c.updating = n
			}
		case "stale-if-error":
			if err == nil {
				c.erring = n
			}
		}
	}
}

// startStore begins to store the answer if it may be.
func (x *Exchange) startStore() {
	c, r := x.cache, x.r
	if !x.cacheable() {
		return
	}
	x.judge()
	for _, t := range c.conf.no.Items {
		if c.cacheable && t.True(r) {
			c.cacheable = false
		}
	}
	now := r.Worker.Now()
	if c.valid == 0 {
		if d := c.conf.fresh(x.head.Status); d > 0 {
			c.valid = now.Unix() + int64(d/time.Second)
		}
	}
	if !c.cacheable || c.valid == 0 {
		c.cacheable = false
		return
	}
	h := &c.header
	*h = cacheHeader{valid: c.valid, updating: c.updating, erring: c.erring, date: now.Unix(), key: c.keyText, vary: c.vary, head: x.storedHead()}
	if h.vary != "" {
		c.zone.varied.Store(true)
		h.variant = x.variant(h.vary)
	}
	if s := x.head.Status; s == 200 || s == 206 {
		h.etag, _ = x.field("etag")
		if v, ok := x.field("last-modified"); ok {
			if t, ok := http1.ParseHTTPDate(v, now); ok {
				h.modified = t.Unix()
			}
		}
	}
	if h.start() > maxCacheHead {
		c.cacheable = false
		return
	}
	f, err := c.zone.create(c.key)
	if err == nil {
		c.temp = f
		_, err = f.Write(make([]byte, h.start()))
	}
	c.fail(x, err)
}

// fail gives up the storing, not the answer.
func (c *cacheUse) fail(x *Exchange, err error) {
	if err == nil {
		return
	}
	x.r.Errorf(phases.LevelCrit, "%s while storing an answer", phases.OpenError(err))
	x.leaveCache()
}

// storedHead is the answer's head without what frames it; that of an answer to
// HEAD keeps its length, which no body tells.
func (x *Exchange) storedHead() string {
	b := http1.AppendStatusLine(nil, x.head.Status, string(x.head.Reason))
	bodiless := x.proto == &x.http && x.http.method == "HEAD"
	for i := range x.fields {
		f := &x.fields[i]
		switch strings.ToLower(f.Name) {
		case "transfer-encoding", "connection", "keep-alive", "status":
			continue
		case "content-length":
			if !bodiless {
				continue
			}
		}
		b = http1.AppendField(b, f.Name, f.Value)
	}
	return string(append(b, '\r', '\n'))
}

// store takes a piece of the answer's body. It tells whether it is stored.
func (x *Exchange) store(data []byte) bool {
	c := x.cache
	if c == nil || c.temp == nil || len(data) == 0 {
		return false
	}
	_, err := c.temp.Write(data)
	c.header.body += int64(len(data))
	c.fail(x, err)
	return err == nil
}

// commit makes the stored answer the one that is found.
func (x *Exchange) commit() {
	c := x.cache
	if c == nil || c.temp == nil {
		return
	}
	z, key := c.zone, c.key
	if c.header.vary != "" && c.others {
		key = sum(c.key[:], c.header.variant[:])
	}
	name := c.temp.Name()
	_, err := c.temp.WriteAt(c.header.encode(), 0)
	if !x.ahead.holds(c.temp) {
		if cerr := c.temp.Close(); err == nil {
			err = cerr
		}
	}
	c.temp = nil
	if err == nil {
		err = os.Rename(name, z.file(key))
		if os.IsNotExist(err) {
			if err = os.MkdirAll(z.file(key)[:len(z.file(key))-len(key)*2-1], 0o700); err == nil {
				err = os.Rename(name, z.file(key))
			}
		}
	}
	if err != nil {
		_ = os.Remove(name)
		c.fail(x, err)
		return
	}
	e := c.entry
	if e == nil || e.key != key {
		z.mu.Lock()
		e, _ = z.acquire(key, x.r.Worker.Now())
		z.mu.Unlock()
		defer z.release(e, false)
	}
	z.stored(e, c.header.start()+c.header.body)
	x.leaveCache()
}
