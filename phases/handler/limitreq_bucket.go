package handler

import "sync"

// buckets are a zone's leaky buckets by key, for all workers, the least
// recently used given up when there is no room for another.
type buckets struct {
	keySource string
	size      int64 // bytes that all buckets may take

	mu    sync.Mutex
	taken int64
	byKey map[string]*bucket
	lru   bucket // of the ring: next is the most recently used
}

// bucket is one key's. It leaks at the zone's rate; a request adds a thousand.
type bucket struct {
	key        string
	excess     int64 // thousandths of a request, as of last
	last       int64 // milliseconds
	pins       int   // requests that are being judged
	prev, next *bucket
}

const (
	// bucketBytes is what a bucket takes beside its key.
	bucketBytes = 64
	// bucketIdle is after how many milliseconds an empty bucket may be given up.
	bucketIdle = 60_000
	// clockStep is how far, in milliseconds, the clock may go back before it
	// counts as set anew.
	clockStep = 60_000
)

func newBuckets(keySource string, size int64) *buckets {
	b := &buckets{keySource: keySource, size: size, byKey: map[string]*bucket{}}
	b.lru.prev, b.lru.next = &b.lru, &b.lru
	return b
}

func (n *bucket) unlink() { n.prev.next, n.next.prev = n.next, n.prev }

func (b *buckets) front(n *bucket) {
	n.prev, n.next = &b.lru, b.lru.next
	n.prev.next, n.next.prev = n, n
}

// since is how long ago last was; workers read their clocks apart.
func since(now, last int64) int64 {
	switch ms := now - last; {
	case ms < -clockStep:
		return 1
	case ms < 0:
		return 0
	default:
		return ms
	}
}

// ahead is how far the bucket is ahead of the rate with one more request, ms
// milliseconds after the last.
func (n *bucket) ahead(rate, ms int64) int64 {
	if ms > (1<<62)/rate { // so long that it has leaked out at any rate
		return 0
	}
	return max(n.excess-rate*ms/1000+1000, 0)
}

// fresh: no request has been counted yet.
func (n *bucket) fresh() bool { return n.last < 0 }

// ask finds or makes the bucket of key and tells whether it takes a request:
// if not, excess says by how much it is over. If count, the request is counted
// at once; else the bucket is kept, pinned, until account or unpin.
func (b *buckets) ask(key string, rate, burst, now int64, count bool) (n *bucket, excess int64, fate reqFate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n = b.byKey[key]; n != nil {
		n.unlink()
		b.front(n)
		if !n.fresh() {
			if excess = n.ahead(rate, since(now, n.last)); excess > burst {
				return nil, excess, reqTooMany
			}
		}
	} else {
		cost := int64(bucketBytes + len(key))
		b.expire(rate, now, false)
		for b.taken+cost > b.size {
			if !b.expire(rate, now, true) {
				return nil, 0, reqNoRoom
			}
		}
		n = &bucket{key: key, last: -1}
		b.taken += cost
		b.byKey[key] = n
		b.front(n)
	}
	if count {
		return nil, n.count(rate, now), reqAllowed
	}
	n.pins++
	return n, excess, reqAllowed
}

// count adds a request and returns how far the bucket is ahead then. The first
// request is not ahead.
func (n *bucket) count(rate, now int64) (excess int64) {
	if n.fresh() {
		n.last = now
		return 0
	}
	ms := since(now, n.last)
	n.excess = n.ahead(rate, ms)
	if ms > 0 {
		n.last = now
	}
	return n.excess
}

// account counts the request in a bucket that was pinned.
func (b *buckets) account(n *bucket, rate, now int64) (excess int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n.pins--
	return n.count(rate, now)
}

// unpin forgets a request that was refused elsewhere.
func (b *buckets) unpin(n *bucket) {
	b.mu.Lock()
	n.pins--
	b.mu.Unlock()
}

// expire gives up to two of the least recently used buckets up that are empty
// and idle, and if force the least recently used before them in any case. It
// says whether there is more room.
func (b *buckets) expire(rate, now int64, force bool) (some bool) {
	most := 2
	if force {
		most++
	}
	for range most {
		n := b.lru.prev
		if n == &b.lru || n.pins > 0 {
			return some
		}
		if !force || some {
			ms := max(now-n.last, n.last-now)
			if ms < bucketIdle || n.ahead(rate, ms) > 1000 {
				return some
			}
		}
		n.unlink()
		delete(b.byKey, n.key)
		b.taken -= int64(bucketBytes + len(n.key))
		some = true
	}
	return some
}
