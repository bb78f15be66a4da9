package phases

import (
	"container/list"
	"strings"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/conf"
)

// sessionStore keeps TLS sessions for clients that get no tickets. The least
// recently used is given up when there is no room; it is shared by the workers,
// and one with a name by server blocks and over reloads.
type sessionStore struct {
	size int64 // bytes

	mu     sync.Mutex
	taken  int64
	byID   map[[sessionIDSize]byte]*list.Element
	recent *list.List // of *storedSession, the latest first
	keys   *ticketKeys
}

type storedSession struct {
	id      [sessionIDSize]byte
	raw     []byte
	expires time.Time
}

// storedBytes is what a session takes beside its own bytes.
const storedBytes = 128

func newSessionStore(size int64) *sessionStore {
	return &sessionStore{size: size, byID: map[[sessionIDSize]byte]*list.Element{}, recent: list.New()}
}

func (st *sessionStore) put(id [sessionIDSize]byte, raw []byte, expires time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	cost := int64(len(raw) + storedBytes)
	for st.taken+cost > st.size && st.recent.Len() > 0 {
		st.remove(st.recent.Back())
	}
	if cost > st.size {
		return
	}
	st.taken += cost
	st.byID[id] = st.recent.PushFront(&storedSession{id, raw, expires})
}

func (st *sessionStore) remove(e *list.Element) {
	s := e.Value.(*storedSession)
	st.recent.Remove(e)
	delete(st.byID, s.id)
	st.taken -= int64(len(s.raw) + storedBytes)
}

// get returns a session, which is not to be changed.
func (st *sessionStore) get(id [sessionIDSize]byte, now time.Time) []byte {
	st.mu.Lock()
	defer st.mu.Unlock()
	e := st.byID[id]
	if e == nil {
		return nil
	}
	s := e.Value.(*storedSession)
	if now.After(s.expires) {
		st.remove(e)
		return nil
	}
	st.recent.MoveToFront(e)
	return s.raw
}

// ticketKeys are the keys of those that share the store.
func (st *sessionStore) ticketKeys(life time.Duration) *ticketKeys {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.keys == nil {
		st.keys = &ticketKeys{made: true, life: life}
	}
	return st.keys
}

const (
	sessionStoreMin = 32 << 10 // bytes: eight pages
	// builtinSessions is how many sessions a store without a name has room for,
	// of builtinBytes each.
	builtinSessions = 20480
	builtinBytes    = 1 << 10
)

// setSessionCache is ssl_session_cache: off, none, builtin[:sessions] and
// shared:name:size.
func setSessionCache(own *SSL, b *Block, s *conf.Stmt) error {
	own.store = nil
	for _, a := range s.Args {
		kind, rest, sized := strings.Cut(a, ":")
		switch {
		case a == "off" || a == "none":
			continue
		case kind == "builtin":
			n := builtinSessions
			ok := true
			if sized {
				n, ok = conf.Number(rest)
			}
			if !ok || n == 0 {
				return s.Errorf("invalid session cache \"%s\"", a)
			}
			if own.store == nil {
				own.store = newSessionStore(int64(n) * builtinBytes)
			}
			continue
		case kind != "shared":
			return s.Errorf("invalid session cache \"%s\"", a)
		}
		name, text, _ := strings.Cut(rest, ":")
		size, ok := conf.Size(text)
		switch {
		case name == "" || !ok:
			return s.Errorf("invalid session cache \"%s\"", a)
		case size < sessionStoreMin:
			return s.Errorf("session cache \"%s\" is too small", a)
		}
		v, err := b.Zone(s, "ssl_session_cache", name, size, func() any { return newSessionStore(size) })
		if err != nil {
			return err
		}
		own.store = v.(*sessionStore)
	}
	return nil
}
