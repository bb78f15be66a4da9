package phases

import (
	"sync"

	"github.com/luahttpd/luahttpd/conf"
)

// Zones holds what is shared by the workers and kept over reloads: shared
// dictionaries, counters of limits, states of peers. nginx keeps them in
// shared memory; here they are Go values with locks of their own.
type Zones struct {
	mu   sync.Mutex
	kept map[string]*zone // of the configuration that runs
}

type zone struct {
	kind  string
	size  int64
	value any
}

// Zone returns the zone called name for statement s: the one that the running
// configuration has, if kind and size are the same, else what create makes.
// A size of 0 is for a zone whose size another statement gives. In one
// configuration a name has one kind and one size.
func (b *Block) Zone(s *conf.Stmt, kind, name string, size int64, create func() any) (any, error) {
	cfg := b.Config
	if z := cfg.zones[name]; z != nil {
		switch {
		case z.kind != kind:
			return nil, s.Errorf("the shared memory zone \"%s\" is already declared for a different use", name)
		case size == 0 || size == z.size:
		case z.size != 0:
			return nil, s.Errorf("the size %d of shared memory zone \"%s\" conflicts with already declared size %d", size, name, z.size)
		default:
			z.size = size
		}
		return z.value, nil
	}
	cfg.Zones.mu.Lock()
	z := cfg.Zones.kept[name]
	cfg.Zones.mu.Unlock()
	if z == nil || z.kind != kind || z.size != size {
		z = &zone{kind, size, create()}
	}
	cfg.zones[name] = &zone{kind, size, z.value}
	return z.value, nil
}

// A Sized is the value of a zone that has room for so many bytes.
type Sized interface {
	Space() (capacity, free int64)
}

// EachZone calls f for the zones of the configuration.
func (cfg *Config) EachZone(f func(kind, name string, value any)) {
	for name, z := range cfg.zones {
		f(z.kind, name, z.value)
	}
}

// KeepZones makes the zones of cfg, which is taken, those that the next
// configuration finds. Those that cfg does not name are gone.
func (cfg *Config) KeepZones() {
	cfg.Zones.mu.Lock()
	defer cfg.Zones.mu.Unlock()
	cfg.Zones.kept = cfg.zones
}
