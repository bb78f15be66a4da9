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
	s.sort(1, n)
	return 0
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

func (s *sorter) sort(l, u int) {
	for l < u {
		s.t.Spend(1)
		a, b := s.get(l), s.get(u)
		if s.less(b, a) {
			s.swap(l, a, u, b)
		}
		if u-l == 1 {
			return
		}
		i := (l + u) / 2
		p, a := s.get(i), s.get(l)
		if s.less(p, a) {
			s.swap(i, p, l, a)
		} else if b := s.get(u); s.less(b, p) {
			s.swap(i, p, u, b)
		}
		if u-l == 2 {
			return
		}
		p = s.get(i)
		s.swap(i, p, u-1, s.get(u-1))
		i = s.partition(p, l, u)
		if i-l < u-i {
			s.sort(l, i-1)
			l = i + 1
		} else {
			s.sort(i+1, u)
			u = i - 1
		}
	}
}

// partition splits l+1..u-2 around p, which lies at u-1, and gives its final place.
func (s *sorter) partition(p vm.Value, l, u int) int {
	i, j := l, u-1
	for {
		i++
		a := s.get(i)
		for s.less(a, p) {
			if i >= u {
				s.t.Errorf("invalid order function for sorting")
			}
			i++
			a = s.get(i)
		}
		j--
		b := s.get(j)
		for s.less(p, b) {
			if j <= l {
				s.t.Errorf("invalid order function for sorting")
			}
			j--
			b = s.get(j)
		}
		if j < i {
			s.swap(u-1, s.get(u-1), i, s.get(i))
			return i
		}
		s.swap(i, a, j, b)
	}
}
