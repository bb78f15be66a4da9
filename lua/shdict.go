package lua

import (
	"sync"
	"sync/atomic"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// dict is a shared dictionary: one lua_shared_dict, for all workers, kept over
// reloads. Its memory is accounted for as nginx's (see slab), and when there
// is no more the least recently used entries go.
type dict struct {
	name string
	size int64 // bytes

	mu      sync.Mutex
	entries map[string]*entry
	recent  entry // the list's head: next is the latest used, prev the oldest
	slab    *slab
	now     func() int64 // milliseconds
	// clock is what now reads: the time of the turn of whatever worker used the
	// dictionary last, which scripts compare with ngx.now.
	clock atomic.Int64
}

// entry is one key. Only dict's methods touch it, with the lock held.
type entry struct {
	prev, next *entry
	key        string
	value      item
	list       *list // of a list, else nil
	page       int32
	expires    int64 // milliseconds; 0: never
	flags      uint32
}

// item is a value: a number, a boolean, a string or a list of items.
type item struct {
	kind itemKind
	num  float64 // a boolean is 0 or 1
	text string
}

type itemKind uint8

const (
	itemNil itemKind = iota
	itemBool
	itemNumber
	itemString
	itemList
)

// Sizes of nginx's structures on 64-bit machines: what an entry takes beside
// its key and value.
const (
	entryHeader    = 68
	listHeader     = 16
	listItemHeader = 21
)

// evictions is how many entries one call may drop to make room.
const evictions = 30

// dictError is why an operation was refused, in OpenResty's words.
type dictError string

const (
	errNoMemory  dictError = "no memory"
	errExists    dictError = "exists"
	errNotFound  dictError = "not found"
	errNotNumber dictError = "not a number"
	errIsList    dictError = "value is a list"
	errNotList   dictError = "value not a list"
	errNilValue  dictError = "attempt to add or replace nil values"
)

func newDict(name string, size int64) *dict {
	d := &dict{name: name, size: size, entries: map[string]*entry{}, slab: newSlab(size)}
	d.now = d.clock.Load
	d.recent.prev, d.recent.next = &d.recent, &d.recent
	// nginx's own: the tree's and queue's heads, and what its log adds.
	d.slab.alloc(80)
	d.slab.alloc(32 + len(name) - len("dogs"))
	return d
}

// bytes is what the value takes.
func (v item) bytes() int {
	switch v.kind {
	case itemBool:
		return 1
	case itemNumber:
		return 8
	}
	return len(v.text)
}

func (v item) lua() vm.Value {
	switch v.kind {
	case itemBool:
		return vm.Bool(v.num != 0)
	case itemNumber:
		return vm.Number(v.num)
	case itemString:
		return vm.String(v.text)
	}
	return vm.Nil
}

func (d *dict) touch(e *entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	d.pushFront(e)
}

func (d *dict) pushFront(e *entry) {
	e.prev, e.next = &d.recent, d.recent.next
	e.prev.next, e.next.prev = e, e
}

// find returns the entry of a key, marked as used, and whether it may be read.
func (d *dict) find(key string, now int64) (e *entry, alive bool) {
	e = d.entries[key]
	if e == nil {
		return nil, false
	}
	d.touch(e)
	return e, e.alive(now)
}

func (e *entry) alive(now int64) bool { return e.expires == 0 || e.expires >= now }

// remove drops an entry.
func (d *dict) remove(e *entry) {
	d.clearList(e)
	e.prev.next, e.next.prev = e.next, e.prev
	delete(d.entries, e.key)
	d.slab.dealloc(e.page)
}

// expire drops up to two expired entries from the old end of the list, and
// before them the oldest whatever it is, if forced.
func (d *dict) expire(now int64, force bool) (dropped bool) {
	most := 2
	if force {
		most++
	}
	for range most {
		e := d.recent.prev
		if e == &d.recent || !force && (e.expires == 0 || e.expires > now) {
			break
		}
		d.remove(e)
		dropped, force = true, false
	}
	return dropped
}

// take reserves size bytes. When evict is set it drops old entries for them
// and says so.
func (d *dict) take(size int, now int64, evict bool) (page int32, forcible bool) {
	page = d.slab.alloc(size)
	for i := 0; page < 0 && evict && i < evictions; i++ {
		if !d.expire(now, true) {
			break
		}
		forcible = true
		page = d.slab.alloc(size)
	}
	return page, forcible
}

// insert adds an entry whose memory is page.
func (d *dict) insert(key string, page int32) *entry {
	e := &entry{key: key, page: page}
	d.entries[key] = e
	d.pushFront(e)
	return e
}

// get returns a value. A stale one is returned only if asked for.
func (d *dict) get(key string, stale bool) (v item, flags uint32, isStale bool, err dictError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if !stale {
		d.expire(now, false)
	}
	e, alive := d.find(key, now)
	if e == nil || !alive && !stale {
		return item{}, 0, false, ""
	}
	if e.value.kind == itemList {
		return item{}, 0, false, errIsList
	}
	return e.value, e.flags, !alive, ""
}

// storeMode says what store does about a key that is or is not there.
type storeMode uint8

const (
	storeSet storeMode = 0
	storeAdd storeMode = 1 << (iota - 1)
	storeReplace
	storeSafe // drops nothing that has not expired
)

// store sets, adds or replaces a value; a nil one removes the key. ttl is in
// milliseconds, 0 for ever.
func (d *dict) store(mode storeMode, key string, v item, ttl int64, flags uint32) (forcible bool, err dictError) {
	if v.kind == itemNil && mode&(storeAdd|storeReplace) != 0 {
		return false, errNilValue
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	d.expire(now, false)
	e, alive := d.find(key, now)
	switch {
	case mode&storeReplace != 0 && !alive:
		return false, errNotFound
	case mode&storeAdd != 0 && alive:
		return false, errExists
	}
	if e != nil && (v.kind == itemNil || e.value.kind == itemList || e.value.bytes() != v.bytes()) {
		d.remove(e)
		e = nil
	}
	if v.kind == itemNil {
		return false, ""
	}
	if e == nil {
		page, forced := d.take(entryHeader+len(key)+v.bytes(), now, mode&storeSafe == 0)
		if page < 0 {
			return forced, errNoMemory
		}
		forcible = forced
		e = d.insert(key, page)
	}
	e.value, e.flags, e.expires = v, flags, deadline(now, ttl)
	return forcible, ""
}

func deadline(now, ttl int64) int64 {
	if ttl <= 0 {
		return 0
	}
	return now + ttl
}

// incr adds to a number. One that is not there begins as *init, if that is
// given, and lives for ttl milliseconds.
func (d *dict) incr(key string, by float64, init *float64, ttl int64) (n float64, forcible bool, err dictError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	d.expire(now, false)
	e, alive := d.find(key, now)
	if alive {
		if e.value.kind != itemNumber {
			return 0, false, errNotNumber
		}
		e.value.num += by
		return e.value.num, false, ""
	}
	if init == nil {
		return 0, false, errNotFound
	}
	if e != nil && (e.value.kind == itemList || e.value.bytes() != 8) {
		d.remove(e)
		e = nil
	}
	if e == nil {
		page, forced := d.take(entryHeader+len(key)+8, now, true)
		if page < 0 {
			return 0, forced, errNoMemory
		}
		forcible = forced
		e = d.insert(key, page)
	}
	e.value, e.flags, e.expires = item{kind: itemNumber, num: *init + by}, 0, deadline(now, ttl)
	return e.value.num, forcible, ""
}

// ttl is how many milliseconds an entry has left; 0 for ever. Looking does not
// count as use.
func (d *dict) ttl(key string) (ms int64, err dictError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entries[key]
	switch {
	case e == nil:
		return 0, errNotFound
	case e.expires == 0:
		return 0, ""
	}
	return e.expires - d.now(), ""
}

// setTTL changes when an entry expires.
func (d *dict) setTTL(key string, ttl int64) dictError {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entries[key]
	if e == nil {
		return errNotFound
	}
	e.expires = deadline(d.now(), ttl)
	return ""
}

// flushAll makes all entries stale. Their memory is used again when needed.
func (d *dict) flushAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for e := d.recent.next; e != &d.recent; e = e.next {
		e.expires = 1
	}
	d.expire(d.now(), true)
}

// flushExpired drops stale entries, the oldest first: at most limit if that is
// positive. It returns how many.
func (d *dict) flushExpired(limit int) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for e := d.recent.prev; e != &d.recent && (limit <= 0 || n < limit); {
		older := e.prev
		if e.expires != 0 && e.expires <= now {
			d.remove(e)
			n++
		}
		e = older
	}
	return n
}

// keys returns the keys that have not expired, the least recently used first:
// at most limit if that is positive.
func (d *dict) keys(limit int) (keys []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for e := d.recent.prev; e != &d.recent && (limit <= 0 || len(keys) < limit); e = e.prev {
		if e.expires == 0 || e.expires > now {
			keys = append(keys, e.key)
		}
	}
	return keys
}

// Space is the dictionary's as a zone.
func (d *dict) Space() (capacity, free int64) { return d.size, d.freeSpace() }

// freeSpace is nginx's: bytes in whole free pages.
func (d *dict) freeSpace() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.slab.freeBytes()
}
