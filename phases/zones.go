package phases

import (
	"sync"

	"github.com/luahttpd/luahttpd/conf"
)

// Zones holds what is shared by the workers and kept over reloads: shared
// dictionaries, counters of limits, states of peers. nginx keeps them in
// shared memory; here they are Go values with locks of their own.
type Zones struct {
	mu    sync.Mutex
	zones map[string]*zone
}

type zone struct {
	kind  string
	size  int64
	value any
}

// Zone returns the zone called name for statement s, made by create when it
// is new or was of another size. A name that is used for another kind of zone
// is a configuration error.
func (b *Block) Zone(s *conf.Stmt, kind, name string, size int64, create func() any) (any, error) {
	z := b.Config.Zones
	z.mu.Lock()
	defer z.mu.Unlock()
	if old := z.zones[name]; old != nil {
		if old.kind != kind {
			return nil, s.Errorf("the shared memory zone \"%s\" is already declared for a different use", name)
		}
		if old.size == size {
			return old.value, nil
		}
	}
	if b.Config.Testing {
		return create(), nil
	}
	if z.zones == nil {
		z.zones = map[string]*zone{}
	}
	n := &zone{kind, size, create()}
	z.zones[name] = n
	return n.value, nil
}
