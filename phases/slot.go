package phases

// Slot keeps a module's state of a request. Declare it as a package variable
// and use its Get; it has no state of its own.
//
//	var held = phases.NewSlot[holding](phases.KeepNothing)
type Slot[T any] struct{ keep, reuse bool }

const (
	// KeepNothing: the state is gone after an internal redirect, as nginx
	// clears the contexts of its modules.
	KeepNothing = false
	// KeepOverRedirect: the state stays for the whole request.
	KeepOverRedirect = true
)

// NewSlot declares a slot.
func NewSlot[T any](keep bool) *Slot[T] { return &Slot[T]{keep: keep} }

// NewReusedSlot declares a slot whose state, zeroed, serves a later request: for what nearly every
// request has. Nobody may hold it when the request has ended.
func NewReusedSlot[T any](keep bool) *Slot[T] { return &Slot[T]{keep: keep, reuse: true} }

type slotValue struct {
	key   any
	value any
	keep  bool
}

// Get returns the state, or nil if there is none.
func (s *Slot[T]) Get(r *Request) *T {
	for i := range r.slots {
		if r.slots[i].key == any(s) {
			return r.slots[i].value.(*T)
		}
	}
	return nil
}

// Ensure returns the state, a new one if there is none.
func (s *Slot[T]) Ensure(r *Request) *T {
	if v := s.Get(r); v != nil {
		return v
	}
	v := s.spare(r)
	if v == nil {
		v = new(T)
	}
	r.slots = append(r.slots, slotValue{s, v, s.keep})
	return v
}

// spare takes what an earlier request has left.
func (s *Slot[T]) spare(r *Request) *T {
	for i := range r.spare {
		if r.spare[i].key == any(s) {
			v := r.spare[i].value.(*T)
			r.spare = append(r.spare[:i], r.spare[i+1:]...)
			return v
		}
	}
	return nil
}

// dropSlots ends the states; those of reused slots stay for later requests.
func (r *Request) dropSlots() {
	for _, v := range r.slots {
		if s, is := v.key.(interface{ again(value any) bool }); is && s.again(v.value) {
			r.spare = append(r.spare, v)
		}
	}
	clear(r.slots)
	r.slots = r.slots[:0]
}

func (s *Slot[T]) again(value any) bool {
	if s.reuse {
		var zero T
		*value.(*T) = zero
	}
	return s.reuse
}

// Put makes v the state: what a module keeps for reuse. There was none before.
func (s *Slot[T]) Put(r *Request, v *T) { r.slots = append(r.slots, slotValue{s, v, s.keep}) }

// Drop removes the state.
func (s *Slot[T]) Drop(r *Request) {
	for i := range r.slots {
		if r.slots[i].key == any(s) {
			r.slots = append(r.slots[:i], r.slots[i+1:]...)
			return
		}
	}
}

// ConfigSlot keeps a module's state of a whole configuration: its zones, its
// named maps. Declare it as a package variable; it is a key and has no state
// of its own.
type ConfigSlot[T any] struct{ _ byte }

// NewConfigSlot declares a slot.
func NewConfigSlot[T any]() *ConfigSlot[T] { return new(ConfigSlot[T]) }

// Of returns the state, a new one the first time. While the configuration is
// compiled only one goroutine does; afterwards the state is not to be changed
// without a lock of its own.
func (s *ConfigSlot[T]) Of(cfg *Config) *T {
	if v, ok := cfg.values[s]; ok {
		return v.(*T)
	}
	v := new(T)
	cfg.values[s] = v
	return v
}
