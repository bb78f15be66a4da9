package upstream

import (
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// pace is how much of a cache is dealt with at a time, so that the disk serves
// others too: manager_files and the like.
type pace struct {
	files     int           // 100
	threshold time.Duration // 200ms
	sleep     time.Duration // 50ms
}

func defaultPace() pace { return pace{100, 200 * time.Millisecond, 50 * time.Millisecond} }

// set takes one parameter of proxy_cache_path, its name without "manager_".
func (p *pace) set(what, value string) (ok bool) {
	switch what {
	case "files":
		p.files, ok = conf.Number(value)
		return ok && p.files > 0
	case "threshold":
		p.threshold, ok = conf.Msec(value)
	case "sleep":
		p.sleep, ok = conf.Msec(value)
	}
	return ok
}

// manageEvery is how often a cache is looked through.
const manageEvery = 5 * time.Second

// startCaches has the worker load and manage the caches of a configuration.
func startCaches(cfg *phases.Config, w *actor.Worker) {
	c := inCache.Of(cfg)
	if len(c.zones) == 0 {
		return
	}
	c.work.start(w, manageEvery, func() {
		for _, z := range c.zones {
			z.mu.Lock()
			manager, loader := z.manager, z.loader
			z.mu.Unlock()
			steps(w, &loader, z.load)
			steps(w, &manager, z.manage)
		}
	})
}

// steps calls step, away from the worker, until it has no more to do.
func steps(w *actor.Worker, p *pace, step func(p *pace) (more bool)) {
	for more := true; more; {
		w.Offload(func() { more = step(p) })
		if more {
			w.Current().Sleep(p.sleep)
		}
	}
}

// loading is how far the directory of a cache was read.
type loading struct {
	busy  atomic.Bool
	begun bool
	dirs  []string
	dir   string
	files []fs.DirEntry // of dir
}

// load reads a part of the directory, so that files of an earlier run count.
func (z *cacheZone) load(p *pace) (more bool) {
	l := &z.loading
	if z.loaded.Load() || l.busy.Swap(true) {
		return false // done, or done by a configuration of before
	}
	defer l.busy.Store(false)
	if !l.begun {
		l.begun, l.dirs = true, []string{z.path}
	}
	start := time.Now()
	for n := 0; ; n++ {
		if n == p.files || time.Since(start) >= p.threshold {
			return true
		}
		for len(l.files) == 0 {
			last := len(l.dirs) - 1
			if last < 0 {
				z.loaded.Store(true)
				return false
			}
			l.dir, l.dirs = l.dirs[last], l.dirs[:last]
			l.files, _ = os.ReadDir(l.dir) // what cannot be read is found again when it is asked for
		}
		d := l.files[0]
		l.files = l.files[1:]
		if path := filepath.Join(l.dir, d.Name()); d.IsDir() {
			l.dirs = append(l.dirs, path)
		} else {
			z.found(path, d, start)
		}
	}
}

// found adds a file of an earlier run.
func (z *cacheZone) found(path string, d fs.DirEntry, now time.Time) {
	st, err := d.Info()
	if err != nil {
		return
	}
	name := d.Name()
	if strings.HasSuffix(name, tempSuffix) {
		if now.Sub(st.ModTime()) > time.Hour {
			_ = os.Remove(path) // of a run that ended in the middle
		}
		return
	}
	var key cacheKey
	if len(name) != 2*len(key) {
		return
	}
	if _, err := hex.Decode(key[:], []byte(name)); err != nil || z.file(key) != path {
		return
	}
	z.varied.Store(true) // who knows
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.entries[key] == nil {
		e := z.add(key, now)
		e.exists, e.size, e.uses = true, st.Size(), 1
		z.size += e.size
	}
}

// manage removes some of what was not used for long and of what is over the
// limits.
func (z *cacheZone) manage(p *pace) (more bool) {
	start := time.Now()
	var short int64 // bytes that are to become free
	if z.minFree > 0 {
		if free, err := actor.FreeSpace(z.path); err == nil {
			short = z.minFree - free
		}
	}
	for n := 0; n < p.files; n++ {
		if time.Since(start) >= p.threshold {
			return true
		}
		size, dropped := z.manageOne(start, short > 0)
		if !dropped {
			return false
		}
		short -= size
	}
	return true
}

// manageOne removes the entry that was not used for longest, if it has to go.
func (z *cacheZone) manageOne(now time.Time, short bool) (size int64, dropped bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	over := short || z.maxSize > 0 && z.size > z.maxSize
	for el := z.recent.Back(); el != nil; el = el.Prev() {
		e := el.Value.(*cacheEntry)
		if !over && now.Sub(e.last) < z.inactive {
			break
		}
		if e.refs == 0 {
			if e.exists {
				size = e.size
			}
			z.drop(e)
			return size, true
		}
	}
	return 0, false
}
