package filter

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// UserID gives clients a number in a cookie and tells which one they have, in
// the form of mod_uid.
var UserID = phases.Define(phases.Spec[userID]{
	Name:    "userid",
	Default: func() userID { return userID{name: "uid", path: "/"} },
	Directives: []phases.Directive[userID]{
		phases.Set("userid", inLocations, conf.Exactly(1), setUserID),
		phases.SetString("userid_name", inLocations, func(own *userID) *string { return &own.name }),
		phases.Set("userid_domain", inLocations, conf.Exactly(1), unlessNone(func(own *userID) *string { return &own.domain })),
		phases.SetString("userid_path", inLocations, func(own *userID) *string { return &own.path }),
		phases.Set("userid_expires", inLocations, conf.Exactly(1), setUserIDExpires),
		phases.Set("userid_p3p", inLocations, conf.Exactly(1), unlessNone(func(own *userID) *string { return &own.p3p })),
		phases.Set("userid_mark", inLocations, conf.Exactly(1), setUserIDMark),
		phases.Set("userid_service", inLocations, conf.Exactly(1), func(own *userID, _ *phases.Block, s *conf.Stmt) error {
			n, err := s.Number(0)
			own.service, own.hasService = uint32(n), true
			return err
		}),
		phases.Set("userid_flags", inLocations, conf.Between(1, 4), setUserIDFlags),
	},
	Active: func(own *userID) bool { return own.mode >= userIDV1 },
	Filter: func(own *userID) phases.Filter { return phases.Filter{Header: own.header} },
	Variables: []phases.Variable{
		userIDVariable("uid_got", func(own *userID, r *phases.Request) [4]uint32 {
			if own.mode == userIDOff {
				return [4]uint32{}
			}
			return own.state(r).got
		}),
		userIDVariable("uid_set", func(own *userID, r *phases.Request) [4]uint32 {
			if own.mode < userIDV1 {
				return [4]uint32{}
			}
			s := own.state(r)
			own.create(r, s)
			return s.set
		}),
	},
})

const (
	userIDOff = iota
	userIDLog // what clients have is known, nothing is set
	userIDV1
	userIDOn
)

// userID is the configuration of a block.
type userID struct {
	mode       int
	name       string
	domain     string // "" none
	path       string
	expires    time.Duration // 0: with the session
	forever    bool
	p3p        string // "" none
	mark       byte   // 0: none
	service    uint32
	hasService bool
	flags      string
	// reset is $uid_reset, by which the configuration has a new number given.
	reset func(r *phases.Request, dst []byte) ([]byte, bool)
}

// userIDState is the number that a client sent and the one it is given: four
// words, as they lie in the memory of a little-endian machine. A last word of
// 0 stands for none.
type userIDState struct {
	cookie string
	got    [4]uint32
	set    [4]uint32
	known  bool // the cookie has been read
	anew   bool // the client is given another number than it had
}

// userIDSource numbers what is given out, so that no two are the same within a
// second.
type userIDSource struct {
	start uint32
	count atomic.Uint32
}

var (
	userIDStates  = phases.NewSlot[userIDState](phases.KeepNothing)
	userIDSources = phases.NewConfigSlot[userIDSource]()
)

func setUserID(own *userID, b *phases.Block, s *conf.Stmt) error {
	var err error
	if own.mode, err = s.Enum(0, "off", "log", "v1", "on"); err != nil {
		return err
	}
	if src := userIDSources.Of(b.Config); src.start == 0 {
		src.start = rand.Uint32() | 1
	}
	if _, err = b.SettableVariable(s, "uid_reset"); err != nil {
		return err
	}
	own.reset, err = b.Reference(s, "uid_reset")
	return err
}

// unlessNone sets a text, "none" for the empty one.
func unlessNone(f func(own *userID) *string) func(*userID, *phases.Block, *conf.Stmt) error {
	return func(own *userID, _ *phases.Block, s *conf.Stmt) error {
		*f(own) = s.Args[0]
		if s.Args[0] == "none" {
			*f(own) = ""
		}
		return nil
	}
}

func setUserIDExpires(own *userID, _ *phases.Block, s *conf.Stmt) error {
	own.expires, own.forever = 0, s.Args[0] == "max"
	if own.forever || s.Args[0] == "off" {
		return nil
	}
	var err error
	own.expires, err = s.Sec(0)
	return err
}

func setUserIDMark(own *userID, _ *phases.Block, s *conf.Stmt) error {
	v := s.Args[0]
	if v == "off" {
		own.mark = 0
		return nil
	}
	if c := v[0]; len(v) != 1 || !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '=') {
		return s.Errorf("value must be \"off\" or a single letter, digit or \"=\"")
	}
	own.mark = v[0]
	return nil
}

func setUserIDFlags(own *userID, _ *phases.Block, s *conf.Stmt) error {
	own.flags = ""
	for _, a := range s.Args {
		switch a {
		case "off":
		case "secure", "httponly", "samesite=strict", "samesite=lax", "samesite=none":
			own.flags += "; " + a
		default:
			return s.Errorf("invalid value \"%s\"", a)
		}
	}
	return nil
}

func userIDVariable(name string, f func(own *userID, r *phases.Request) [4]uint32) phases.Variable {
	return phases.Variable{Name: name, Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		own := phases.ConfOf[userID](r.Loc)
		if own == nil {
			return dst, false
		}
		id := f(own, r.Main)
		if id[3] == 0 {
			return dst, false
		}
		return fmt.Appendf(dst, "%s=%08X%08X%08X%08X", own.name, id[0], id[1], id[2], id[3]), true
	}}
}

// userIDChars is how much of the cookie the number takes in base64; a mark and
// a "=" follow.
const userIDChars = 22

// state reads the cookie of r once.
func (own *userID) state(r *phases.Request) *userIDState {
	s := userIDStates.Ensure(r)
	if s.known {
		return s
	}
	s.known = true
	cookie, ok := r.Cookie(own.name)
	if !ok {
		return s
	}
	if len(cookie) < userIDChars {
		r.Errorf(phases.LevelError, "client sent too short userid cookie \"%s\"", cookie)
		return s
	}
	var raw [16]byte
	if n, err := base64.RawStdEncoding.Decode(raw[:], cookie[:userIDChars]); err != nil || n != len(raw) {
		r.Errorf(phases.LevelError, "client sent invalid userid cookie \"%s\"", cookie)
		return s
	}
	s.cookie = string(cookie)
	for i := range s.got {
		s.got[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return s
}

// create decides which number the client is given, if any.
func (own *userID) create(r *phases.Request, s *userIDState) {
	if s.set[3] != 0 {
		return
	}
	if s.got[3] != 0 {
		reset, _ := own.reset(r, nil)
		if len(reset) == 0 || string(reset) == "0" {
			marked := len(s.cookie) > userIDChars+1 && s.cookie[userIDChars] == own.mark && s.cookie[userIDChars+1] == '='
			if own.mark != 0 && !marked {
				s.set = s.got
			}
			return
		}
		s.anew = true
		if string(reset) == "log" {
			r.Errorf(phases.LevelNotice, "userid cookie \"%s=%08X%08X%08X%08X\" was reset", own.name, s.got[0], s.got[1], s.got[2], s.got[3])
		}
	}
	src := userIDSources.Of(r.Config)
	count := src.count.Add(1) - 1
	now := uint32(r.Worker.Now().Unix())
	if own.mode == userIDV1 {
		s.set = [4]uint32{own.service, now, src.start, 1 + count<<8}
		return
	}
	const first = 0x03030302
	service := own.service
	if !own.hasService {
		service = localWord(r)
	}
	s.set = [4]uint32{bits.ReverseBytes32(service), bits.ReverseBytes32(now), bits.ReverseBytes32(src.start), bits.ReverseBytes32(first + count<<8)}
}

// localWord is the last four bytes of the address that the client connected
// to, which stand for the server.
func localWord(r *phases.Request) uint32 {
	a := r.Client.Local.Addr().Unmap()
	if !a.IsValid() {
		return 0
	}
	b := a.AsSlice()
	return binary.BigEndian.Uint32(b[len(b)-4:])
}

func (own *userID) header(next phases.HeaderFunc) phases.HeaderFunc {
	return func(r *phases.Request) error {
		if !r.IsMain() {
			return next(r)
		}
		s := own.state(r)
		own.create(r, s)
		if s.set[3] != 0 {
			r.Out.Add("Set-Cookie", own.setCookie(r, s))
			if own.p3p != "" {
				r.Out.Add("P3P", own.p3p)
			}
		}
		return next(r)
	}
}

func (own *userID) setCookie(r *phases.Request, s *userIDState) string {
	var c strings.Builder
	c.WriteString(own.name + "=")
	if s.got[3] == 0 || s.anew {
		var raw [16]byte
		for i, word := range s.set {
			binary.LittleEndian.PutUint32(raw[4*i:], word)
		}
		c.WriteString(base64.RawStdEncoding.EncodeToString(raw[:]))
	} else {
		c.WriteString(s.cookie[:userIDChars])
	}
	if own.mark != 0 {
		c.WriteByte(own.mark)
	} else {
		c.WriteByte('=')
	}
	c.WriteByte('=')
	switch {
	case own.forever:
		c.WriteString("; expires=Thu, 31-Dec-37 23:55:55 GMT")
	case own.expires > 0:
		c.WriteString(r.Worker.Now().Add(own.expires).UTC().Format("; expires=Mon, 02-Jan-06 15:04:05 GMT"))
	}
	if own.domain != "" {
		c.WriteString("; domain=" + own.domain)
	}
	c.WriteString("; path=" + own.path + own.flags)
	return c.String()
}
