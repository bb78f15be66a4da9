package conf

import (
	"bytes"
	"strings"
)

// Format prints statements, one a line, blocks indented by four spaces. What
// it prints parses to the same statements, positions aside; bodies of Lua are
// verbatim. Arguments are in quotes if they were, or if they must be.
func Format(stmts []*Stmt) []byte {
	var out bytes.Buffer
	format(&out, stmts, 0)
	return out.Bytes()
}

func format(out *bytes.Buffer, stmts []*Stmt, depth int) {
	indent := strings.Repeat("    ", depth)
	for _, s := range stmts {
		out.WriteString(indent)
		out.WriteString(quote(s.Name, false))
		for i, arg := range s.Args {
			out.WriteByte(' ')
			out.WriteString(quote(arg, i < len(s.Quoted) && s.Quoted[i]))
		}
		switch {
		case s.IsLua:
			out.WriteString(" {" + s.Lua + "}\n")
		case s.HasBlock && len(s.Block) == 0:
			out.WriteString(" {}\n")
		case s.HasBlock:
			out.WriteString(" {\n")
			format(out, s.Block, depth+1)
			out.WriteString(indent + "}\n")
		default:
			out.WriteString(";\n")
		}
	}
}

// quote is the token whose value is text, in quotes only when asked or needed.
func quote(text string, quoted bool) string {
	if plain := escape(text, 0); !quoted && isPlain(plain, text) {
		return plain
	}
	mark := byte('"')
	if strings.Contains(text, `"`) && !strings.Contains(text, "'") {
		mark = '\''
	}
	return string(mark) + escape(text, mark) + string(mark)
}

// escape writes text so that it can stand between two marks, or, for the mark
// 0, out of quotes if it can at all. A backslash is doubled only where it would
// be read as an escape: regular expressions stay legible.
func escape(text string, mark byte) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && (i+1 == len(text) || takesBackslash(text[i+1], mark)):
			out.WriteString(`\\`)
		case c == '\\':
			out.WriteString(text[i : i+2])
			i++
		case mark != 0 && c == mark, mark == 0 && i == 0 && (c == '"' || c == '\''):
			out.WriteByte('\\')
			out.WriteByte(c)
		case mark == 0 && c == '\t':
			out.WriteString(`\t`)
		case mark == 0 && c == '\r':
			out.WriteString(`\r`)
		case mark == 0 && c == '\n':
			out.WriteString(`\n`)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// takesBackslash says whether c, written as escape does it, would make an
// escape of a backslash before it.
func takesBackslash(c, mark byte) bool {
	_, ok := escaped(c)
	return ok || mark == 0 && c != ' ' && isSpace(c)
}

// isPlain says whether token, out of quotes, is one word with that value.
func isPlain(token, text string) bool {
	words, _, end, err := newLexer("", []byte(token+";")).words()
	return err == nil && end == atEnd && len(words) == 1 && words[0] == word{text: text}
}
