package phases

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// sessions is how a server block has TLS sessions resumed: by tickets that the
// client keeps, or if there are none by a store of its own.
type sessions struct {
	keys    *ticketKeys
	store   *sessionStore // nil: none
	tickets bool
	timeout time.Duration
	// scope says whose sessions these are: those of a server block with other
	// certificates or other demands are not resumed.
	scope [sha256.Size]byte
}

// sessionMark begins what this server adds to a session: the scope, the number
// and the time of its beginning.
const sessionMark = "luahttpd session 1:"

const (
	sessionIDSize    = 32
	sessionExtraSize = len(sessionMark) + sha256.Size + sessionIDSize + 8
)

// resume tells whether sessions are resumed at all.
func (ss *sessions) resume(hooks *TLSHooks) bool {
	return ss.tickets || ss.store != nil || hooks.Fetch != nil || hooks.Store != nil
}

// bind has the handshake h begin and resume sessions.
func (ss *sessions) bind(h *Handshake, hooks *TLSHooks) {
	var begun time.Time // when the session began that goes on
	h.TLS.SessionTicketsDisabled = false
	h.TLS.WrapSession = func(cs tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
		now := time.Now()
		if cs.Version < tls.VersionTLS13 && !begun.IsZero() {
			now = begun // the session stays the same one
		}
		var id [sessionIDSize]byte
		rand.Read(id[:])
		h.SessionID = hex.EncodeToString(id[:])
		extra := make([]byte, 0, sessionExtraSize)
		extra = append(append(append(extra, sessionMark...), ss.scope[:]...), id[:]...)
		s.Extra = append(s.Extra, binary.BigEndian.AppendUint64(extra, uint64(now.UnixMilli())))
		if ss.tickets || ss.store != nil {
			raw, err := s.Bytes()
			if err != nil {
				return nil, err
			}
			if ss.tickets {
				return ss.keys.seal(raw, time.Now())
			}
			ss.store.put(id, raw, now.Add(ss.timeout))
		}
		if hooks.Store != nil {
			h.Session = &TLSSession{ID: h.SessionID, State: s}
			hooks.Store(h)
		}
		return id[:], nil
	}
	h.TLS.UnwrapSession = func(identity []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
		s := ss.open(identity)
		if s == nil && !ss.tickets && hooks.Fetch != nil && len(identity) == sessionIDSize {
			h.Session = &TLSSession{ID: hex.EncodeToString(identity)}
			hooks.Fetch(h)
			s = h.Session.State
		}
		if s == nil {
			return nil, nil
		}
		id, at, ok := ss.admits(s)
		if !ok || time.Since(at) > ss.timeout {
			return nil, nil
		}
		h.SessionID, begun = hex.EncodeToString(id), at
		return s, nil
	}
}

// open finds the session that a client names; nil if there is none.
func (ss *sessions) open(identity []byte) *tls.SessionState {
	var raw []byte
	switch {
	case ss.tickets:
		raw = ss.keys.open(identity, time.Now())
	case ss.store != nil && len(identity) == sessionIDSize:
		raw = ss.store.get([sessionIDSize]byte(identity), time.Now())
	}
	if raw == nil {
		return nil
	}
	s, err := tls.ParseSessionState(raw)
	if err != nil {
		return nil // of another version of this server
	}
	return s
}

// admits reads what was added to a session, and says whether it is of this
// scope.
func (ss *sessions) admits(s *tls.SessionState) (id []byte, begun time.Time, ok bool) {
	for _, e := range s.Extra {
		if len(e) != sessionExtraSize || string(e[:len(sessionMark)]) != sessionMark {
			continue
		}
		e = e[len(sessionMark):]
		if [sha256.Size]byte(e) != ss.scope {
			return nil, time.Time{}, false
		}
		e = e[sha256.Size:]
		return e[:sessionIDSize], time.UnixMilli(int64(binary.BigEndian.Uint64(e[sessionIDSize:]))), true
	}
	return nil, time.Time{}, false
}

// ticketKeys encrypt tickets. Those of files are used as they stand there: the
// first encrypts, all of them decrypt. Without files a key is made, and another
// one when it is as old as a session may become.
type ticketKeys struct {
	mu     sync.Mutex
	keys   []ticketKey
	made   bool
	expire time.Time
	life   time.Duration
}

type ticketKey struct {
	name [ticketNameSize]byte
	aead cipher.AEAD
}

const ticketNameSize = 16

func newTicketKey(name, secret []byte) (k ticketKey, err error) {
	copy(k.name[:], name)
	sum := sha256.Sum256(secret)
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return k, err
	}
	k.aead, err = cipher.NewGCM(block)
	return k, err
}

// ticketKeyFiles reads files of 48 or 80 bytes: a name and secrets. Tickets of
// OpenSSL's servers have another form: the same keys are good for servers of
// this kind only.
func ticketKeyFiles(dir string, files []string) (*ticketKeys, error) {
	ks := &ticketKeys{}
	for _, name := range files {
		path := join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, errors.New(OpenError(err))
		}
		if len(b) != 48 && len(b) != 80 {
			return nil, fmt.Errorf("\"%s\" must be 48 or 80 bytes", path)
		}
		k, err := newTicketKey(b[:ticketNameSize], b[ticketNameSize:])
		if err != nil {
			return nil, err
		}
		ks.keys = append(ks.keys, k)
	}
	return ks, nil
}

// current returns the keys at a time, the one that encrypts first.
func (ks *ticketKeys) current(now time.Time) ([]ticketKey, error) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if !ks.made || now.Before(ks.expire) {
		return ks.keys, nil
	}
	var b [48]byte
	rand.Read(b[:])
	k, err := newTicketKey(b[:ticketNameSize], b[ticketNameSize:])
	if err != nil {
		return nil, err
	}
	keys := []ticketKey{k}
	if len(ks.keys) > 0 && now.Sub(ks.expire) < ks.life {
		keys = append(keys, ks.keys[0]) // its last tickets are still good
	}
	ks.keys, ks.expire = keys, now.Add(ks.life)
	return keys, nil
}

func (ks *ticketKeys) seal(raw []byte, now time.Time) ([]byte, error) {
	keys, err := ks.current(now)
	if err != nil {
		return nil, err
	}
	k := keys[0]
	head := ticketNameSize + k.aead.NonceSize()
	b := make([]byte, head, head+len(raw)+k.aead.Overhead())
	copy(b, k.name[:])
	rand.Read(b[ticketNameSize:])
	return k.aead.Seal(b, b[ticketNameSize:head], raw, b[:ticketNameSize]), nil
}

func (ks *ticketKeys) open(ticket []byte, now time.Time) []byte {
	keys, err := ks.current(now)
	if err != nil {
		return nil
	}
	for _, k := range keys {
		head := ticketNameSize + k.aead.NonceSize()
		if len(ticket) < head || [ticketNameSize]byte(ticket) != k.name {
			continue
		}
		if raw, err := k.aead.Open(nil, ticket[ticketNameSize:head], ticket[head:], ticket[:ticketNameSize]); err == nil {
			return raw
		}
	}
	return nil
}
