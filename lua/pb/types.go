package pb

import (
	"slices"
	"strings"
)

// message is a message, an enumeration or the pairs of a map. The values of an
// enumeration are fields without a kind.
type message struct {
	name     string // begins with a dot
	enum     bool
	pairs    bool
	proto3   bool
	known    bool // it was loaded; others only name it
	byNumber map[int]*field
	byName   map[string]*field
	sorted   []*field // by number
	oneofs   []string
}

type field struct {
	name     string
	number   int
	kind     kind
	of       *message // of a message or an enumeration
	deflt    string
	hasDeflt bool
	repeated bool
	packed   bool
	oneof    int // from 1; 0: none
}

// registry is the types by name.
type registry map[string]*message

// find gives a type that was loaded; the name may lack its dot.
func (r registry) find(name string) *message {
	if !strings.HasPrefix(name, ".") {
		name = "." + name
	}
	if m := r[name]; m != nil && m.known {
		return m
	}
	return nil
}

func (r registry) named(name string) *message {
	m := r[name]
	if m == nil {
		m = &message{name: name, byNumber: map[int]*field{}, byName: map[string]*field{}}
		r[name] = m
	}
	return m
}

func (m *message) add(f *field) {
	if old := m.byName[f.name]; old != nil {
		delete(m.byNumber, old.number)
		m.sorted = slices.DeleteFunc(m.sorted, func(g *field) bool { return g == old })
	}
	m.byName[f.name] = f
	if !m.enum || m.byNumber[f.number] == nil { // the first of several names of a value is its name
		m.byNumber[f.number] = f
	}
	m.sorted = append(m.sorted, f)
	slices.SortStableFunc(m.sorted, func(a, b *field) int { return a.number - b.number })
}

// loader reads descriptors (google/protobuf/descriptor.proto).
type loader struct {
	types  registry
	proto3 bool
}

// part is one field of a descriptor.
type part struct {
	number int
	value  uint64
	bytes  []byte
}

// parts gives the fields of a descriptor; at is where reading failed.
func parts(b []byte) (list []part, at int, ok bool) {
	r := &reader{b: b}
	for r.more() {
		at = r.pos
		n, w, good := r.tag()
		if !good {
			return nil, at, false
		}
		p := part{number: n}
		switch w {
		case varint:
			p.value, good = r.varint()
		case delimited:
			p.bytes, good = r.bytes()
		default:
			good = r.skip(n, w, 0)
		}
		if !good {
			return nil, at, false
		}
		list = append(list, p)
	}
	return list, r.pos, true
}

// load reads a FileDescriptorSet. at is where it failed.
func (r registry) load(b []byte) (at int, ok bool) {
	set, at, ok := parts(b)
	for _, file := range set {
		if file.number != 1 {
			continue
		}
		l := &loader{types: r}
		if !l.file(file.bytes) {
			return at, false
		}
	}
	return at, ok
}

func (l *loader) file(b []byte) bool {
	list, _, ok := parts(b)
	prefix := ""
	for _, p := range list {
		switch p.number {
		case 2: // package
			prefix = "." + string(p.bytes)
		case 12: // syntax
			l.proto3 = string(p.bytes) == "proto3"
		}
	}
	if prefix == "." {
		prefix = ""
	}
	for _, p := range list {
		switch p.number {
		case 4:
			ok = ok && l.message(prefix, p.bytes, 0)
		case 5:
			ok = ok && l.enum(prefix, p.bytes)
		case 7:
			ok = ok && l.field(nil, p.bytes)
		}
	}
	return ok
}

func (l *loader) message(prefix string, b []byte, depth int) bool {
	list, _, ok := parts(b)
	if !ok || depth > maxDepth {
		return false
	}
	name := prefix
	for _, p := range list {
		if p.number == 1 {
			name = prefix + "." + string(p.bytes)
		}
	}
	m := l.types.named(name)
	m.known, m.enum, m.proto3, m.oneofs = true, false, l.proto3, nil
	for _, p := range list {
		switch p.number {
		case 2:
			ok = ok && l.field(m, p.bytes)
		case 3:
			ok = ok && l.message(name, p.bytes, depth+1)
		case 4:
			ok = ok && l.enum(name, p.bytes)
		case 6:
			ok = ok && l.field(nil, p.bytes)
		case 7: // options
			options, _, good := parts(p.bytes)
			ok = ok && good
			for _, o := range options {
				m.pairs = m.pairs || o.number == 7 && o.value != 0 // map_entry
			}
		case 8:
			one, _, good := parts(p.bytes)
			ok = ok && good
			for _, o := range one {
				if o.number == 1 {
					m.oneofs = append(m.oneofs, string(o.bytes))
				}
			}
		}
	}
	return ok
}

// field adds a field to m, or to the message that it extends.
func (l *loader) field(m *message, b []byte) bool {
	list, _, ok := parts(b)
	f, of, packed := &field{}, "", -1
	for _, p := range list {
		switch p.number {
		case 1:
			f.name = string(p.bytes)
		case 2:
			if m == nil {
				m = l.types.named(string(p.bytes))
			}
		case 3:
			f.number = int(p.value)
		case 4:
			f.repeated = p.value == 3
		case 5:
			f.kind = kind(min(p.value, 255))
		case 6:
			of = string(p.bytes)
		case 7:
			f.deflt, f.hasDeflt = string(p.bytes), true
		case 8:
			options, _, good := parts(p.bytes)
			ok = ok && good
			for _, o := range options {
				if o.number == 2 {
					packed = int(o.value)
				}
			}
		case 9:
			f.oneof = int(min(p.value, maxNumber)) + 1
		}
	}
	if !ok || m == nil || !f.kind.valid() || f.kind == kindGroup || f.number < 1 || f.number > maxNumber {
		return ok && f.kind == kindGroup // groups are passed over
	}
	if f.kind == kindMessage || f.kind == kindEnum {
		f.of = l.types.named(of)
	}
	f.packed = packed > 0 || packed < 0 && l.proto3 && f.repeated
	if kinds[f.kind].wire == delimited {
		f.packed = false
	}
	m.add(f)
	return true
}

func (l *loader) enum(prefix string, b []byte) bool {
	list, _, ok := parts(b)
	name := prefix
	for _, p := range list {
		if p.number == 1 {
			name = prefix + "." + string(p.bytes)
		}
	}
	m := l.types.named(name)
	m.known, m.enum, m.proto3 = true, true, l.proto3
	for _, p := range list {
		if p.number != 2 {
			continue
		}
		value, _, good := parts(p.bytes)
		ok = ok && good
		f := &field{}
		for _, v := range value {
			switch v.number {
			case 1:
				f.name = string(v.bytes)
			case 2:
				f.number = int(int32(v.value))
			}
		}
		m.add(f)
	}
	return ok
}

// oneofName is the name of the group that the field belongs to.
func (m *message) oneofName(f *field) string {
	if f.oneof > 0 && f.oneof <= len(m.oneofs) {
		return m.oneofs[f.oneof-1]
	}
	return ""
}
