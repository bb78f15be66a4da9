package handler

import (
	"container/list"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

// Limits of the files that a worker keeps open for the next request. What a
// name stands for is looked up each time, so a file that was replaced, removed
// or forbidden is never served; only its descriptor stays for a while.
const (
	openFiles    = 128
	openFileTime = 10 * time.Second
)

// openFile is a regular file that is open, with what stat said of it.
type openFile struct {
	f    *os.File
	id   fileID
	size int64
	time time.Time
	etag string

	path  string
	used  time.Time
	users int // requests that send it
	place *list.Element
}

// fileID is what must be the same for an open file to be what open would give.
type fileID struct {
	dev, ino            uint64
	mode, uid, gid      uint32
	size, sec, nanosecs int64
}

// fileCache is a worker's open files; only it touches them.
type fileCache struct {
	w      *actor.Worker
	byPath map[string]*openFile
	recent *list.List // of *openFile, the most recent first
	timer  *actor.Timer
	stat   syscall.Stat_t
}

// fileCaches are those of a configuration's workers: *actor.Worker to *fileCache.
var fileCaches = phases.NewConfigSlot[sync.Map]()

func cacheOf(r *phases.Request) *fileCache {
	all := fileCaches.Of(r.Config)
	if c, ok := all.Load(r.Worker); ok {
		return c.(*fileCache)
	}
	c := &fileCache{w: r.Worker, byPath: map[string]*openFile{}, recent: list.New()}
	all.Store(r.Worker, c)
	return c
}

// get returns the file that path names if it is open. The caller gives it
// back with done.
func (c *fileCache) get(path []byte) *openFile {
	o := c.byPath[string(path)]
	if o == nil {
		return nil
	}
	if syscall.Stat(o.path, &c.stat) != nil || identify(&c.stat) != o.id {
		c.drop(o)
		return nil
	}
	c.recent.MoveToFront(o.place)
	o.used = c.w.Now()
	o.users++
	return o
}

// put keeps a file that was opened, and returns it as get would.
func (c *fileCache) put(path string, f *os.File, st os.FileInfo) *openFile {
	o := &openFile{f: f, size: st.Size(), time: st.ModTime(), etag: phases.FileTag(st.ModTime(), st.Size()), path: path, used: c.w.Now(), users: 1}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok || c.byPath[path] != nil {
		return o // which done closes
	}
	o.id = identify(sys)
	if len(c.byPath) >= openFiles {
		c.drop(c.recent.Back().Value.(*openFile))
	}
	o.place = c.recent.PushFront(o)
	c.byPath[path] = o
	if c.timer == nil {
		c.timer = c.w.AfterFunc(openFileTime, c.sweep)
	}
	return o
}

func identify(st *syscall.Stat_t) fileID {
	return fileID{uint64(st.Dev), uint64(st.Ino), uint32(st.Mode), st.Uid, st.Gid, st.Size, int64(st.Mtim.Sec), int64(st.Mtim.Nsec)}
}

func (c *fileCache) done(o *openFile) {
	if o.users--; o.users == 0 && o.place == nil {
		o.f.Close()
	}
}

// drop forgets a file; who sends it still may.
func (c *fileCache) drop(o *openFile) {
	delete(c.byPath, o.path)
	c.recent.Remove(o.place)
	o.place = nil
	if o.users == 0 {
		o.f.Close()
	}
}

// sweep drops what nobody asked for lately.
func (c *fileCache) sweep() {
	for e := c.recent.Back(); e != nil && c.w.Now().Sub(e.Value.(*openFile).used) >= openFileTime; e = c.recent.Back() {
		c.drop(e.Value.(*openFile))
	}
	if c.timer = nil; len(c.byPath) > 0 {
		c.timer = c.w.AfterFunc(openFileTime, c.sweep)
	}
}

// closeFiles ends a worker's cache.
func closeFiles(cfg *phases.Config, w *actor.Worker) {
	v, ok := fileCaches.Of(cfg).LoadAndDelete(w)
	if !ok {
		return
	}
	c := v.(*fileCache)
	if c.timer != nil {
		c.timer.Stop()
	}
	for _, o := range c.byPath {
		c.drop(o)
	}
}
