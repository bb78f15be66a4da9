package lua

// list is the value of an entry that is one: a queue with two ends.
type list struct {
	first, last *listItem
	n           int
}

type listItem struct {
	prev, next *listItem
	value      item
	page       int32
}

// push adds a value at an end.
func (l *list) push(v *listItem, front bool) {
	l.n++
	switch {
	case l.first == nil:
		l.first, l.last = v, v
	case front:
		v.next, l.first.prev = l.first, v
		l.first = v
	default:
		v.prev, l.last.next = l.last, v
		l.last = v
	}
}

// pop takes the value at an end; there must be one.
func (l *list) pop(front bool) *listItem {
	l.n--
	v := l.last
	switch {
	case l.n == 0:
		l.first, l.last = nil, nil
	case front:
		v = l.first
		l.first = v.next
		l.first.prev = nil
	default:
		l.last = v.prev
		l.last.next = nil
	}
	return v
}

// clearList gives back the memory of a list's values.
func (d *dict) clearList(e *entry) {
	if e.list == nil {
		return
	}
	for v := e.list.first; v != nil; v = v.next {
		d.slab.dealloc(v.page)
	}
	e.list = nil
}

// listOf returns the list of a key, nil if there is none that may be read.
func (d *dict) listOf(key string, now int64) (*entry, dictError) {
	d.expire(now, false)
	e, alive := d.find(key, now)
	switch {
	case !alive:
		return nil, ""
	case e.value.kind != itemList:
		return nil, errNotList
	}
	return e, ""
}

// push adds a value at an end of a list, made if it is not there. It drops
// nothing to make room. It returns the list's length.
func (d *dict) push(key string, v item, front bool) (n int, err dictError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.listOf(key, d.now())
	if err != "" {
		return 0, err
	}
	if e == nil {
		if stale := d.entries[key]; stale != nil {
			d.remove(stale)
		}
		page := d.slab.alloc((entryHeader + len(key) + listHeader + 7) &^ 7)
		if page < 0 {
			return 0, errNoMemory
		}
		e = d.insert(key, page)
		e.value.kind, e.list = itemList, new(list)
	}
	page := d.slab.alloc(listItemHeader + v.bytes())
	if page < 0 {
		if e.list.n == 0 {
			d.remove(e)
		}
		return 0, errNoMemory
	}
	e.list.push(&listItem{value: v, page: page}, front)
	return e.list.n, ""
}

// pop takes a value from an end of a list. The last one takes the list with
// it.
func (d *dict) pop(key string, front bool) (v item, err dictError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.listOf(key, d.now())
	if e == nil {
		return item{}, err
	}
	popped := e.list.pop(front)
	d.slab.dealloc(popped.page)
	if e.list.n == 0 {
		d.remove(e)
	}
	return popped.value, ""
}

// length is how long a list is: 0 if it is not there.
func (d *dict) length(key string) (int, dictError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.listOf(key, d.now())
	if e == nil {
		return 0, err
	}
	return e.list.n, ""
}
