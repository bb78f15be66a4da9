package phases

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
)

// Variable is one row of a module's table of variables.
type Variable struct {
	// Name is without the $, in lower case.
	Name string
	// Get appends the value to dst. ok is false when there is none, which
	// scripts see as nil and templates as nothing.
	Get func(r *Request, dst []byte) (value []byte, ok bool)
	// Set, when not nil, lets the configuration and scripts assign it.
	Set func(r *Request, value []byte)
	// Cache keeps the first value for the rest of the request.
	Cache bool
}

// Prefix is a family of variables: $arg_NAME, $http_NAME.
type Prefix struct {
	// Name ends in an underscore: "arg_".
	Name string
	Get  func(r *Request, rest string, dst []byte) (value []byte, ok bool)
	Set  func(r *Request, rest string, value []byte)
}

// variable is a Variable in a configuration. Those that "set", a map or a
// capture by name define keep their value in the request, at index.
type variable struct {
	Variable
	index   int  // in Request.vars; -1: it is computed each time
	indexed bool // assigned by name at run time
	used    *conf.Stmt
	order   int // of being named
	// unset is asked for the value of a variable that is only assigned.
	unset func(r *Request)
}

// varValue is a variable's value in one request.
type varValue struct {
	state varState
	value []byte
}

type varState uint8

const (
	varUnset varState = iota
	varSet
	varNone // computed: there is none
)

// DefineVariable makes name a variable of the configuration. One that is
// defined twice (by two maps) has the last getter; a builtin cannot be.
func (b *Block) DefineVariable(s *conf.Stmt, v Variable) error {
	if v.Name == "" {
		return s.Errorf("invalid variable name \"$\"")
	}
	old := b.Config.vars[v.Name]
	if old == nil {
		old = b.Config.addVariable(v)
		old.indexed = true
		b.Config.index(old)
		return nil
	}
	if old.Get != nil && !old.indexed {
		return s.Errorf("the duplicate \"%s\" variable", v.Name)
	}
	if v.Get != nil {
		old.Get, old.Cache = v.Get, v.Cache
		old.indexed = true
		b.Config.index(old)
	}
	return nil
}

// SettableVariable makes name a variable that "set" and scripts may assign,
// and returns how. A builtin variable must be changeable.
func (b *Block) SettableVariable(s *conf.Stmt, name string) (set func(r *Request, value []byte), err error) {
	name = strings.ToLower(name)
	if name == "" {
		return nil, s.Errorf("invalid variable name \"$\"")
	}
	v := b.Config.vars[name]
	if v == nil {
		p, rest := b.Config.prefix(name)
		if p != nil && p.Set != nil {
			return func(r *Request, value []byte) { p.Set(r, rest, value) }, nil
		}
		v = b.Config.addVariable(Variable{Name: name})
		if p != nil { // until it is set it is what the family says
			v.Get = func(r *Request, dst []byte) ([]byte, bool) { return p.Get(r, rest, dst) }
			v.indexed = true
			b.Config.member(name).own = v
		}
	}
	if v.Set != nil {
		return v.Set, nil
	}
	if v.Get != nil && !v.indexed {
		return nil, s.Errorf("the duplicate \"%s\" variable", name)
	}
	v.indexed = true
	b.Config.index(v)
	return func(r *Request, value []byte) { r.setVar(v, value) }, nil
}

// Unset makes a variable that is only assigned empty until it is, instead of
// having no value; warn hears of it once in a request.
func (b *Block) Unset(name string, warn func(r *Request)) {
	if v := b.Config.vars[strings.ToLower(name)]; v != nil && v.unset == nil {
		v.unset = warn
	}
}

// Reference returns a getter for a variable that the configuration names. The
// variable may be defined later; one that never is fails the configuration.
func (b *Block) Reference(s *conf.Stmt, name string) (func(r *Request, dst []byte) ([]byte, bool), error) {
	if name == "" {
		return nil, s.Errorf("invalid variable name \"$\"")
	}
	v, p, rest := b.Config.lookup(name)
	if p != nil {
		m := b.Config.member(strings.ToLower(name))
		return func(r *Request, dst []byte) ([]byte, bool) {
			if m.own != nil {
				return r.getVar(m.own, dst)
			}
			return p.Get(r, rest, dst)
		}, nil
	}
	if v == nil {
		v = b.Config.addVariable(Variable{Name: strings.ToLower(name)})
	}
	if v.used == nil {
		v.used = s
	}
	return func(r *Request, dst []byte) ([]byte, bool) { return r.getVar(v, dst) }, nil
}

// member is one variable of a family that the configuration names; own is what
// "set" has made of it.
type member struct{ own *variable }

func (cfg *Config) member(name string) *member {
	m := cfg.members[name]
	if m == nil {
		m = new(member)
		cfg.members[name] = m
	}
	return m
}

func (cfg *Config) addVariable(v Variable) *variable {
	nv := &variable{Variable: v, index: -1, order: len(cfg.vars)}
	cfg.vars[v.Name] = nv
	if v.Cache {
		cfg.index(nv)
	}
	return nv
}

func (cfg *Config) index(v *variable) {
	if v.index < 0 {
		v.index = cfg.indexed
		cfg.indexed++
	}
}

func (cfg *Config) prefix(name string) (*Prefix, string) {
	for i := range cfg.prefixes {
		if p := &cfg.prefixes[i]; strings.HasPrefix(name, p.Name) {
			return p, name[len(p.Name):]
		}
	}
	return nil, ""
}

// lookup finds what name means; names are case-insensitive.
func (cfg *Config) lookup(name string) (*variable, *Prefix, string) {
	v := cfg.vars[name]
	if v == nil {
		name = strings.ToLower(name)
		v = cfg.vars[name]
	}
	if v != nil {
		return v, nil, ""
	}
	p, rest := cfg.prefix(name)
	return nil, p, rest
}

// checkVariables reports a variable that is named but defined nowhere.
func (cfg *Config) checkVariables() error {
	var first *variable
	for _, v := range cfg.vars {
		if v.Get == nil && !v.indexed && (first == nil || v.order < first.order) {
			first = v
		}
	}
	if first == nil {
		return nil
	}
	return first.used.Errorf("unknown \"%s\" variable", first.Name)
}

// evaluationLimit bounds how deep variables may refer to variables: two maps
// can be each other's source.
const evaluationLimit = 100

func (r *Request) getVar(v *variable, dst []byte) ([]byte, bool) {
	if v.index < 0 {
		return v.Get(r, dst)
	}
	slot := r.varSlot(v.index)
	if slot.state == varUnset {
		if v.Get == nil && v.unset != nil {
			v.unset(r)
			r.setVar(v, []byte{})
			return dst, true
		}
		if v.Get == nil {
			slot.state = varNone
			return dst, false
		}
		if !v.Cache {
			return r.evaluate(v, dst)
		}
		value, ok := r.evaluate(v, nil)
		slot = r.varSlot(v.index)
		slot.state, slot.value = varNone, nil
		if ok {
			slot.state, slot.value = varSet, value
		}
	}
	if slot.state == varNone {
		return dst, false
	}
	return append(dst, slot.value...), true
}

// evaluate calls the getter of a variable that may refer to others.
func (r *Request) evaluate(v *variable, dst []byte) ([]byte, bool) {
	if r.evaluating == evaluationLimit {
		r.Errorf(LevelError, "cycle while evaluating variable \"%s\"", v.Name)
		return dst, false
	}
	r.evaluating++
	dst, ok := v.Get(r, dst)
	r.evaluating--
	return dst, ok
}

// setVar keeps value, which the caller does not change afterwards. A nil
// value unsets.
func (r *Request) setVar(v *variable, value []byte) {
	slot := r.varSlot(v.index)
	slot.state, slot.value = varSet, value
	if value == nil {
		slot.state = varNone
	}
}

func (r *Request) varSlot(i int) *varValue {
	if len(*r.vars) <= i {
		*r.vars = append(*r.vars, make([]varValue, r.Config.indexed-len(*r.vars))...)
	}
	return &(*r.vars)[i]
}

// Variable appends the value of $name, looked up at run time. ok is false for
// an unknown variable and for one that has no value.
func (r *Request) Variable(name string, dst []byte) (value []byte, ok bool) {
	if len(name) > 0 && name[0] >= '1' && name[0] <= '9' {
		n := 0
		for i := 0; i < len(name); i++ {
			if name[i] < '0' || name[i] > '9' || n > 1000 {
				return dst, false
			}
			n = n*10 + int(name[i]-'0')
		}
		return r.Capture(n, dst)
	}
	v, p, rest := r.Config.lookup(name)
	switch {
	case p != nil:
		return p.Get(r, rest, dst)
	case v == nil:
		return dst, false
	}
	return r.getVar(v, dst)
}

// Errors of SetVariable; OpenResty's words.
type VariableError struct{ Text string }

func (e *VariableError) Error() string { return e.Text }

// SetVariable assigns $name at run time; nil unsets it. value is copied.
func (r *Request) SetVariable(name string, value []byte) error {
	v, p, rest := r.Config.lookup(name)
	value = bytes.Clone(value)
	switch {
	case p != nil && p.Set != nil:
		p.Set(r, rest, value)
	case v == nil: // or of a family that has no setter
		return &VariableError{fmt.Sprintf("variable \"%s\" not found for writing; maybe it is a built-in variable that is not changeable or you forgot to use \"set $%s '';\" in the config file to define it first", name, name)}
	case v.Set != nil:
		v.Set(r, value)
	case v.indexed:
		r.setVar(v, value)
	default:
		return &VariableError{fmt.Sprintf("variable \"%s\" not changeable", name)}
	}
	return nil
}

// Capture appends the n-th group of the last regular expression that matched
// for the request: $1, $2, ….
func (r *Request) Capture(n int, dst []byte) ([]byte, bool) {
	if 2*n+1 >= len(r.captures) || r.captures[2*n] < 0 {
		return dst, false
	}
	return append(dst, r.captured[r.captures[2*n]:r.captures[2*n+1]]...), true
}

// SetCaptures remembers the groups of a match for $1 and the like. Both are
// kept: subject must not change while the request lives.
func (r *Request) SetCaptures(subject []byte, groups []int) {
	r.captured, r.captures = subject, groups
}
