package handler

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"math/big"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/setvar"
)

// setMisc is the configuration of a block.
type setMisc struct {
	padding  bool   // on: set_encode_base32 pads with "="
	alphabet string // of base32
	lists    conf.List[upstreamList]
}

// upstreamList is one upstream_list.
type upstreamList struct {
	name  string
	names []string
}

// SetMisc is OpenResty's set-misc module: directives that, like set, assign a
// variable among the operations of the rewrite module. Those of the table of
// package setvar make it of one text, or of itself.
var SetMisc = phases.Define(phases.Spec[setMisc]{
	Name:    "set_misc",
	Default: func() setMisc { return setMisc{padding: true} },
	Directives: append(setvarRows(),
		phases.SetFlag("set_base32_padding", conf.HTTP|inRewrite, func(own *setMisc) *bool { return &own.padding }),
		phases.SetFlag("set_misc_base32_padding", conf.HTTP|inRewrite, func(own *setMisc) *bool { return &own.padding }),
		phases.Set("set_base32_alphabet", conf.HTTP|inRewrite, conf.Exactly(1), setAlphabet),
		setRow("set_if_empty", 1, func(r *phases.Request, old string, args []string) (string, error) {
			if old != "" {
				return old, nil
			}
			return args[0], nil
		}),
		setRow("set_hmac_sha1", 2, setHMAC(sha1.New)),
		setRow("set_hmac_sha256", 2, setHMAC(sha256.New)),
		setRow("set_random", 2, setRandom),
		setRow("set_secure_random_alphanum", 1, setLetters("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")),
		setRow("set_secure_random_lcalpha", 1, setLetters("abcdefghijklmnopqrstuvwxyz")),
		setRow("set_rotate", 2, setRotate),
		setRow("set_local_today", 0, func(r *phases.Request, _ string, _ []string) (string, error) {
			return r.Worker.Now().Format("2006-01-02"), nil
		}),
		phases.Add("upstream_list", conf.HTTP, conf.AtLeast(2), addUpstreamList),
		phases.Add("set_hashed_upstream", inRewrite, conf.Exactly(3), addHashedUpstream),
	),
})

// setFunc makes the new value of a variable. Its error is logged and answers
// the request with 500.
type setFunc func(r *phases.Request, old string, args []string) (string, error)

// setRow declares "name $variable argument..." with n arguments.
func setRow(name string, n int, do setFunc) phases.Directive[setMisc] {
	return phases.Add(name, inRewrite, conf.Exactly(n+1), func(own *setMisc, b *phases.Block, s *conf.Stmt) error {
		return addSetOp(b, s, s.Args[1:], do)
	})
}

// setvarRows declares the functions of package setvar: with one argument the
// variable is changed in place.
func setvarRows() []phases.Directive[setMisc] {
	var rows []phases.Directive[setMisc]
	for _, f := range setvar.Functions {
		rows = append(rows, phases.Add(f.Name, inRewrite, conf.Between(1, 2), func(own *setMisc, b *phases.Block, s *conf.Stmt) error {
			from := s.Args[len(s.Args)-1:]
			return addSetOp(b, s, from, func(r *phases.Request, _ string, args []string) (string, error) {
				do := f.Do
				if own.base32(f.Name) {
					do = own.base32Func(f.Name)
				}
				v, ok := do(args[0])
				if !ok {
					return "", setError("bad text \"" + args[0] + "\"")
				}
				return v, nil
			})
		}))
	}
	return rows
}

// setError says why a value cannot be made.
type setError string

func (e setError) Error() string { return string(e) }

// addSetOp adds the operation that assigns the variable that is argument 0 of
// the statement.
func addSetOp(b *phases.Block, s *conf.Stmt, args []string, do setFunc) error {
	name, ok := strings.CutPrefix(s.Args[0], "$")
	if !ok {
		return s.Errorf("invalid variable name \"%s\"", s.Args[0])
	}
	set, err := b.SettableVariable(s, name)
	if err != nil {
		return err
	}
	b.Unset(name, func(*phases.Request) {})
	get, err := b.Reference(s, name)
	if err != nil {
		return err
	}
	var values []*phases.Template
	for _, a := range args {
		t, err := b.Template(s, a)
		if err != nil {
			return err
		}
		values = append(values, t)
	}
	b.AddOp(func(r *phases.Request) phases.Result {
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = string(v.Append(r, nil))
		}
		old, _ := get(r, nil)
		v, err := do(r, string(old), texts)
		if err != nil {
			r.Errorf(phases.LevelError, "%s: %v", s.Name, err)
			return 500
		}
		set(r, []byte(v))
		return phases.Declined
	})
	return nil
}

func (own *setMisc) base32(name string) bool {
	return strings.HasSuffix(name, "_base32") && (!own.padding || own.alphabet != "")
}

// base32Func is the function of that name with the block's alphabet and
// padding.
func (own *setMisc) base32Func(name string) func(string) (string, bool) {
	enc := setvar.Base32
	if own.alphabet != "" {
		enc = base32.NewEncoding(own.alphabet)
	}
	if name == "set_decode_base32" {
		return func(s string) (string, bool) {
			v, err := enc.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(s, "="))
			return string(v), err == nil
		}
	}
	if !own.padding {
		enc = enc.WithPadding(base32.NoPadding)
	}
	return func(s string) (string, bool) { return enc.EncodeToString([]byte(s)), true }
}

func setAlphabet(own *setMisc, b *phases.Block, s *conf.Stmt) error {
	a := s.Args[0]
	if len(a) != 32 {
		return s.Errorf("\"set_base32_alphabet\" takes an alphabet of 32 bytes but the argument is %d bytes long", len(a))
	}
	for i := range len(a) {
		if strings.IndexByte(a[i+1:], a[i]) >= 0 || a[i] == '=' || a[i] == '\r' || a[i] == '\n' || a[i] >= 0x80 {
			return s.Errorf("\"set_base32_alphabet\" takes an alphabet of 32 different ASCII characters")
		}
	}
	own.alphabet = a
	return nil
}

func setHMAC(newHash func() hash.Hash) setFunc {
	return func(r *phases.Request, _ string, args []string) (string, error) {
		h := hmac.New(newHash, []byte(args[0]))
		h.Write([]byte(args[1]))
		return string(h.Sum(nil)), nil
	}
}

// setRandom is a number from the first argument to the second, both included.
func setRandom(r *phases.Request, _ string, args []string) (string, error) {
	from, to, err := setRange(args)
	if err != nil {
		return "", err
	}
	n, err := rand.Int(rand.Reader, big.NewInt(to-from+1))
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(from+n.Int64(), 10), nil
}

// setRange reads two numbers, the smaller first.
func setRange(args []string) (from, to int64, err error) {
	for i, p := range []*int64{&from, &to} {
		n, ok := conf.Number(args[i])
		if !ok || n > 1<<53 {
			return 0, 0, setError("bad number \"" + args[i] + "\"")
		}
		*p = int64(n)
	}
	return min(from, to), max(from, to), nil
}

// maxLetters is how long a random text may be, as in set-misc.
const maxLetters = 64

// setLetters makes a random text of as many letters as the argument says.
func setLetters(letters string) setFunc {
	return func(r *phases.Request, _ string, args []string) (string, error) {
		n, ok := conf.Number(args[0])
		if !ok || n < 1 || n > maxLetters {
			return "", setError("bad length \"" + args[0] + "\"")
		}
		text := make([]byte, n)
		for i := range text {
			k, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
			if err != nil {
				return "", err
			}
			text[i] = letters[k.Int64()]
		}
		return string(text), nil
	}
}

// setRotate counts the variable up in a range, and from its end to its begin.
func setRotate(r *phases.Request, old string, args []string) (string, error) {
	from, to, err := setRange(args)
	if err != nil {
		return "", err
	}
	n := from
	if was, ok := conf.Number(old); ok && int64(was) >= from && int64(was) < to {
		n = int64(was) + 1
	}
	return strconv.FormatInt(n, 10), nil
}

func addUpstreamList(own *setMisc, b *phases.Block, s *conf.Stmt) error {
	for _, l := range own.lists.Items {
		if l.name == s.Args[0] {
			return s.Errorf("upstream_list \"%s\" is already defined", l.name)
		}
	}
	own.lists.Add(s, upstreamList{s.Args[0], s.Args[1:]})
	return nil
}

// addHashedUpstream is "set_hashed_upstream $variable list key": the key
// chooses a name of the list.
func addHashedUpstream(own *setMisc, b *phases.Block, s *conf.Stmt) error {
	list, err := b.Template(s, s.Args[1])
	if err != nil {
		return err
	}
	if _, fixed := list.Const(); fixed && own.list(s.Args[1]) == nil {
		return s.Errorf("set_hashed_upstream: upstream_list \"%s\" not found", s.Args[1])
	}
	return addSetOp(b, s, s.Args[1:], func(r *phases.Request, _ string, args []string) (string, error) {
		names := own.list(args[0])
		if names == nil {
			return "", setError("upstream_list \"" + args[0] + "\" not found")
		}
		h := uint32(0)
		for i := range len(args[1]) {
			h = h*33 + uint32(args[1][i])
		}
		return names[h%uint32(len(names))], nil
	})
}

func (own *setMisc) list(name string) []string {
	for _, l := range own.lists.Items {
		if l.name == name {
			return l.names
		}
	}
	return nil
}
