package conf

import "bytes"

// luaSuffix marks the directives whose block is a body of Lua.
const luaSuffix = "_by_lua_block"

// luaBody stands behind the { of a Lua block and reads up to the } that closes
// it. Braces in strings, long brackets and comments do not count. It needs no
// more of Lua than where those end: whether the code is right is found out when
// it is loaded. A quote that is not closed on its line is no string.
func (lx *lexer) luaBody() (string, error) {
	begin, level := lx.pos, 1
	opened := lx.line          // of the last {: where nginx says that a body ends too early
	var unclosed ['\'' + 1]int // by the quote: no string begins before this offset
	for lx.pos < len(lx.src) {
		rest := lx.src[lx.pos:]
		token := 0
		switch c := rest[0]; c {
		case '\n':
			lx.line++
		case '{':
			level++
			opened = lx.line
		case '}':
			if level--; level == 0 {
				body := string(lx.src[begin:lx.pos])
				lx.pos++
				return body, nil
			}
		case '"', '\'':
			if lx.pos < unclosed[c] {
				break // else a line of \" takes quadratic time
			}
			n, closed := luaString(rest)
			if closed {
				token = n
			} else {
				unclosed[c] = lx.pos + n
			}
		case '-':
			token = luaComment(rest)
		case '[':
			token = luaBracket(rest)
		}
		switch {
		case token < 0:
			return "", lx.missingBracket(rest)
		case token == 0:
			lx.pos++
		default:
			lx.pos += token
			lx.line += bytes.Count(rest[:token], []byte{'\n'})
		}
	}
	return "", lx.errorAt(opened, "unexpected end of file, expecting terminating characters for lua code block")
}

func (lx *lexer) missingBracket(rest []byte) error {
	rest = rest[bytes.IndexByte(rest, '['):]
	equals := rest[1 : 1+bytes.IndexByte(rest[1:], '[')]
	return lx.errorf("Lua code block missing the closing long bracket \"]%s]\", the inlined Lua code may be too long", equals)
}

// luaString is the length of the short string that s begins with, or of what
// was looked at when it is not closed.
func luaString(s []byte) (n int, closed bool) {
	i := 1
	for ; i < len(s); i++ {
		switch s[i] {
		case s[0]:
			return i + 1, true
		case '\n':
			return i, false
		case '\\':
			i++
			if i < len(s) && s[i] == 'z' { // skips white space, line ends too
				for i+1 < len(s) && (isSpace(s[i+1]) || s[i+1] == '\v' || s[i+1] == '\f') {
					i++
				}
			} else if i+1 < len(s) && s[i] == '\r' && s[i+1] == '\n' {
				i++
			}
		}
	}
	return i, false
}

// luaComment is the length of the comment that s begins with, without the line
// end; 0 when there is none, negative when a long one is not closed.
func luaComment(s []byte) int {
	if len(s) < 2 || s[1] != '-' {
		return 0
	}
	if len(s) > 2 && s[2] == '[' {
		if n := luaBracket(s[2:]); n < 0 {
			return n
		} else if n > 0 {
			return n + 2
		}
	}
	if n := bytes.IndexByte(s, '\n'); n >= 0 {
		return n
	}
	return len(s)
}

// luaBracket is the length of the long bracket [=*[ … ]=*] that s begins with;
// 0 when it begins with another [, negative when there is no end.
func luaBracket(s []byte) int {
	open := 1
	for open < len(s) && s[open] == '=' {
		open++
	}
	if open >= len(s) || s[open] != '[' {
		return 0
	}
	end := bytes.Clone(s[:open+1])
	end[0], end[open] = ']', ']'
	n := bytes.Index(s[open+1:], end)
	if n < 0 {
		return -1
	}
	return open + 1 + n + len(end)
}
