package conf

import (
	"slices"
	"testing"
)

func parseOne(t *testing.T, src string) *Stmt {
	t.Helper()
	f, err := Parse("n.conf", []byte(src), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Stmts[0]
}

func TestArity(t *testing.T) {
	const (
		arguments  = `invalid number of arguments in "x" directive in n.conf:1`
		luaCount   = `invalid number of arguments in "x_by_lua_block" directive in n.conf:1`
		terminated = `directive "x" is not terminated by ";" in n.conf:1`
		opening    = `directive "x" has no opening "{" in n.conf:1`
	)
	many := "x 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17;"
	for _, c := range []struct {
		arity     Arity
		src, want string
	}{
		{Exactly(0), "x;", ""},
		{Exactly(0), "x 1;", arguments},
		{Exactly(1), "x;", arguments},
		{Exactly(1), "x 1;", ""},
		{Exactly(1), "x 1 2;", arguments},
		{Exactly(1), "x 1 {}", terminated},
		{Exactly(1), "x {}", terminated},
		{Exactly(1) | Exactly(3), "x 1;", ""},
		{Exactly(1) | Exactly(3), "x 1 2;", arguments},
		{Exactly(1) | Exactly(3), "x 1 2 3;", ""},
		{Between(1, 2), "x;", arguments},
		{Between(1, 2), "x 1 2;", ""},
		{Between(1, 2), "x 1 2 3;", arguments},
		{Between(1, 2), many, arguments},
		{Between(1, 14), many, arguments},
		{Between(1, 16), many, ""},
		{AtLeast(20), many, ""},
		{AtLeast(20), "x 1 2 3;", arguments},
		{AtLeast(2), "x 1;", arguments},
		{AtLeast(2), "x 1 2;", ""},
		{AtLeast(2), many, ""},
		{AtLeast(0), many, ""},
		{Any, "x;", ""},
		{Any, many, ""},
		{Any, "x {}", terminated},
		{Flag(), "x on;", ""},
		{Flag(), "x;", arguments},
		{Block, "x {}", ""},
		{Block, "x;", opening},
		{Block, "x 1;", opening},
		{Block, "x 1 {}", arguments},
		{BlockN(1, 2), "x {}", arguments},
		{BlockN(1, 2), "x 1 2 {}", ""},
		{BlockN(1, 2), "x 1 2 3 {}", arguments},
		{LuaBlock, "x_by_lua_block {}", ""},
		{LuaBlock, "x_by_lua_block 1 {}", luaCount},
		{LuaBlockN(1, 1), "x_by_lua_block 1 {}", ""},
		{LuaBlockN(1, 1), "x_by_lua_block {}", luaCount},
		{LuaBlock, "x;", opening},
		{0, "x;", arguments},
	} {
		got := ""
		if err := c.arity.Check(parseOne(t, c.src)); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%b, %s: got %q, want %q", c.arity, c.src, got, c.want)
		}
	}
}

func TestContextString(t *testing.T) {
	for c, want := range map[Context]string{
		0:                      "",
		Main:                   "main",
		Main | Events:          "main, events",
		HTTP | Server:          "http, server",
		Anywhere:               "http, server, if in server, location, if in location",
		LimitExcept | Upstream: "limit_except, upstream",
	} {
		if got := c.String(); got != want {
			t.Errorf("%d: got %q, want %q", c, got, want)
		}
	}
}

func TestStmtErrors(t *testing.T) {
	s := parseOne(t, "\nu\n x\n{ a b;\n\n c {} }")
	for _, c := range []struct {
		err  error
		want string
	}{
		{s.Errorf("bad %d", 1), "bad 1 in n.conf:4"},
		{s.EndErrorf("no servers are inside upstream"), "no servers are inside upstream in n.conf:6"},
		{s.Duplicate(), `"u" directive is duplicate in n.conf:4`},
		{s.NotAllowed(), `"u" directive is not allowed here in n.conf:4`},
		{s.Unknown(), `unknown directive "u" in n.conf:4`},
		{s.Problem("invalid value"), `"u" directive invalid value in n.conf:4`},
		{s.Entries(), `unexpected "{" in n.conf:6`},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
	if err := parseOne(t, "types { a b c; }").Entries(); err != nil {
		t.Error(err)
	}
}

func TestListStartsAfreshInEachBlock(t *testing.T) {
	server := parseOne(t, "server { a 1; a 2; location / { a 3; a 4; } }")
	var parent List[string]
	parent.Add(server.Block[0], "1")
	parent.Add(server.Block[1], "2")
	child, sibling := parent, parent
	for _, s := range server.Block[2].Block {
		child.Add(s, s.Args[0])
	}
	sibling.Add(server.Block[1], "5")
	parent.Add(server.Block[1], "6")
	for _, c := range []struct {
		list List[string]
		want []string
	}{
		{parent, []string{"1", "2", "6"}},
		{sibling, []string{"1", "2", "5"}},
		{child, []string{"3", "4"}},
	} {
		if !slices.Equal(c.list.Items, c.want) {
			t.Errorf("got %q, want %q", c.list.Items, c.want)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"listen", "location", "proxy_pass", "proxy_method", "root", "return", "server", "server_name", "if", "content_by_lua_block"}
	for name, want := range map[string]string{
		"lisen":                "listen",
		"lsiten":               "listen",
		"Listen":               "listen",
		"proxy_pas":            "proxy_pass",
		"proxypass":            "proxy_pass",
		"servername":           "server_name",
		"content_by_luablock":  "content_by_lua_block",
		"contents_by_lua_blok": "content_by_lua_block",
		"rot":                  "root",
		"of":                   "",
		"frobnicate":           "",
		"":                     "",
		"server":               "server",
	} {
		if got := Suggest(name, slices.Values(known)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
