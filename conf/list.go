package conf

// A List is a setting that repeats, such as allow or add_header. A block has
// its parent's list until it gives an item of its own, and then starts afresh:
// nginx's rule. The zero List is empty. A copy of a List may be added to
// without changing the original.
type List[T any] struct {
	Items []T // in the order of the file
	block *Stmt
}

// Add appends item, which s gives.
func (l *List[T]) Add(s *Stmt, item T) {
	if l.block != s.Parent {
		l.Items, l.block = nil, s.Parent
	}
	l.Items = append(l.Items[:len(l.Items):len(l.Items)], item)
}
