package pcre

import (
	"errors"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

const (
	// maxWords bounds the memory of one match, in words of regexp2's
	// backtracking stack. Running out of it is ErrMatchLimit.
	maxWords = 4 << 20
	// maxKept is the longest subject, in bytes, whose buffer is kept for the
	// next match.
	maxKept = 256 << 10
)

// backtracker matches with regexp2, which wants the subject as runes: one for
// each byte, or with UTF for each character.
type backtracker struct {
	re    *regexp2.Regexp
	utf   bool
	check bool // refuse subjects that are not UTF-8
	keep  int  // the group that marks \K, 0 if none
	pool  sync.Pool
}

// pass is the state of one match.
type pass struct {
	runes   []rune
	offsets []int // with UTF and not all ASCII: the byte offset of each rune
	caps    []int
	keep    int
	ok      bool
	take    func(regexp2.MatchView) bool
}

func newBacktracker(p *parser, root *node, f Flags) (*backtracker, error) {
	pattern, keep, err := translate(p, root, f)
	if err != nil {
		return nil, err
	}
	re, err := regexp2.Compile(pattern, regexp2.OptionMaxBacktrackingStackSize(maxWords))
	if err != nil {
		return nil, &CompileError{Msg: err.Error(), Offset: 0}
	}
	re.MatchTimeout = time.Second
	b := &backtracker{re: re, utf: p.utf(), check: p.utf() && f&NoUTFCheck == 0, keep: keep}
	b.pool.New = func() any {
		s := &pass{keep: keep}
		s.take = s.copy // bound once: a method value allocates
		return s
	}
	return b, nil
}

func (b *backtracker) match(subject []byte, start int, caps []int) (ok bool, err error) {
	if b.check && !utf8.Valid(subject) {
		return false, badUTF([]byte(subject))
	}
	s := b.pool.Get().(*pass)
	if b.utf {
		start = s.decode(subject, start)
	} else {
		s.widen(subject)
	}
	s.caps, s.ok = caps, false
	err = b.re.FindRunesMatches(s.runes, start, s.take)
	ok, s.caps = s.ok, nil
	if len(subject) <= maxKept {
		b.pool.Put(s)
	}
	switch {
	case err == nil:
		return ok, nil
	case errors.Is(err, regexp2.ErrBacktrackingStackLimit):
		return false, ErrMatchLimit
	}
	return false, ErrMatchLimit // a timeout
}

// widen makes a rune of each byte.
func (s *pass) widen(subject []byte) {
	if cap(s.runes) < len(subject) {
		s.runes = make([]rune, len(subject)+len(subject)/4)
	}
	s.runes, s.offsets = s.runes[:len(subject)], s.offsets[:0]
	for i, c := range subject {
		r := rune(c)
		if c >= utf8.RuneSelf {
			r += highByte
		}
		s.runes[i] = r
	}
}

// decode makes a rune of each character and returns start counted in runes.
func (s *pass) decode(subject []byte, start int) int {
	s.runes, s.offsets = s.runes[:0], s.offsets[:0]
	from := len(subject)
	for i := 0; i < len(subject); {
		r, size := rune(subject[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(subject[i:])
		}
		if i >= start && from == len(subject) {
			from = len(s.runes)
		}
		s.runes, s.offsets = append(s.runes, r), append(s.offsets, i)
		i += size
	}
	s.offsets = append(s.offsets, len(subject))
	return min(from, len(s.runes))
}

// copy takes the offsets of a match and asks for no further one.
func (s *pass) copy(v regexp2.MatchView) bool {
	s.ok = true
	for i := range len(s.caps) / 2 {
		if at, length, set := v.GroupRange(i); set {
			s.caps[2*i], s.caps[2*i+1] = s.offset(at), s.offset(at+length)
		}
	}
	if s.keep != 0 {
		if at, _, set := v.GroupRange(s.keep); set {
			s.caps[0] = s.offset(at)
		}
	}
	return false
}

func (s *pass) offset(i int) int {
	if len(s.offsets) == 0 {
		return i
	}
	return s.offsets[i]
}
