package upstream

import (
	"os"
	"strings"

	"github.com/luahttpd/luahttpd/phases"
)

// purge is proxy_cache_purge: what is stored under the request's key is
// removed, and all that begins with it if it ends in "*". The answer is 204, or
// 404 when nothing was there.
func (x *Exchange) purge() phases.Result {
	c, z := x.cache, x.cache.zone
	x.cache = nil
	prefix, all := strings.CutSuffix(c.keyText, "*")
	n := 0
	if !all {
		varied := z.varied.Load()
		if f, h, err := openCacheFile(z.file(c.key)); err == nil {
			f.Close()
			varied = varied && h.vary != ""
		}
		if z.purge(c.key) {
			n++
		}
		if !varied {
			return purged(n)
		}
		prefix = c.keyText
	}
	x.r.Worker.Offload(func() { n += z.purgeAll(prefix, all) })
	return purged(n)
}

func purged(n int) phases.Result {
	if n == 0 {
		return 404
	}
	return 204
}

// purge removes what is stored under key. It tells whether there was something.
func (z *cacheZone) purge(key cacheKey) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	e := z.entries[key]
	if e == nil && z.loaded.Load() {
		return false
	}
	was := os.Remove(z.file(key)) == nil
	if e == nil {
		return was
	}
	if e.exists {
		z.size -= e.size
	}
	was = was || e.failed != 0
	e.exists, e.size, e.failed = false, 0, 0
	return was
}

// purgeAll removes the answers whose keys are text, or begin with it. It reads
// the files of them all.
func (z *cacheZone) purgeAll(text string, prefix bool) (n int) {
	z.mu.Lock()
	keys := make([]cacheKey, 0, len(z.entries))
	for key := range z.entries {
		keys = append(keys, key)
	}
	z.mu.Unlock()
	for _, key := range keys {
		f, h, err := openCacheFile(z.file(key))
		if err != nil {
			continue
		}
		f.Close()
		if h.key == text || prefix && strings.HasPrefix(h.key, text) {
			if z.purge(key) {
				n++
			}
		}
	}
	return n
}
