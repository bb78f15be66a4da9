package pcre

import (
	"container/list"
	"sync"
)

// CacheEntries is how many expressions a Cache keeps by default: the default
// of lua_regex_cache_max_entries.
const CacheEntries = 1024

// Cache keeps the most recently used compiled expressions. It may be used by
// several goroutines at once.
type Cache struct {
	mu      sync.Mutex
	entries int
	limit   int
	recent  *list.List // of *Regex, the latest first
	known   map[cacheKey]*list.Element
}

type cacheKey struct {
	pattern string
	flags   Flags
}

// NewCache makes a Cache of at most entries expressions; CacheEntries if
// entries is not positive.
func NewCache(entries int) *Cache {
	if entries <= 0 {
		entries = CacheEntries
	}
	return &Cache{entries: entries, recent: list.New(), known: make(map[cacheKey]*list.Element)}
}

// SetMatchLimit gives the expressions compiled from now on that match limit,
// those with DFA excepted: see Regex.SetMatchLimit. It must be called before
// the Cache is shared.
func (c *Cache) SetMatchLimit(steps int) { c.limit = steps }

// Compile is the function Compile with a memory. Patterns that fail to compile
// are not remembered.
func (c *Cache) Compile(pattern string, f Flags) (*Regex, error) {
	key := cacheKey{pattern, f & compiled}
	c.mu.Lock()
	if e, ok := c.known[key]; ok {
		c.recent.MoveToFront(e)
		re := e.Value.(*Regex)
		c.mu.Unlock()
		return re, nil
	}
	c.mu.Unlock()
	re, err := Compile(pattern, key.flags)
	if err != nil {
		return nil, err
	}
	if f&DFA == 0 { // as in lua-nginx-module
		re.SetMatchLimit(c.limit)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.known[key]; ok { // compiled twice at once: the first stays
		return e.Value.(*Regex), nil
	}
	c.known[key] = c.recent.PushFront(re)
	if c.recent.Len() > c.entries {
		oldest := c.recent.Remove(c.recent.Back()).(*Regex)
		delete(c.known, cacheKey{oldest.pattern, oldest.flags})
	}
	return re, nil
}

// Len is the number of expressions kept.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}
