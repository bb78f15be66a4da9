package resty

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sort"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// chash is a ring of consistent hashing as that of lua-resty-balancer, whose
// points it has: pointsPerWeight for each node and unit of its weight. A point
// is its hash, and below that 32 bits the place of its node.
type chash struct {
	nodes  []chashNode
	points []uint64 // in order
	size   int      // the most points there have been
}

// chashNode is a node; without weight its place is free.
type chashNode struct {
	id     vm.Value
	weight int
}

const (
	pointsPerWeight = 160
	maxPoints       = 1 << 22 // of a ring
)

func openCHash(m *vm.VM) *vm.Table {
	// A method that changes the ring leaves its size and its weights in the
	// object, where programs look for them.
	changing := func(change func(h *chash, t *vm.Thread)) func(t *vm.Thread, h *chash) int {
		return func(t *vm.Thread, h *chash) int {
			change(h, t)
			h.publish(t.CheckTable(1))
			return 0
		}
	}
	c := newClass(m, "0.05", map[string]func(t *vm.Thread, h *chash) int{
		"reinit": changing(func(h *chash, t *vm.Thread) { h.fill(t, t.CheckTable(2)) }),
		"incr":   changing((*chash).incr),
		"decr":   changing((*chash).decr),
		"delete": changing(func(h *chash, t *vm.Thread) { h.change(t, t.CheckAny(2), 0) }),
		"set": func(t *vm.Thread, h *chash) int {
			w, _ := t.Arg(3).ToNumber()
			if id := t.CheckAny(2); h.weight(id) != int(w) {
				h.change(t, id, w)
				h.publish(t.CheckTable(1))
				return 0
			}
			t.PushBool(true)
			return 1
		},
		"find": func(t *vm.Thread, h *chash) int { return h.find(t) },
		"next": func(t *vm.Thread, h *chash) int { return h.point(t, t.CheckInt(2)+1) },
	})
	c.module.SetStr("new", m.NewFunc("new", func(t *vm.Thread) int {
		h := &chash{}
		h.fill(t, t.CheckTable(2))
		o := c.object(m, h)
		o.Table().SetStr("nodes", m.NewTable(0, len(h.nodes)).Value())
		h.publish(o.Table())
		t.Push(o)
		return 1
	}))
	return c.module
}

func (h *chash) publish(o *vm.Table) {
	h.size = max(h.size, len(h.points))
	o.SetStr("npoints", vm.Int(len(h.points)))
	o.SetStr("size", vm.Int(h.size))
	nodes := o.GetStr("nodes").Table()
	if nodes == nil {
		return
	}
	for k, _, ok := nodes.Next(vm.Nil); ok; k, _, ok = nodes.Next(vm.Nil) {
		nodes.Set(k, vm.Nil)
	}
	for _, n := range h.nodes {
		if n.weight > 0 {
			nodes.Set(n.id, vm.Int(n.weight))
		}
	}
}

// fill makes the ring of a table of weights by id.
func (h *chash) fill(t *vm.Thread, weights *vm.Table) {
	*h = chash{}
	for id, w, ok := weights.Next(vm.Nil); ok; id, w, ok = weights.Next(id) {
		weight, _ := w.ToNumber()
		h.nodes = append(h.nodes, chashNode{id, h.checked(t, weight)})
		h.add(t, len(h.nodes)-1, 0)
	}
	slices.Sort(h.points)
}

// checked raises an error for a weight with which the ring would be too large.
func (h *chash) checked(t *vm.Thread, weight float64) int {
	if !(weight >= 0 && weight*pointsPerWeight+float64(len(h.points)) <= maxPoints) {
		t.Errorf("no memory")
	}
	t.Reserve(int(weight) * pointsPerWeight * 8)
	return int(weight)
}

// add adds the points of node i from a weight on.
func (h *chash) add(t *vm.Thread, i, from int) {
	n := h.nodes[i]
	base := crc32.ChecksumIEEE([]byte(t.ToString(n.id)))
	var last [4]byte
	t.Spend(n.weight * pointsPerWeight / 16)
	for k := range n.weight * pointsPerWeight {
		hash := crc32.Update(base, crc32.IEEETable, last[:])
		if k >= from*pointsPerWeight {
			h.points = append(h.points, uint64(hash)<<32|uint64(i))
		}
		binary.LittleEndian.PutUint32(last[:], hash)
	}
}

// place gives where the node with an id is, or a place for it.
func (h *chash) place(id vm.Value) int {
	free := len(h.nodes)
	for i, n := range h.nodes {
		if n.weight == 0 {
			free = min(free, i)
		} else if vm.RawEqual(n.id, id) {
			return i
		}
	}
	return free
}

func (h *chash) weight(id vm.Value) int {
	if i := h.place(id); i < len(h.nodes) {
		return h.nodes[i].weight
	}
	return 0
}

// change gives a node another weight; with 0 it goes.
func (h *chash) change(t *vm.Thread, id vm.Value, weight float64) {
	i := h.place(id)
	if i == len(h.nodes) {
		h.nodes = append(h.nodes, chashNode{})
	}
	old, to := h.nodes[i].weight, h.checked(t, max(weight, 0))
	h.nodes[i] = chashNode{id, to}
	switch {
	case to > old:
		h.add(t, i, old)
		slices.Sort(h.points)
	case to < old:
		h.points = slices.DeleteFunc(h.points, func(p uint64) bool { return int(uint32(p)) == i })
		h.add(t, i, 0)
		slices.Sort(h.points)
	}
}

// step is the weight that incr and decr are given.
func step(t *vm.Thread) float64 {
	if w, ok := t.Arg(3).ToNumber(); ok {
		return w
	}
	return 1
}

func (h *chash) incr(t *vm.Thread) {
	id := t.CheckAny(2)
	h.change(t, id, float64(h.weight(id))+step(t))
}

func (h *chash) decr(t *vm.Thread) {
	id := t.CheckAny(2)
	if old := h.weight(id); old > 0 {
		h.change(t, id, float64(old)-step(t))
	}
}

// find(key) gives the node of a key and the index of its point.
func (h *chash) find(t *vm.Thread) int {
	key := crc32.ChecksumIEEE([]byte(t.ToString(t.Arg(2))))
	i := sort.Search(len(h.points), func(i int) bool { return uint32(h.points[i]>>32) >= key })
	return h.point(t, i)
}

// point gives a point, counted around the ring: its node and its index.
func (h *chash) point(t *vm.Thread, i int) int {
	if len(h.points) == 0 {
		t.PushNil()
		return 1
	}
	i %= len(h.points)
	if i < 0 {
		i += len(h.points)
	}
	t.Push(h.nodes[uint32(h.points[i])].id)
	t.PushInt(i)
	return 2
}
