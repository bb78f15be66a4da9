package conf

import (
	"strings"
	"testing"
)

// Each body must end where it ends here, and x be the next statement.
func TestLuaBody(t *testing.T) {
	for _, body := range []string{
		"", " ", "a", " return {} ", " { { } {} } ",
		` a = "}" b = '}' `, ` a = "\"}" `, ` a = '\'}' `, ` a = "\\" b = {} `,
		` a = "'}" b = '"}' `,
		` a = "{" `, ` a = '{' `,
		" a = \"b\\\n}\" ", " a = \"b\\\r\n}\" ", " a = \"b\\z \n\n }\" ",
		" a = \"b\n c = {} ", " it's\n ", " -- it's \"\n ",
		" a = [[}]] ", " a = [[ { ]] ", " a = [==[ ]] ]=] } ]==] ", " a = [=[ ]]=] ", ` a = [[ \]] `, " a = [[\"]] ", " a = [[--]] ",
		" a = b[c[1]] ", " a = b[1] -- [[ }\n ", " a = [=x \n ", " a = [ [=[}]=] ] ",
		" -- }\n ", " --}\n ", " --[[ } \n } ]] ", " --[==[ ]] } ]==] ", " ---[[ }\n ", " --[=  }\n ", " -- [[ }\n ", " --[[ \" ]] ", " --[[ ' ]] ",
		" a = 1 - - 1 ", " a = 1-1 ", " \"--[[ }\" ", " a = '--' ",
		"\r\n a = 1 -- }\r\n", "\n\n", " # {} ", " ; $x ",
		" goto x ::x:: ", " a = \"\xff\x00}\" ",
	} {
		f, err := Parse("n.conf", []byte("h { y_by_lua_block $z {"+body+"} x; }"), Options{})
		if err != nil {
			t.Errorf("%q: %v", body, err)
			continue
		}
		if got, want := show(f.Stmts), "h{y_by_lua_block|$z{="+body+"=} x}"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLuaNames(t *testing.T) {
	for src, isLua := range map[string]bool{
		"content_by_lua_block {}":     true,
		`"content_by_lua_block" {}`:   true,
		"content_by_lua_block;":       false,
		"content_by_lua_file a;":      false,
		"content_by_lua_blocks {}":    false,
		"location /a_by_lua_block {}": false,
	} {
		f, err := Parse("n.conf", []byte(src), Options{})
		if err != nil {
			t.Errorf("%s: %v", src, err)
		} else if f.Stmts[0].IsLua != isLua {
			t.Errorf("%s: IsLua is %v", src, !isLua)
		}
	}
}

// Every quote here could begin a string and none does; the test is that it ends.
func TestLuaQuotesTakeLinearTime(t *testing.T) {
	body := strings.Repeat("\\\"\\'", 1<<20)
	f, err := Parse("n.conf", []byte("y_by_lua_block {"+body+"\n} x;"), Options{})
	if err != nil || f.Stmts[0].Lua != body+"\n" {
		t.Error(err)
	}
}
