package handler

import (
	"fmt"
	"sync"
	"testing"
)

// TestBuckets replays requests of one key against a rate of 2 a second.
func TestBuckets(t *testing.T) {
	const rate = 2000
	b := newBuckets("k", 1<<20)
	for _, c := range []struct {
		now, burst int64
		fate       reqFate
		excess     int64
	}{
		{100_000, 0, reqAllowed, 0},
		{100_000, 0, reqTooMany, 1000},
		{100_000, 1000, reqAllowed, 1000},
		{100_250, 1000, reqTooMany, 1500},
		{100_500, 1000, reqAllowed, 1000},
		{100_400, 5000, reqAllowed, 2000}, // another worker's clock
		{102_000, 0, reqAllowed, 0},
		{1000, 0, reqTooMany, 998}, // the clock was set anew
		{1 << 50, 0, reqAllowed, 0},
	} {
		_, excess, fate := b.ask("key", rate, c.burst, c.now, true)
		if fate != c.fate || excess != c.excess {
			t.Errorf("at %d: %d, excess %d, want %d, %d", c.now, fate, excess, c.fate, c.excess)
		}
	}
}

func TestBucketsPinned(t *testing.T) {
	b := newBuckets("k", 1<<20)
	n, _, fate := b.ask("a", 1000, 0, 1000, false)
	if fate != reqAllowed || n == nil {
		t.Fatal(fate)
	}
	b.unpin(n) // refused elsewhere: not counted
	if n, _, _ = b.ask("a", 1000, 0, 1000, false); b.account(n, 1000, 1000) != 0 {
		t.Error("a request that was refused elsewhere counts")
	}
	if _, excess, fate := b.ask("a", 1000, 0, 1000, false); fate != reqTooMany || excess != 1000 {
		t.Error(excess, fate)
	}
}

// TestBucketsFull: the least recently used goes when there is no room, but not
// one that is pinned.
func TestBucketsFull(t *testing.T) {
	b := newBuckets("k", 3*(bucketBytes+1))
	for i := range 3 {
		b.ask(fmt.Sprint(i), 1000, 0, 1000, true)
	}
	b.ask("0", 1000, 9000, 1000, true)
	if _, _, fate := b.ask("3", 1000, 0, 1000, true); fate != reqAllowed {
		t.Fatal(fate)
	}
	if b.byKey["1"] != nil || b.byKey["0"] == nil || len(b.byKey) != 3 {
		t.Errorf("%v", b.byKey)
	}
	for _, k := range []string{"0", "2", "3"} {
		b.ask(k, 1000, 9000, 1000, false)
	}
	if _, _, fate := b.ask("4", 1000, 0, 1000, true); fate != reqNoRoom {
		t.Error(fate)
	}
}

func TestBucketsIdle(t *testing.T) {
	b := newBuckets("k", 1<<20)
	b.ask("a", 1000, 0, 1000, true)
	b.ask("b", 1000, 0, 1000+bucketIdle, true)
	if b.byKey["a"] != nil || b.taken != bucketBytes+1 {
		t.Errorf("%v, %d bytes", b.byKey, b.taken)
	}
}

// TestBucketsShared: of requests that come at once on several workers only as
// many pass as there is burst for.
func TestBucketsShared(t *testing.T) {
	b := newBuckets("k", 1<<20)
	passed := make([]int, 8)
	var wg sync.WaitGroup
	for w := range passed {
		wg.Go(func() {
			for range 100 {
				if _, _, fate := b.ask("a", 1, 9000, 5000, true); fate == reqAllowed {
					passed[w]++
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range passed {
		sum += n
	}
	if sum != 10 {
		t.Errorf("%d passed, want 10", sum)
	}
}

func TestConnCounts(t *testing.T) {
	c := &connCounts{size: 2 * (connEntryBytes + 1), count: map[string]int{}}
	if !c.enter("a", 2) || !c.enter("a", 2) || c.enter("a", 2) || !c.enter("b", 1) || c.enter("c", 1) {
		t.Error("counts are wrong")
	}
	c.leave("a")
	c.leave("a")
	if !c.enter("c", 1) {
		t.Error("no room after a key has gone")
	}
	c.leave("b")
	c.leave("c")
	if len(c.count) != 0 || c.taken != 0 {
		t.Errorf("%v, %d bytes are left", c.count, c.taken)
	}
}
