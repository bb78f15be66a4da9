package lua

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

func number(f float64) item { return item{kind: itemNumber, num: f} }
func str(s string) item     { return item{kind: itemString, text: s} }

// testDict is a dictionary whose clock is *now.
func testDict(size int64) (d *dict, now *int64) {
	d, now = newDict("dogs", size), new(int64)
	*now = 1_000_000
	d.now = func() int64 { return *now }
	return d, now
}

func TestSharedDict(t *testing.T) {
	d, now := testDict(64 << 10)
	check := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	store := func(mode storeMode, key string, v item, ttl int64) string {
		_, err := d.store(mode, key, v, ttl, 7)
		return string(err)
	}
	get := func(key string) any {
		v, _, _, err := d.get(key, false)
		if err != "" {
			return err
		}
		return v
	}
	check("replace what is not there", store(storeReplace, "a", number(1), 0), "not found")
	check("add", store(storeAdd, "a", number(1), 0), "")
	check("add again", store(storeAdd, "a", number(2), 0), "exists")
	check("add nil", store(storeAdd, "b", item{}, 0), "attempt to add or replace nil values")
	check("replace", store(storeReplace, "a", str("x"), 10), "")
	check("get", get("a"), str("x"))
	*now += 11
	check("expired", get("a"), item{})
	v, flags, stale, _ := d.get("a", true)
	check("stale", fmt.Sprint(v, flags, stale), fmt.Sprint(item{}, 0, false)) // get dropped it

	store(storeSet, "s", str("old"), 10)
	*now += 20
	v, flags, stale, _ = d.get("s", true)
	check("stale", fmt.Sprint(v, flags, stale), fmt.Sprint(str("old"), 7, true))
	ms, err := d.ttl("s")
	check("ttl", fmt.Sprint(ms, err), "-10")

	one := 1.0
	n, _, err := d.incr("n", 2, nil, 0)
	check("incr without init", fmt.Sprint(n, err), "0not found")
	n, _, _ = d.incr("n", 2, &one, 5)
	check("incr with init", n, 3)
	n, _, _ = d.incr("n", 0.5, &one, 5)
	check("incr", n, 3.5)
	store(storeSet, "t", str("text"), 0)
	_, _, err = d.incr("t", 1, &one, 0)
	check("incr of text", err, "not a number")

	for i, v := range []string{"b", "c"} {
		n, err := d.push("l", str(v), false)
		check("rpush", fmt.Sprint(n, err), fmt.Sprint(i+1, ""))
	}
	d.push("l", number(1), true)
	check("get of a list", get("l"), "value is a list")
	_, err = d.push("t", str("x"), true)
	check("lpush to text", err, "value not a list")
	v, _ = d.pop("l", true)
	check("lpop", v, number(1))
	v, _ = d.pop("l", false)
	check("rpop", v, str("c"))
	length, _ := d.length("l")
	check("llen", length, 1)
	d.pop("l", true)
	v, err = d.pop("l", true)
	check("pop of an empty list", fmt.Sprint(v, err), fmt.Sprint(item{}, ""))

	check("keys", d.keys(0), []string{"n", "t"})
	d.flushAll()
	check("keys after flush", len(d.keys(0)), 0)
	d.flushExpired(0)
	check("entries after flush", len(d.entries), 0)
}

// TestSharedDictMemory checks what fits into zones of nginx's sizes.
func TestSharedDictMemory(t *testing.T) {
	for _, c := range []struct {
		size  int64
		pages int
	}{{8 << 10, 1}, {20 << 10, 4}, {25 << 10, 5}, {1 << 20, 254}} {
		if s := newSlab(c.size); len(s.pages) != c.pages {
			t.Errorf("%d bytes: %d pages, want %d", c.size, len(s.pages), c.pages)
		}
	}
	d, _ := testDict(50 << 10)
	d.store(storeSet, "bah", str("hello"), 0, 0)
	forcible, err := d.store(storeSet, "foo", str(strings.Repeat("x", 100_000)), 0, 0)
	if !forcible || err != errNoMemory {
		t.Errorf("too big a value: %v, %q", forcible, err)
	}
	if _, err = d.store(storeSafe, "foo", str(strings.Repeat("x", 100_000)), 0, 0); err != errNoMemory {
		t.Errorf("too big a value, safely: %q", err)
	}
}

// TestSharedDictModel drives a small dictionary at random beside a model: a
// list of keys in the order of their use. What is dropped must be the oldest.
func TestSharedDictModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	d, now := testDict(40 << 10)
	whole := d.slab.freePages
	model := map[string]item{}
	var order []string // the oldest first
	use := func(key string) {
		order = append(slices.DeleteFunc(order, func(k string) bool { return k == key }), key)
	}
	forget := func(key string) {
		delete(model, key)
		order = slices.DeleteFunc(order, func(k string) bool { return k == key })
	}
	for step := range 20_000 {
		key := fmt.Sprint("key", rnd.IntN(60))
		*now++
		switch rnd.IntN(6) {
		case 0, 1, 2:
			v := str(strings.Repeat("v", rnd.IntN(1<<rnd.IntN(14))))
			mode := storeSet
			if rnd.IntN(3) == 0 {
				mode = storeSafe
			}
			forcible, err := d.store(mode, key, v, 0, 0)
			forget(key)
			if forcible { // what is left must be the youngest
				for len(order) > 0 && d.entries[order[0]] == nil {
					forget(order[0])
				}
			}
			if err == "" {
				model[key] = v
				use(key)
			}
		case 3:
			_, _ = d.store(storeSet, key, item{}, 0, 0)
			forget(key)
		default:
			v, _, _, _ := d.get(key, false)
			if v != model[key] {
				t.Fatalf("step %d: get %q: %d bytes, want %d", step, key, len(v.text), len(model[key].text))
			}
			if v.kind != itemNil {
				use(key)
			}
		}
		if got := d.keys(0); !slices.Equal(got, order) {
			t.Fatalf("step %d: keys %v, want %v", step, got, order)
		}
		checkSlab(t, d.slab)
	}
	d.flushAll()
	d.flushExpired(0)
	if d.slab.freePages != whole {
		t.Errorf("%d pages free in the end, want %d", d.slab.freePages, whole)
	}
}

// checkSlab walks the pages of a slab: runs must fill it, free neighbours be
// joined, the count of free pages be right.
func checkSlab(t *testing.T, s *slab) {
	t.Helper()
	free, before := 0, pageInside
	for i := 0; i < len(s.pages); {
		p := s.pages[i]
		n := 1
		switch p.state {
		case pageFree:
			n = int(p.run)
			free += n
			if before == pageFree {
				t.Fatalf("page %d: two free runs in a row", i)
			}
		case pageRun:
			n = int(p.run)
		case pagePieces:
			if p.used < 1 || p.used > pieces(p.shift) {
				t.Fatalf("page %d: %d pieces of 1<<%d in use", i, p.used, p.shift)
			}
		default:
			t.Fatalf("page %d: inside of nothing", i)
		}
		before = p.state
		i += n
	}
	if free != s.freePages {
		t.Fatalf("%d pages free, counted %d", free, s.freePages)
	}
}

// TestSharedDictLists drives lists at random beside slices.
func TestSharedDictLists(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	d, _ := testDict(200 << 10)
	whole := d.slab.freePages
	model := map[string][]item{}
	for step := range 20_000 {
		key, front := fmt.Sprint("list", rnd.IntN(5)), rnd.IntN(2) == 0
		l := model[key]
		if rnd.IntN(100) < 50 {
			v := str(strings.Repeat("x", rnd.IntN(100)))
			n, err := d.push(key, v, front)
			if err != "" {
				continue
			}
			if front {
				l = append([]item{v}, l...)
			} else {
				l = append(l, v)
			}
			if n != len(l) {
				t.Fatalf("step %d: length %d, want %d", step, n, len(l))
			}
		} else {
			v, _ := d.pop(key, front)
			want := item{}
			switch {
			case len(l) == 0:
			case front:
				want, l = l[0], l[1:]
			default:
				want, l = l[len(l)-1], l[:len(l)-1]
			}
			if v != want {
				t.Fatalf("step %d: popped %v, want %v", step, v, want)
			}
		}
		model[key] = l
	}
	checkSlab(t, d.slab)
	for key, l := range model {
		if n, _ := d.length(key); n != len(l) {
			t.Errorf("%s: length %d, want %d", key, n, len(l))
		}
	}
	d.flushAll()
	d.flushExpired(0)
	if d.slab.freePages != whole {
		t.Errorf("%d pages free in the end, want %d", d.slab.freePages, whole)
	}
}

// TestSharedDictWorkers is for the race detector.
func TestSharedDictWorkers(t *testing.T) {
	d := newDict("dogs", 64<<10)
	var wg sync.WaitGroup
	zero := 0.0
	for w := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				key := fmt.Sprint(i % 50)
				d.store(storeSet, key, str(key), 0, 0)
				d.get(key, false)
				d.incr("n", 1, &zero, 0)
				d.push("l", number(1), w%2 == 0)
				d.pop("l", w%2 == 0)
				d.keys(5)
			}
		})
	}
	wg.Wait()
	if v, _, _, _ := d.get("n", false); v.num != 4000 {
		t.Errorf("counted to %v, want 4000", v.num)
	}
}
