package stdlib

import (
	"slices"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// sorter sorts a table by Lua's quicksort: which pairs are compared is part of what programs see, and an order function
// that contradicts itself is found out rather than followed.
type sorter struct {
	t   *vm.Thread
	tab *vm.Table
	f   vm.Value

	state   sorterState
	l, u    int      // the range that is being sorted
	left    [][2]int // those that wait: the longer halves, so few
	i, j    int
	a, b, p vm.Value
}

func tableSort(t *vm.Thread) int {
	tab := t.CheckTable(1)
	s := sorter{t: t, tab: tab}
	if k, ok := t.TypeOf(2); ok && k != vm.KNil {
		s.f = t.CheckFunc(2)
	}
	n := tab.Len()
	if s.f.IsNil() && len(tab.Elements()) == n && sortPlain(tab.Elements()) {
		t.Spend(n / 8)
		return 0
	}
	s.u, s.l = n, 1
	var room [16][2]int
	s.left = room[:0]
	if t.Yields(s.f) {
		return s.yielding(t)
	}
	for x, y, more := s.begin(); more; x, y, more = s.next(s.less(x, y)) {
	}
	return 0
}

// yielding sorts by an order function that may yield.
func (s sorter) yielding(t *vm.Thread) int {
	s.left = nil
	c := &vm.Continuation{}
	c.Then = func(t *vm.Thread) int {
		s.t = t
		x, y, more := s.next(t.Arg(1).Truth())
		if !more {
			return 0
		}
		return t.CallThen(c, s.f, x, y)
	}
	x, y, more := s.begin()
	if !more {
		return 0
	}
	return t.CallThen(c, s.f, x, y)
}

// sortPlain sorts elements that are all numbers, or all strings.
func sortPlain(a []vm.Value) bool {
	if len(a) == 0 {
		return true
	}
	k := a[0].Kind()
	if k != vm.KNumber && k != vm.KString {
		return false
	}
	for i := range a {
		if a[i].Kind() != k {
			return false
		}
	}
	if k == vm.KNumber {
		slices.SortFunc(a, func(x, y vm.Value) int {
			switch f, g := x.Num(), y.Num(); {
			case f < g:
				return -1
			case f > g:
				return 1
			}
			return 0
		})
		return true
	}
	slices.SortFunc(a, func(x, y vm.Value) int { return strings.Compare(x.Str(), y.Str()) })
	return true
}

func (s *sorter) less(a, b vm.Value) bool {
	if s.f.IsNil() {
		return s.t.Less(a, b)
	}
	return s.t.Call2(s.f, a, b).Truth()
}

func (s *sorter) get(i int) vm.Value { return s.tab.GetInt(i) }

func (s *sorter) swap(i int, a vm.Value, j int, b vm.Value) {
	s.tab.SetInt(i, b)
	s.tab.SetInt(j, a)
}

// sorterState says which comparison a sorter waits for.
type sorterState uint8

const (
	sortRange     sorterState = iota // nothing: a range is to be begun
	sortEnds                         // last < first
	sortMiddle                       // middle < first
	sortMiddleEnd                    // last < middle
	sortUp                           // a < pivot, from the left
	sortDown                         // pivot < b, from the right
)

// next goes on after a comparison with its outcome. It gives the next pair to compare, more = false when all is sorted.
func (s *sorter) next(less bool) (x, y vm.Value, more bool) {
	switch s.state {
	case sortEnds:
		if less {
			s.swap(s.l, s.a, s.u, s.b)
		}
		if s.u-s.l > 1 {
			s.i = (s.l + s.u) / 2
			s.p, s.a = s.get(s.i), s.get(s.l)
			s.state = sortMiddle
			return s.p, s.a, true
		}
	case sortMiddle:
		if !less {
			s.b = s.get(s.u)
			s.state = sortMiddleEnd
			return s.b, s.p, true
		}
		s.swap(s.i, s.p, s.l, s.a)
		if s.u-s.l > 2 {
			return s.partition()
		}
	case sortMiddleEnd:
		if less {
			s.swap(s.i, s.p, s.u, s.b)
		}
		if s.u-s.l > 2 {
			return s.partition()
		}
	case sortUp:
		if less {
			if s.i >= s.u {
				s.t.Errorf("invalid order function for sorting")
			}
			return s.up()
		}
		return s.down()
	case sortDown:
		if less {
			if s.j <= s.l {
				s.t.Errorf("invalid order function for sorting")
			}
			return s.down()
		}
		if s.j >= s.i {
			s.swap(s.i, s.a, s.j, s.b)
			return s.up()
		}
		s.swap(s.u-1, s.get(s.u-1), s.i, s.get(s.i))
		if s.i-s.l < s.u-s.i {
			s.later(s.i+1, s.u)
			s.u = s.i - 1
		} else {
			s.later(s.l, s.i-1)
			s.l = s.i + 1
		}
		return s.begin()
	}
	s.u = s.l
	return s.begin()
}

// begin begins with l to u, or with a range that was left for later.
func (s *sorter) begin() (x, y vm.Value, more bool) {
	for s.l >= s.u {
		if len(s.left) == 0 {
			return x, y, false
		}
		r := s.left[len(s.left)-1]
		s.left = s.left[:len(s.left)-1]
		s.l, s.u = r[0], r[1]
	}
	s.t.Spend(1)
	s.a, s.b = s.get(s.l), s.get(s.u)
	s.state = sortEnds
	return s.b, s.a, true
}

func (s *sorter) later(l, u int) {
	if l < u {
		s.left = append(s.left, [2]int{l, u})
	}
}

// partition splits l+1..u-2 around a pivot, which it puts at u-1.
func (s *sorter) partition() (x, y vm.Value, more bool) {
	s.p = s.get(s.i)
	s.swap(s.i, s.p, s.u-1, s.get(s.u-1))
	s.i, s.j = s.l, s.u-1
	return s.up()
}

func (s *sorter) up() (x, y vm.Value, more bool) {
	s.i++
	s.a = s.get(s.i)
	s.state = sortUp
	return s.a, s.p, true
}

func (s *sorter) down() (x, y vm.Value, more bool) {
	s.j--
	s.b = s.get(s.j)
	s.state = sortDown
	return s.p, s.b, true
}
