package lua

import "math/bits"

// slab keeps the books of a shared dictionary's memory as nginx's slab
// allocator would lay it out in a zone of the same size (ngx_slab.c): values
// live in Go's heap, but what fits, what is evicted and what free_space()
// returns is as in nginx, fragmentation included. Small pieces share pages of
// one size class each, larger ones take runs of whole pages.
type slab struct {
	pages []slabPage
	// slots are the pages of each size class that have room.
	slots [slabShiftMax - slabShiftMin + 1]pageList
	// free are the free runs of pages, the latest first.
	free      pageList
	freePages int
}

const (
	slabPageShift = 12
	slabPageSize  = 1 << slabPageShift
	slabShiftMin  = 3
	slabShiftMax  = slabPageShift - 1
	// Sizes of nginx's structures on 64-bit machines.
	slabPoolHeader   = 200
	slabPageHeader   = 24
	slabSlotHeader   = 24 + 32                           // of each class, with its statistics
	slabFixed        = slabPoolHeader + 9*slabSlotHeader // before the table of pages
	slabBitsInHeader = 8 * 8                             // pieces that a page's header counts
)

// slabPage is the header of a page, for a run of its first page.
type slabPage struct {
	state      pageState
	shift      uint8 // of a page of pieces: their size
	run        int32 // of a run: pages; of its last page: how far back the first is
	used       int32 // pieces in use
	prev, next int32 // in a list of pages, -1 at the ends
}

type pageState uint8

const (
	pageInside pageState = iota // of a run, not its first
	pageFree
	pageRun
	pagePieces
)

// pageList is a list of pages, linked through their headers.
type pageList struct{ first int32 }

// newSlab lays out a zone of size bytes.
func newSlab(size int64) *slab {
	n := max((size-slabFixed)/(slabPageSize+slabPageHeader), 1)
	start := (slabFixed + n*slabPageHeader + slabPageSize - 1) &^ (slabPageSize - 1)
	n = max(min(n, (size-start)>>slabPageShift), 1)
	s := &slab{pages: make([]slabPage, n), freePages: int(n), free: pageList{-1}}
	for i := range s.slots {
		s.slots[i].first = -1
	}
	s.release(0, int32(n), true)
	return s
}

// freeBytes is nginx's free_space: whole free pages.
func (s *slab) freeBytes() int64 { return int64(s.freePages) << slabPageShift }

func (s *slab) push(l *pageList, i int32) {
	p := &s.pages[i]
	p.prev, p.next = -1, l.first
	if l.first >= 0 {
		s.pages[l.first].prev = i
	}
	l.first = i
}

func (s *slab) unlink(l *pageList, i int32) {
	p := &s.pages[i]
	if p.prev >= 0 {
		s.pages[p.prev].next = p.next
	} else {
		l.first = p.next
	}
	if p.next >= 0 {
		s.pages[p.next].prev = p.prev
	}
	p.prev, p.next = -1, -1
}

// alloc takes size bytes and returns their page, or -1 when there is no room.
func (s *slab) alloc(size int) int32 {
	if size > slabPageSize/2 {
		i := s.takeRun(int32((size + slabPageSize - 1) >> slabPageShift))
		if i >= 0 {
			s.pages[i].state = pageRun
		}
		return i
	}
	shift := max(bits.Len(uint(size-1)), slabShiftMin)
	slot := &s.slots[shift-slabShiftMin]
	i := slot.first
	if i < 0 {
		if i = s.takeRun(1); i < 0 {
			return -1
		}
		p := &s.pages[i]
		p.state, p.shift, p.used = pagePieces, uint8(shift), 0
		s.push(slot, i)
	}
	p := &s.pages[i]
	if p.used++; p.used == pieces(p.shift) {
		s.unlink(slot, i)
	}
	return i
}

// dealloc gives back what alloc took in page i.
func (s *slab) dealloc(i int32) {
	p := &s.pages[i]
	if p.state == pageRun {
		s.release(i, p.run, false)
		return
	}
	slot := &s.slots[p.shift-slabShiftMin]
	if p.used == pieces(p.shift) {
		s.push(slot, i)
	}
	if p.used--; p.used == 0 {
		s.unlink(slot, i)
		s.release(i, 1, false)
	}
}

// pieces is how many pieces of a size class fit into a page: very small ones
// share it with their bitmap.
func pieces(shift uint8) int32 {
	n := int32(slabPageSize >> shift)
	if n > slabBitsInHeader {
		n -= max(n>>shift>>3, 1)
	}
	return n
}

// takeRun takes n pages in a row from the first free run that is long enough.
func (s *slab) takeRun(n int32) int32 {
	for i := s.free.first; i >= 0; i = s.pages[i].next {
		p := &s.pages[i]
		if p.run < n {
			continue
		}
		if rest := p.run - n; rest > 0 { // what is left keeps the run's place
			q := &s.pages[i+n]
			*q = slabPage{state: pageFree, run: rest, prev: p.prev, next: p.next}
			if q.prev >= 0 {
				s.pages[q.prev].next = i + n
			} else {
				s.free.first = i + n
			}
			if q.next >= 0 {
				s.pages[q.next].prev = i + n
			}
			s.mark(i+n, rest)
		} else {
			s.unlink(&s.free, i)
		}
		*p = slabPage{run: n, prev: -1, next: -1}
		s.mark(i, n)
		s.freePages -= int(n)
		return i
	}
	return -1
}

// mark notes on the last page of a run where it begins.
func (s *slab) mark(i, n int32) {
	if n > 1 {
		s.pages[i+n-1] = slabPage{state: pageInside, run: n - 1, prev: -1, next: -1}
	}
}

// release makes n pages from i on free and joins them with their neighbours.
func (s *slab) release(i, n int32, fresh bool) {
	if !fresh {
		s.freePages += int(n)
	}
	if after := i + n; after < int32(len(s.pages)) && s.pages[after].state == pageFree {
		n += s.pages[after].run
		s.unlink(&s.free, after)
		s.pages[after] = slabPage{prev: -1, next: -1}
	}
	if i > 0 {
		before := i - 1
		if s.pages[before].state == pageInside {
			before -= s.pages[before].run
		}
		if s.pages[before].state == pageFree {
			s.unlink(&s.free, before)
			n += s.pages[before].run
			s.pages[i] = slabPage{prev: -1, next: -1}
			i = before
		}
	}
	s.pages[i] = slabPage{state: pageFree, run: n}
	s.mark(i, n)
	s.push(&s.free, i)
}
