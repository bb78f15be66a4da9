package vm

// nextFunc is next: called when it is not the iterator of a loop.
func nextFunc(t *Thread) int {
	tab := t.CheckTable(1)
	k := t.Arg(2)
	var key, val Value
	if !tab.next(&k, &key, &val) {
		t.RaiseString("invalid key to 'next'")
	}
	t.Push(key)
	if key.n == tNil {
		return 1
	}
	t.Push(val)
	return 2
}

// ipairsAux is the iterator of ipairs.
func ipairsAux(t *Thread) int {
	tab := t.CheckTable(1)
	i := t.CheckInt(2) + 1
	v := tab.getInt(i)
	if v == nil || v.n == tNil {
		return 0
	}
	t.Push(Int(i))
	t.Push(*v)
	return 2
}
