package upstream

import (
	"crypto/md5"
	"slices"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// cacheConf is what a location says of its cache: proxy_cache and the like.
type cacheConf struct {
	stmt     *conf.Stmt
	name     *phases.Template // of the zone; nil: none
	zone     *cacheZone       // when the name is constant
	key      *phases.Template // nil: the URL
	valid    conf.List[cacheValid]
	minUses  int // 1
	useStale Causes
	bypass   conf.List[*phases.Template]
	no       conf.List[*phases.Template]
	purge    conf.List[*phases.Template]
	methods  map[string]bool // nil: GET and HEAD
	lock     bool
	lockWait time.Duration // 5s
	lockAge  time.Duration // 5s
	// revalidate asks whether a stale answer is still good; background serves
	// it meanwhile; convert asks with GET for HEAD.
	revalidate, background, convert bool
	maxOffset                       int64 // where a range may begin; -1: anywhere
}

// cacheValid is how long answers of a status are fresh; status 0: any.
type cacheValid struct {
	status int
	time   time.Duration
}

func defaultCache() cacheConf {
	return cacheConf{minUses: 1, lockWait: 5 * time.Second, lockAge: 5 * time.Second, convert: true, maxOffset: -1}
}

// caches are the zones of a configuration.
type caches struct {
	zones map[string]*cacheZone
	work  chore
}

var inCache = phases.NewConfigSlot[caches]()

// cacheRows are the directives of cacheConf for the protocol whose directives
// begin with prefix ("proxy_").
func cacheRows[T any](prefix string, f func(*T) *cacheConf) []phases.Directive[T] {
	set := func(name string, args conf.Arity, set func(own *cacheConf, b *phases.Block, s *conf.Stmt) error) phases.Directive[T] {
		return phases.Set(prefix+name, anywhere, args, func(own *T, b *phases.Block, s *conf.Stmt) error { return set(f(own), b, s) })
	}
	list := func(name string, field func(*cacheConf) *conf.List[*phases.Template]) phases.Directive[T] {
		return phases.Add(prefix+name, anywhere, conf.AtLeast(1), func(own *T, b *phases.Block, s *conf.Stmt) error {
			for _, a := range s.Args {
				t, err := b.Template(s, a)
				if err != nil {
					return err
				}
				field(f(own)).Add(s, t)
			}
			return nil
		})
	}
	flag := func(name string, field func(*cacheConf) *bool) phases.Directive[T] {
		return phases.SetFlag(prefix+name, anywhere, func(t *T) *bool { return field(f(t)) })
	}
	return []phases.Directive[T]{
		phases.Add(prefix+"cache_path", conf.HTTP, conf.AtLeast(2), func(_ *T, b *phases.Block, s *conf.Stmt) error { return addCachePath(b, s) }),
		set("cache", conf.Exactly(1), func(own *cacheConf, b *phases.Block, s *conf.Stmt) (err error) {
			own.stmt, own.name, own.zone = s, nil, nil
			if s.Args[0] != "off" {
				own.name, err = b.Template(s, s.Args[0])
			}
			return err
		}),
		phases.SetTemplate(prefix+"cache_key", anywhere, func(t *T) **phases.Template { return &f(t).key }),
		phases.Add(prefix+"cache_valid", anywhere, conf.AtLeast(1), func(own *T, b *phases.Block, s *conf.Stmt) error { return addValid(f(own), s) }),
		phases.SetInt(prefix+"cache_min_uses", anywhere, func(t *T) *int { return &f(t).minUses }),
		set("cache_use_stale", conf.AtLeast(1), setStale),
		list("cache_bypass", func(c *cacheConf) *conf.List[*phases.Template] { return &c.bypass }),
		list("no_cache", func(c *cacheConf) *conf.List[*phases.Template] { return &c.no }),
		list("cache_purge", func(c *cacheConf) *conf.List[*phases.Template] { return &c.purge }),
		set("cache_methods", conf.AtLeast(1), func(own *cacheConf, b *phases.Block, s *conf.Stmt) error {
			own.methods = map[string]bool{"GET": true, "HEAD": true}
			for _, a := range s.Args {
				if a != "GET" && a != "HEAD" && a != "POST" {
					return s.Errorf("invalid value \"%s\"", a)
				}
				own.methods[a] = true
			}
			return nil
		}),
		flag("cache_lock", func(c *cacheConf) *bool { return &c.lock }),
		phases.SetDuration(prefix+"cache_lock_timeout", anywhere, func(t *T) *time.Duration { return &f(t).lockWait }),
		phases.SetDuration(prefix+"cache_lock_age", anywhere, func(t *T) *time.Duration { return &f(t).lockAge }),
		flag("cache_revalidate", func(c *cacheConf) *bool { return &c.revalidate }),
		flag("cache_background_update", func(c *cacheConf) *bool { return &c.background }),
		phases.SetSize(prefix+"cache_max_range_offset", anywhere, func(t *T) *int64 { return &f(t).maxOffset }),
	}
}

func setStale(own *cacheConf, _ *phases.Block, s *conf.Stmt) error {
	own.useStale = 0
	for _, a := range s.Args {
		i := index(causeNames, a)
		if i < 0 {
			return s.Errorf("invalid value \"%s\"", a)
		}
		own.useStale |= 1 << i
	}
	if own.useStale&nextOff != 0 {
		own.useStale = 0
	}
	if own.useStale&OnError != 0 {
		own.useStale |= noLive
	}
	return nil
}

func addValid(own *cacheConf, s *conf.Stmt) error {
	last := len(s.Args) - 1
	d, ok := conf.Sec(s.Args[last])
	if !ok {
		return s.Errorf("invalid time value \"%s\"", s.Args[last])
	}
	if last == 0 {
		for _, status := range []int{200, 301, 302} {
			own.valid.Add(s, cacheValid{status, d})
		}
		return nil
	}
	for _, a := range s.Args[:last] {
		status := 0
		if a != "any" {
			n, ok := conf.Number(a)
			if !ok || n < 100 || n > 599 {
				return s.Errorf("invalid status \"%s\"", a)
			}
			status = n
		}
		own.valid.Add(s, cacheValid{status, d})
	}
	return nil
}

// fresh is how long an answer of the status is fresh by configuration.
func (own *cacheConf) fresh(status int) time.Duration {
	for _, v := range own.valid.Items {
		if v.status == 0 || v.status == status {
			return v.time
		}
	}
	return 0
}

// addCachePath is proxy_cache_path.
func addCachePath(b *phases.Block, s *conf.Stmt) error {
	z := &cacheZone{path: strings.TrimRight(b.Path(s.Args[0]), "/"), inactive: 10 * time.Minute,
		manager: defaultPace(), loader: defaultPace()}
	size, err := z.parameters(b, s)
	if err != nil {
		return err
	}
	c := inCache.Of(b.Config)
	if c.zones[z.name] != nil {
		return s.Errorf("duplicate zone \"%s\"", z.name)
	}
	v, err := b.Zone(s, "cache", z.name, size, func() any {
		z.entries, z.maxKeys = map[cacheKey]*cacheEntry{}, int(max(size/bytesPerKey, 16))
		return z
	})
	if err != nil {
		return err
	}
	kept := v.(*cacheZone)
	if kept.path != z.path {
		return s.Errorf("cache \"%s\" had previously different path", z.name)
	}
	if !slices.Equal(kept.levels, z.levels) {
		return s.Errorf("cache \"%s\" had previously different levels", z.name)
	}
	kept.mu.Lock()
	kept.inactive, kept.maxSize, kept.minFree, kept.manager, kept.loader = z.inactive, z.maxSize, z.minFree, z.manager, z.loader
	kept.mu.Unlock()
	if c.zones == nil {
		c.zones = map[string]*cacheZone{}
	}
	c.zones[z.name] = kept
	return nil
}

// purgedAtOnce is why nothing else is said of a purger.
const purgedAtOnce = "what is purged is gone before the answer"

// parameters reads what stands behind the path; size is the zone's.
func (z *cacheZone) parameters(b *phases.Block, s *conf.Stmt) (size int64, err error) {
	for _, a := range s.Args[1:] {
		key, value, _ := strings.Cut(a, "=")
		ok := true
		switch key {
		case "levels":
			for _, level := range strings.Split(value, ":") {
				n, is := conf.Number(level)
				ok = ok && is && n >= 1 && n <= 2
				z.levels = append(z.levels, n)
			}
			ok = ok && len(z.levels) <= 3
			if !ok {
				return 0, s.Errorf("invalid \"levels\" \"%s\"", a)
			}
		case "keys_zone":
			var text string
			z.name, text, ok = strings.Cut(value, ":")
			if ok {
				size, ok = conf.Size(text)
			}
			if !ok || z.name == "" {
				return 0, s.Errorf("invalid keys zone size \"%s\"", a)
			}
			if size < 8<<10 {
				return 0, s.Errorf("keys zone \"%s\" is too small", a)
			}
		case "inactive":
			if z.inactive, ok = conf.Sec(value); !ok {
				return 0, s.Errorf("invalid inactive value \"%s\"", a)
			}
		case "max_size":
			if z.maxSize, ok = conf.Offset(value); !ok {
				return 0, s.Errorf("invalid max_size value \"%s\"", a)
			}
		case "min_free":
			if z.minFree, ok = conf.Offset(value); !ok {
				return 0, s.Errorf("invalid min_free value \"%s\"", a)
			}
		case "manager_files", "manager_sleep", "manager_threshold":
			if !z.manager.set(key[len("manager_"):], value) {
				return 0, s.Errorf("invalid %s value \"%s\"", key, a)
			}
		case "loader_files", "loader_sleep", "loader_threshold":
			if !z.loader.set(key[len("loader_"):], value) {
				return 0, s.Errorf("invalid %s value \"%s\"", key, a)
			}
		case "use_temp_path", "purger":
			if value != "on" && value != "off" {
				return 0, s.Errorf("invalid %s value \"%s\", it must be \"on\" or \"off\"", key, value)
			}
			if value == "on" {
				b.Config.Notice(s, "\"%s\" is accepted and ignored: %s", a, map[string]string{
					"use_temp_path": "what is written stands beside what is stored, so that it can be renamed", "purger": purgedAtOnce}[key])
			}
		case "purger_files", "purger_sleep", "purger_threshold":
			b.Config.Notice(s, "\"%s\" is accepted and ignored: %s", key, purgedAtOnce)
		default:
			return 0, s.Errorf("invalid parameter \"%s\"", a)
		}
	}
	if z.name == "" {
		return 0, s.Errorf("\"%s\" must have \"keys_zone\" parameter", s.Name)
	}
	return size, nil
}

// finish finds the zone that the location names.
func (own *cacheConf) finish(b *phases.Block, store *storeConf) error {
	if own.name != nil && store.on {
		return own.stmt.Errorf("\"%s\" directive is incompatible with \"%sstore\"", own.stmt.Name, strings.TrimSuffix(own.stmt.Name, "cache"))
	}
	if own.name == nil || own.zone != nil {
		return nil
	}
	name, is := own.name.Const()
	if !is {
		return nil
	}
	if own.zone = inCache.Of(b.Config).zones[name]; own.zone == nil {
		return own.stmt.Errorf("\"%s\" zone \"%s\" is unknown", own.stmt.Name, name)
	}
	return nil
}

func sum(parts ...[]byte) (k cacheKey) {
	h := md5.New()
	for _, p := range parts {
		h.Write(p)
	}
	h.Sum(k[:0])
	return k
}
