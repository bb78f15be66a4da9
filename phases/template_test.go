package phases

import (
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/conf"
)

// block returns a server block that is still open, to compile templates in.
func block(t testing.TB) *Block {
	t.Helper()
	return mustCompile(t, "server { listen 127.0.0.1:1; server_name example.org; set $x value; set $unset $none; }\ndefine $none '';").Servers[0].block
}

func TestTemplate(t *testing.T) {
	b := block(t)
	r, _ := request(t, b.Config, "/some/path?a=b&c=")
	r.Run()
	r.SetCaptures([]byte("subject"), []int{0, 7, 0, 3, -1, -1, 3, 7})
	for text, want := range map[string]string{
		"": "", "text": "text", "$x": "value", "${x}y": "valuey", "$x$x": "valuevalue", "a${x}b$arg_a.c": "avaluebb.c",
		"$uri?$args": "/some/path?a=b&c=", "$ARG_A": "b", "$arg_c|$arg_none": "|", "$1-$2-$3-$4": "sub--ject-", "$1x": "subx", "${3}": "ject",
		"$host": "example.org", "$server_name": "example.org", "$remote_addr:$remote_port": "192.0.2.1:1234", "$server_addr:$server_port": "192.0.2.2:80",
		"$scheme$https": "http", "$is_args": "?", "$request": "GET /some/path?a=b&c= HTTP/1.1", "$connection": "7", "$nginx_version": "1.2.3",
	} {
		tm, err := b.Template(&conf.Stmt{}, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := tm.String(r); got != want || string(tm.Bytes(r)) != want || string(tm.Append(r, []byte("x"))) != "x"+want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		if got := tm.True(r); got != (want != "" && want != "0") {
			t.Errorf("%s is %v", text, got)
		}
		if c, ok := tm.Const(); ok != !strings.Contains(text, "$") || ok && c != text {
			t.Errorf("%s: constant %v %q", text, ok, c)
		}
	}
	for text, want := range map[string]string{
		"$": `invalid variable name "$"`, "a$ b": `invalid variable name "$"`, "${": "closing bracket", "${x": `the closing bracket in "x" variable is missing`,
		"${}": `invalid variable name "$"`, "${x y}": "closing bracket", "$$x": `invalid variable name "$"`,
	} {
		if _, err := b.Template(&conf.Stmt{}, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"$uri", "${args}x", "$1", "a$", "${", "$host$", "${1}", "$arg_x$http_x$cookie_x$sent_http_x"} {
		f.Add(s)
	}
	b := block(f)
	r, _ := request(f, b.Config, "/path?a=b")
	r.Run()
	f.Fuzz(func(t *testing.T, text string) {
		tm, err := b.Template(&conf.Stmt{}, text)
		if err != nil {
			return
		}
		if !strings.Contains(text, "$") && tm.String(r) != text {
			t.Errorf("%q is %q", text, tm.String(r))
		}
		for name, v := range b.Config.vars { // those that the text has invented
			if v.Get == nil && !v.indexed {
				delete(b.Config.vars, name)
				return
			}
		}
		if got := string(tm.Append(r, nil)); got != tm.String(r) {
			t.Errorf("%q is %q and %q", text, got, tm.String(r))
		}
	})
}

func TestVariables(t *testing.T) {
	cfg := mustCompile(t, `define $cached $arg_a; define $two $cached$cached; define $a $b; define $b $a; define $early $sent_http_x;
		server { set $sent_http_x mine; set $mine 1; set $mine $mine$mine; set $cached over; set $limit_rate 1k; set $args q=w; set $http_x mine; }`)
	r, _ := request(t, cfg, "/?a=b")
	get := func(name string) string {
		v, ok := r.Variable(name, nil)
		if !ok {
			return "none"
		}
		return string(v)
	}
	for name, want := range map[string]string{"cached": "b", "two": "bb", "mine": "none", "args": "a=b", "unknown": "none", "arg_a": "b", "0": "none", "99999": "none", "": "none", "sent_http_x": "field"} {
		r.Out.Set("X", "field")
		if got := get(name); got != want {
			t.Errorf("before: $%s is %q, want %q", name, got, want)
		}
	}
	r.Run()
	for name, want := range map[string]string{"cached": "over", "two": "bb", "mine": "11", "MINE": "11", "limit_rate": "1024", "args": "q=w", "arg_q": "w", "http_x": "mine", "early": "mine"} {
		if got := get(name); got != want {
			t.Errorf("after: $%s is %q, want %q", name, got, want)
		}
	}
	if got := get("a"); got != "" { // a circle ends
		t.Errorf("$a is %q", got)
	}
	for name, want := range map[string]string{"uri": "not changeable", "unknown": "not found for writing", "mine": "", "args": "", "arg_z": "not found for writing"} {
		err := r.SetVariable(name, []byte("set"))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("$%s: %v", name, err)
		}
	}
	if err := r.SetVariable("mine", nil); err != nil || get("mine") != "none" {
		t.Errorf("%v, $mine is %q", err, get("mine"))
	}
}

func TestVariableMistakes(t *testing.T) {
	for _, c := range []struct{ conf, want string }{
		{"server { set $x $y; }", `unknown "y" variable`},
		{"server { set $x $b; set $y $a; }", `unknown "b" variable`},
		{"server { set $uri x; }", `the duplicate "uri" variable`},
		{"define $uri x;", `the duplicate "uri" variable`},
		{"server { set $ x; }", `invalid variable name "$"`},
	} {
		for range 3 { // it is always the same one
			if _, err := compile(t, c.conf); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%s: %v, want %s", c.conf, err, c.want)
			}
		}
	}
}

// TestVariablesOfSubrequests: they are shared unless the subrequest has its own.
func TestVariablesOfSubrequests(t *testing.T) {
	cfg := mustCompile(t, "server { set $x 1; location / { answer; } }")
	r, _ := request(t, cfg, "/")
	r.Run()
	shared, se := r.NewSubrequest([]byte("/"), nil, &Subrequest{Capture: true})
	own, _ := r.NewSubrequest([]byte("/"), nil, &Subrequest{Capture: true})
	if se != nil {
		t.Fatal(se)
	}
	own.OwnVariables(true)
	for _, sub := range []*Request{own, shared} {
		if err := sub.SetVariable("x", []byte("2")); err != nil {
			t.Fatal(err)
		}
		want := map[*Request]string{own: "1", shared: "2"}[sub]
		if v, _ := r.Variable("x", nil); string(v) != want {
			t.Errorf("$x of the main request is %q, want %q", v, want)
		}
	}
}
