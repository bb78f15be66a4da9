package lua

import "slices"

// listItem is a value in a list.
type listItem struct {
	item
	page int32
}

// clearList drops the values of a list.
func (d *dict) clearList(e *entry) {
	for _, v := range e.list {
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
	now := d.now()
	e, err := d.listOf(key, now)
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
		e.value.kind = itemList
	}
	page := d.slab.alloc(listItemHeader + v.bytes())
	if page < 0 {
		if len(e.list) == 0 {
			d.remove(e)
		}
		return 0, errNoMemory
	}
	if front {
		e.list = slices.Insert(e.list, 0, listItem{v, page})
	} else {
		e.list = append(e.list, listItem{v, page})
	}
	return len(e.list), ""
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
	last := len(e.list) - 1
	popped := e.list[last]
	if front {
		popped = e.list[0]
		e.list[0] = listItem{}
		e.list = e.list[1:]
	} else {
		e.list[last] = listItem{}
		e.list = e.list[:last]
	}
	d.slab.dealloc(popped.page)
	if last == 0 {
		d.remove(e)
	}
	return popped.item, ""
}

// length is how long a list is: 0 if it is not there.
func (d *dict) length(key string) (int, dictError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.listOf(key, d.now())
	if e == nil {
		return 0, err
	}
	return len(e.list), ""
}
