package vm

// lazyTable is what a table has whose entries are made when they are first looked for. Such a table has its entries in
// the hash part as others do; what is not found there is asked for here. A table that is traversed becomes an ordinary
// one.
type lazyTable struct {
	names  *Names
	make   func(name string)
	taken  []uint64 // entries that were made, or that somebody has set
	closed []uint64 // while entries are made: those that stay as they are
}

// Names are those that a lazy table knows. They are immutable and shared by VMs.
type Names struct {
	list []string
	bits map[string]int
}

// NewNames makes a set of names.
func NewNames(list []string) *Names {
	n := &Names{bits: map[string]int{}}
	for _, name := range list {
		if _, known := n.bits[name]; !known {
			n.bits[name] = len(n.list)
			n.list = append(n.list, name)
		}
	}
	return n
}

// Later makes the table one whose entries are made when they are first looked for: make is called once for a name, and
// sets it with SetStr, and others with it if it likes. What the program has set before stays as the program has set it.
func (t *Table) Later(names *Names, make func(name string)) {
	t.weak = &weakTable{lazy: &lazyTable{names: names, make: make, taken: newBits(len(names.list))}}
}

func newBits(n int) []uint64 { return make([]uint64, (n+63)/64) }

func bit(set []uint64, i int) bool { return set[i>>6]>>(i&63)&1 != 0 }

// lazyGet is get for a lazy table.
func (t *Table) lazyGet(k *Value) *Value {
	v := t.rawGet(k)
	if v != nil && v.n != tNil || k.n != tStr {
		return v
	}
	l := t.weak.lazy
	i, known := l.names.bits[k.str().s()]
	if !known || bit(l.taken, i) {
		return v
	}
	t.makeEntry(i)
	return t.rawGet(k)
}

func (t *Table) makeEntry(i int) {
	l := t.weak.lazy
	before := l.closed
	l.closed = append([]uint64(nil), l.taken...)
	l.taken[i>>6] |= 1 << (i & 63)
	defer func() { l.closed = before }()
	l.make(l.names.list[i])
}

// rawGet and rawSet take the table for an ordinary one.
func (t *Table) rawGet(k *Value) *Value {
	w := t.weak
	t.weak = nil
	v := t.get(k)
	t.weak = w
	return v
}

func (t *Table) lazySet(k, v *Value) {
	l := t.weak.lazy
	if k.n == tStr {
		if i, known := l.names.bits[k.str().s()]; known {
			if l.closed != nil && bit(l.closed, i) {
				return
			}
			l.taken[i>>6] |= 1 << (i & 63)
		}
	}
	w := t.weak
	t.weak = nil
	t.set(k, v)
	t.weak = w
}

// ripen makes all entries: the table is an ordinary one then.
func (t *Table) ripen() {
	l := t.weak.lazy
	for i := range len(l.names.list) {
		if !bit(l.taken, i) {
			t.makeEntry(i)
		}
	}
	t.weak = nil
}
