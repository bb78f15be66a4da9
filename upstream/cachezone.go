package upstream

import (
	"container/list"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type cacheKey [16]byte

// cacheZone is a cache: the files below one directory and what is known of
// them. It is shared by the workers and kept over reloads.
type cacheZone struct {
	name     string
	path     string
	levels   []int
	inactive time.Duration
	maxSize  int64 // bytes of files; 0: no limit
	minFree  int64 // bytes that are left free of the file system; 0: no limit
	maxKeys  int
	manager  pace
	loader   pace

	loaded  atomic.Bool // the directory was read: what is not known is not there
	varied  atomic.Bool // some answers may be stored for several values of Vary's fields
	loading loading
	temp    atomic.Uint64
	mu      sync.Mutex
	entries map[cacheKey]*cacheEntry
	recent  list.List // of *cacheEntry, the latest used first
	size    int64
}

// cacheEntry is what is known of one key. The zone's lock guards it.
type cacheEntry struct {
	key      cacheKey
	place    *list.Element
	uses     int
	refs     int // requests that use it now
	exists   bool
	size     int64
	last     time.Time // used
	updating bool      // somebody asks a peer for it
	lockEnds time.Time // when that is no longer believed
	failed   int       // a status that is answered without asking, until failedTo
	failedTo time.Time
	waiters  []func()
}

// bytesPerKey is how much of a zone's size one key counts, as in nginx: a
// megabyte has about 8,000 of them.
const bytesPerKey = 128

// acquire finds or makes the entry of key and counts a use of it. The zone's
// lock is held.
func (z *cacheZone) acquire(key cacheKey, now time.Time) (e *cacheEntry, known bool) {
	if e = z.entries[key]; e == nil {
		e = z.add(key, now)
	} else {
		known = true
		z.recent.MoveToFront(e.place)
	}
	e.refs++
	e.uses++
	e.last = now
	return e, known
}

func (z *cacheZone) add(key cacheKey, now time.Time) *cacheEntry {
	for len(z.entries) >= z.maxKeys {
		if !z.dropOldest() {
			break
		}
	}
	e := &cacheEntry{key: key, last: now}
	e.place = z.recent.PushFront(e)
	z.entries[key] = e
	return e
}

// dropOldest forgets the entry that was not used for longest, its file too.
func (z *cacheZone) dropOldest() bool {
	for el := z.recent.Back(); el != nil; el = el.Prev() {
		if e := el.Value.(*cacheEntry); e.refs == 0 {
			z.drop(e)
			return true
		}
	}
	return false
}

func (z *cacheZone) drop(e *cacheEntry) {
	delete(z.entries, e.key)
	z.recent.Remove(e.place)
	if e.exists {
		z.size -= e.size
		// One that cannot be removed is found again when the cache is loaded.
		_ = os.Remove(z.file(e.key))
	}
}

// hold is another use of e, which is in use.
func (z *cacheZone) hold(e *cacheEntry) {
	z.mu.Lock()
	e.refs++
	z.mu.Unlock()
}

// release ends a use of e; if it was being updated by the caller, that ends
// too and those who wait are woken.
func (z *cacheZone) release(e *cacheEntry, updating bool) {
	z.mu.Lock()
	var wake []func()
	e.refs--
	if updating {
		e.updating = false
		wake, e.waiters = e.waiters, nil
	}
	z.mu.Unlock()
	for _, f := range wake {
		f()
	}
}

// stored notes that the file of e was written.
func (z *cacheZone) stored(e *cacheEntry, size int64) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if e.exists {
		z.size -= e.size
	}
	e.exists, e.size, e.failed = true, size, 0
	z.size += size
	if z.entries[e.key] != e { // it was forgotten meanwhile
		z.entries[e.key] = e
		e.place = z.recent.PushFront(e)
	}
}

// file is the path of a key's file.
func (z *cacheZone) file(key cacheKey) string {
	name := hex.EncodeToString(key[:])
	var b strings.Builder
	b.WriteString(z.path)
	end := len(name)
	for _, n := range z.levels {
		b.WriteByte('/')
		b.WriteString(name[end-n : end])
		end -= n
	}
	b.WriteByte('/')
	b.WriteString(name)
	return b.String()
}

// create opens a file that will become key's. A process that died may have left
// files of the names.
func (z *cacheZone) create(key cacheKey) (*os.File, error) {
	for made := false; ; {
		path := z.file(key) + "." + hex.EncodeToString(binaryUint(z.temp.Add(1))) + tempSuffix
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		switch {
		case os.IsExist(err):
			continue
		case os.IsNotExist(err) && !made:
			made = true
			if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
				continue
			}
		}
		return f, err
	}
}

const tempSuffix = ".tmp"

func binaryUint(n uint64) []byte {
	return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}
