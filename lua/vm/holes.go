package vm

import "math/bits"

// Lua says only that #t is some border of a table that has nils in it: t[n] is not nil and t[n+1] is. But programs rely on
// the one that LuaJIT gives; it is what {f()} or t[i] = select(i, ...) mean when some values are nil. That depends on how
// far the array part reaches, so integer keys go into it here as they do there: up to the highest power of two of which
// more than a quarter is in use, looked at when the hash part would have to grow.

// maxWiden bounds by how many elements a key that lies apart can make the array part larger.
const maxWiden = 1 << 13

// border is the length of a table whose array part may have holes, found as LuaJIT does.
func (t *Table) border() int {
	lo, hi := 0, cap(t.arr)
	if hi == len(t.arr) { // the last element is not nil: look behind it
		lo, hi = hi, hi+1
		for v := t.getInt(hi); v != nil && v.n != tNil; v = t.getInt(hi) {
			lo, hi = hi, hi*2
		}
	}
	for hi-lo > 1 {
		mid := int(uint(lo+hi) >> 1)
		if v := t.getInt(mid); v == nil || v.n == tNil {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}

// widen makes the array part reach to i, a key behind its end that the table does not have, and says whether that was to
// be done.
func (t *Table) widen(i int) bool {
	n := len(t.arr)
	size := cap(t.arr)
	if i > size {
		if i > size+maxWiden || t.n&(t.n-1) != 0 {
			return false
		}
		if size = t.bestSize(i); i > size {
			return false
		}
		a := make([]Value, n, size)
		copy(a, t.arr)
		t.arr = a
	}
	if i-n > maxWiden {
		return false
	}
	t.arr = t.arr[:i]
	t.holes = true
	if t.numk {
		for j := n + 1; j < i; j++ {
			if nd := t.findInt(j); nd != nil {
				t.arr[j-1] = nd.val
				nd.key, nd.val = Value{n: tBox}, Value{}
			}
		}
		t.migrate()
	}
	return true
}

// bestSize is how large an array part would be that has the integer keys of the table and i.
func (t *Table) bestSize(i int) int {
	var c keyCount
	c.add(i)
	for j := range t.arr {
		if t.arr[j].n != tNil {
			c.add(j + 1)
		}
	}
	for j := uint32(0); t.numk && j < t.n; j++ {
		nd := t.node(j)
		if k := int(nd.key.Num()); nd.val.n != tNil && nd.key.isNum() && k > 0 && k < maxArr && float64(k) == nd.key.Num() {
			c.add(k)
		}
	}
	return c.size()
}

// keyCount counts the integer keys up to 2, 4, 8 and so on.
type keyCount struct {
	bins  [32]int
	total int
}

func (c *keyCount) add(k int) {
	c.bins[max(bits.Len(uint(k-1))-1, 0)]++
	c.total++
}

// size is how far an array part for them reaches.
func (c *keyCount) size() int {
	size, sum := 0, 0
	for b := 0; b < len(c.bins) && 2*c.total > 1<<b; b++ {
		if sum += c.bins[b]; c.bins[b] > 0 && 2*sum > 1<<b {
			size = 2 << b
		}
	}
	return size
}

// reach gives a constructor that ends with a call or ... the array part that it has in LuaJIT: size, or one more than it
// needs for n values.
func (t *Table) reach(size, n int) {
	if n > size {
		size = n + 1
	}
	if n > 0 && cap(t.arr) < size {
		a := make([]Value, len(t.arr), size)
		copy(a, t.arr)
		t.arr = a
	}
}
