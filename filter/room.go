package filter

import (
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/luahttpd/luahttpd/phases"
)

// room is the memory of a response whose body is changed piece by piece: it
// takes one with its first piece and gives it back at its end.
type room struct {
	in     []byte // for what is read of files
	joined []byte // what was held back and what came
	out    []byte
	unzip  gzip.Reader
}

// rooms are the free ones of a configuration.
type rooms struct{ free sync.Pool }

var inRooms = phases.NewConfigSlot[rooms]()

func (p *rooms) take() *room {
	if m, is := p.free.Get().(*room); is {
		return m
	}
	return &room{out: make([]byte, 0, pieceSize)}
}

// keptRoom bounds each part of a free room.
const keptRoom = 4 * pieceSize

func (p *rooms) give(m *room) {
	for _, b := range []*[]byte{&m.in, &m.joined, &m.out} {
		if cap(*b) > keptRoom {
			*b = nil
		}
	}
	p.free.Put(m)
}

// each calls f with the bytes of a chunk, pieceSize of them at most.
func (m *room) each(c phases.Chunk, f func(b []byte) error) error {
	if c.File != nil && m.in == nil {
		m.in = make([]byte, pieceSize)
	}
	return eachPieceIn(m.in, c, f)
}

// join puts held and b together, which stay as they are until the next join.
func (m *room) join(held, b []byte) []byte {
	if len(held) == 0 {
		return b
	}
	m.joined = append(append(m.joined[:0], held...), b...)
	return m.joined
}

// tenant is what of a response has a room.
type tenant struct {
	rooms *rooms
	room  *room // nil: none
}

// enter makes sure that it has one, last when the response ends with this
// chunk: then leave must be called behind it.
func (t *tenant) enter(r *phases.Request, p *rooms, last bool) *room {
	if t.room == nil {
		t.rooms, t.room = p, p.take()
		if !last {
			r.OnEnd(t.leave)
		}
	}
	return t.room
}

func (t *tenant) leave() {
	if t.room != nil {
		t.rooms.give(t.room)
		t.room = nil
	}
}
