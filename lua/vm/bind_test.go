package vm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	. "github.com/luahttpd/luahttpd/lua/vm"
)

type base struct{ ID int }

func (b base) Double() int { return b.ID * 2 }

type address struct{ City string }

// person has one of everything.
type person struct {
	base
	Name    string
	Nick    string `luar:"alias"`
	Secret  string `luar:"-"`
	private int
	Home    address
	Tags    []string
	Scores  map[string]int
	Friend  *person
	Any     any
	Grid    [2]int
	Lines   chan int
	Raw     Value
}

func (p *person) Rename(s string) string { old := p.Name; p.Name = s; return old }
func (p person) Hello(w string) string   { return w + " " + p.Name }
func (p *person) Sum(n ...int) (s int) {
	for _, i := range n {
		s += i
	}
	return s
}
func (p *person) Two() (int, error)             { return 1, errors.New("second") }
func (p *person) Map(f func(int) string) string { return f(1) + f(2) }
func (p *person) Panic()                        { panic("broken") }
func (p *person) Bare(t *Thread) int            { t.PushString(p.Name); t.PushInt(t.NArg()); return 2 }
func (p *person) Keep(f func() int)             { kept = f }
func (p *person) Take(m map[string][]int) int   { return len(m["a"]) }
func (p *person) TakeAny(v any) string          { return fmt.Sprintf("%T", v) }
func (p *person) TakePerson(q person) string    { return q.Name + q.Home.City }
func (p *person) TakePointer(q *person) string {
	if q == nil {
		return "nil"
	}
	return q.Name
}
func (p *person) TakeBytes(b []byte) int { return len(b) }
func (p *person) Gives() any             { return []any{1, "x", nil} }
func (p *person) Loose(v any) any        { return v.(func(...any) []any)(1, "a")[0] }

type names []string

func (n names) First() string  { return n[0] }
func (n names) String() string { return strings.Join(n, "+") }

var kept func() int

func TestBind(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"fields", "return p.Name, p.name, p.Home.City, p.home.city", "Ann Ann Rome Rome"},
		{"tags of fields", "return p.alias, p.Nick, p.Secret, p.private", "A nil nil nil"},
		{"fields of embedded structs", "return p.ID, p:Double()", "7 14"},
		{"assignment", "p.Name = 'Bob' p.Home.City = 'Bonn' p.Friend = {Name = 'Eve', Tags = {'a'}} return p:Hello('hi'), p.Home.City, p.Friend.Tags[1]", "hi Bob Bonn a"},
		{"assignment of nil", "p.Tags = nil return p.Tags, p.Friend", "nil nil"},
		{"methods", "return p:Rename('X'), p.Name, p:rename('Y')", "Ann X X"},
		{"variadic", "return p:Sum(), p:Sum(1), p:Sum(1, 2, 3)", "0 1 6"},
		{"results that are errors", "local a, e = p:Two() return a, tostring(e), e:Error()", "1 second second"},
		{"callbacks", "return p:Map(function(i) return i .. ';' end)", "1;2;"},
		{"callbacks with any", "return p:Loose(function(n, s) return n .. s end)", "1a"},
		{"errors of callbacks", "return pcall(p.Map, p, function() error('inner', 0) end)", "false inner"},
		{"results of callbacks", "return pcall(p.Map, p, function() end)", "false expecting 1 return values, got 0"},
		{"the thread itself", "return p:Bare(1, 2)", "Ann 3"},
		{"tables become maps", "return p:Take({a = {1, 2, 3}})", "3"},
		{"tables become structs", "return p:TakePerson({name = 'N', Home = {City = 'C'}})", "NC"},
		{"tables become pointers", "return p:TakePointer({name = 'N'}), p:TakePointer(nil), p:TakePointer(p)", "N nil Ann"},
		{"strings become bytes", "return p:TakeBytes('abc')", "3"},
		{"any", "return p:TakeAny(1), p:TakeAny('x'), p:TakeAny({}), p:TakeAny(p), p:TakeAny(true)", "float64 string map[interface {}]interface {} *vm_test.person bool"},
		{"slices", "local s = '' for i, v in p.Tags() do s = s .. i .. v end return #p.Tags, p.Tags[2], s", "2 y 1x2y"},
		{"slices are shared", "p.Tags[1] = 'z' return p.Tags[1]", "z"},
		{"append", "p.Tags = p.Tags + 'w' return #p.Tags, p.Tags[3]", "3 w"},
		{"methods of slices", "return ns:First(), ns:first(), tostring(ns), ns[2]", "a a a+b b"},
		{"arrays", "p.Grid[2] = 5 return p.Grid[2], #p.Grid", "5 2"},
		{"maps", "p.Scores.b = 2 p.Scores.a = nil local s = '' for k, v in p.Scores() do s = s .. k .. v end return #p.Scores, p.Scores.b, p.Scores.x, s", "1 2 nil b2"},
		{"channels", "local c = Chan(2) c(5) c(6) local n, v, ok = #c, c() local _ = -c c() local e, no = c() return n, v, ok, e, no", "2 5 true nil false"},
		{"pointers", "local q = -p q = Int() local r = q ^ 9 return -q, r == q, p == p.Raw", "9 true false"},
		{"equality", "return p.Home == p.Home, p == -p, (-p).Home == (-p).Home", "true false true"},
		{"constructors", "local m, s, q = Map(), Slice(2), Person() m.x = 1 q.Name = 'Q' return m.x, #s, q:Hello('I'), Map == Map", "1 2 I Q true"},
		{"functions", "return add(1, 2)", "3"},
		{"values of any", "local v = p:Gives() return #v, v[1], v[2], v[3]", "3 1 x nil"},
		{"values of Lua", "local t = {} p.Raw = t return p.Raw == t", "true"},
		{"a kept function", "p:Keep(function() return 42 end) return callkept()", "42"},
		{"tostring", "return tostring(p), tostring(p.Home), type(p)", "userdata: *vm_test.person userdata: *vm_test.address userdata"},
		{"nil pointers inside", "return pcall(function() return none.ID end)", "false t:1: reflect: indirection through nil pointer to embedded struct field base2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := bound(t)
			defer m.Close()
			if got := run(t, m, c.src); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// BaseOf is embedded by pointer, and nil.
type base2 struct{ ID int }
type hollow struct{ *base2 }

func bound(t *testing.T) *VM {
	m := newVM()
	g := m.Globals()
	g.SetStr("p", m.Bind(&person{base: base{7}, Name: "Ann", Nick: "A", Home: address{"Rome"}, Tags: []string{"x", "y"}, Scores: map[string]int{"a": 1}}))
	g.SetStr("ns", m.Bind(names{"a", "b"}))
	g.SetStr("none", m.Bind(&hollow{}))
	g.SetStr("add", m.Bind(func(a, b int) int { return a + b }))
	g.SetStr("callkept", m.Bind(func() int { return kept() }))
	g.SetStr("recv", m.Bind((<-chan int)(make(chan int))))
	g.SetStr("send", m.Bind((chan<- int)(make(chan int))))
	for name, v := range map[string]any{"Chan": make(chan int), "Int": 0, "Map": map[string]int{}, "Slice": []int{}, "Person": person{}} {
		g.SetStr(name, m.BindType(v))
	}
	return m
}

func TestBindErrors(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"p.Nothing = 1", "unknown field Nothing"},
		{"p.Name = {}", "as type string"},
		{"p.Tags = 5", "cannot use 5 (type number) as type []string"},
		{"p.Tags[3] = 'x'", "index out of range"},
		{"return p.Tags[0]", "index out of range"},
		{"return p.Tags[{}]", "must be a number or string"},
		{"p:Hello()", "invalid number of function arguments (2 expected, got 1)"},
		{"p.Sum()", "invalid number of function arguments (1 or more expected, got 0)"},
		{"p:Hello(nil)", "bad argument #1 to 'Hello' (cannot use nil as type string)"},
		{"p:Panic()", "broken"},
		{"p:TakePerson({zzz = 1})", "has no field zzz"},
		{"local t = {} for i = 1, 300 do t = {Any = t} end p:TakePerson(t)", "nested too deeply"},
		{"p:Take({[{}] = {}})", "as type string"},
		{"(-p).Name = 'x'", "attempt to index"},
		{"recv(1)", "send to receive-only type <-chan int"},
		{"send()", "receive from send-only type chan<- int"},
		{"recv(1, 2)", "expecting 1 or 2 arguments, got 3"},
		{"Chan(-1)", "negative buffer size"},
		{"Slice(-1)", "negative length"},
		{"Slice(5, 1)", "length > capacity"},
		{"Slice(1e12)", "not enough memory"},
		{"local c = Chan() _ = -c _ = -c", "close of closed channel"},
		{"Person.x = 1", "attempt to index"},
		{"debug.getmetatable(p).__index(io.stdout, 'Name')", "bad argument #1"},
		{"debug.getmetatable(p).__index(5, 'Name')", "userdata expected"},
		{"debug.getmetatable(p).__pow(p.Tags, 1)", "expecting *vm_test.person"},
		{"debug.getmetatable(p).__index(p.Home, 'ID')", "expecting"},
		{"getmetatable(p).x = 1", "attempt to index"},
	} {
		m := bound(t)
		p, err := Compile([]byte(c.src), "=t")
		if err != nil {
			t.Fatal(err)
		}
		th := m.NewThread()
		if _, err := th.Call(m.Load(p)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.src, err, c.want)
		}
		m.Close()
	}
}

func TestInto(t *testing.T) {
	m := newVM()
	defer m.Close()
	th := m.Main()
	res, err := th.Call(loadText(t, m, "return {Name = 'N', Tags = {'a', 'b'}, Scores = {x = 1}, Grid = {1, 2}}"))
	if err != nil {
		t.Fatal(err)
	}
	var p person
	if err := th.Into(res[0], &p); err != nil || p.Name != "N" || len(p.Tags) != 2 || p.Scores["x"] != 1 || p.Grid[1] != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	var n int
	if err := th.Into(String("x"), &n); err == nil {
		t.Error("a string has become an int")
	}
}
