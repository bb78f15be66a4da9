package console

import (
	"html"
	"net/url"
	"strings"
)

const pageHead = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>debug console</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5em auto; max-width: 75em; padding: 0 1em; color: #222; background: #fff }
h1 { font-size: 1.4em } h1 a { color: inherit; text-decoration: none }
h2 { font-size: 1.15em; overflow-wrap: anywhere }
nav a { margin-right: 1em } a { color: #06c }
table { border-collapse: collapse; margin: 1em 0 }
th, td { text-align: left; vertical-align: top; padding: .2em .9em .2em 0; border-bottom: 1px solid #ddd; overflow-wrap: anywhere }
pre, textarea, input, td { font-family: ui-monospace, monospace; font-size: 13px }
pre { white-space: pre-wrap; margin: 0 } textarea { width: 100%; box-sizing: border-box }
input { width: 30em; max-width: 70% } .failed { color: #a00 } .wide { display: block; overflow-x: auto }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd } a { color: #7bf } th, td { border-color: #444 } .failed { color: #f88 } }
</style></head><body>
`

// page is an answer as a page: with home, the first one. Nothing in it runs; everything that does
// not stand here is escaped.
func page(path, line, input string, a, home *answer) []byte {
	path, line, input = valid(path), valid(line), valid(input)
	var b strings.Builder
	b.WriteString(pageHead)
	b.WriteString("<h1><a href=\"" + html.EscapeString(path) + "\">debug console</a></h1>\n<nav>")
	for _, c := range commands() {
		if !c.changes && !strings.Contains(c.args, "ADDR") || c.name == "mem" {
			b.WriteString(link(path, c.name, c.name) + "\n")
		}
	}
	b.WriteString("</nav>\n")
	if line != "" {
		b.WriteString("<h2>" + html.EscapeString(clean(line, false)) + "</h2>\n")
	}
	a.html(&b, path)
	if home != nil {
		b.WriteString("<h2>actors</h2>\n")
		home.html(&b, path)
	}
	b.WriteString("<form method=\"post\" action=\"" + html.EscapeString(path) + "\">\n<p><label>command <input name=\"cmd\" autocomplete=\"off\" value=\"" +
		html.EscapeString(line) + "\"></label> <button>run</button></p>\n<p><label>program, for inject<textarea name=\"input\" rows=\"6\" spellcheck=\"false\">\n" +
		html.EscapeString(input) + "</textarea></label></p>\n<input type=\"hidden\" name=\"format\" value=\"html\">\n</form></body></html>\n")
	return []byte(b.String())
}

func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// link leads to the answer of a command that changes nothing.
func link(path, line, text string) string {
	return "<a href=\"" + html.EscapeString(path+"?cmd="+url.QueryEscape(line)) + "\">" + html.EscapeString(clean(text, false)) + "</a>"
}

func (a *answer) html(b *strings.Builder, path string) {
	if a.columns != nil {
		b.WriteString("<div class=\"wide\"><table><tr>")
		for _, c := range a.columns {
			b.WriteString("<th>" + html.EscapeString(c) + "</th>")
		}
		b.WriteString("</tr>\n")
		for _, row := range a.rows {
			b.WriteString("<tr>")
			for i, v := range row {
				text := cell(v)
				switch {
				case a.columns[i] == "address" && text != "-":
					b.WriteString("<td>" + link(path, "task "+text, text) + "</td>")
				case strings.ContainsAny(text, "\n\t"):
					b.WriteString("<td><pre>" + html.EscapeString(clean(text, true)) + "</pre></td>")
				default:
					b.WriteString("<td>" + html.EscapeString(clean(text, false)) + "</td>")
				}
			}
			b.WriteString("</tr>\n")
		}
		b.WriteString("</table></div>\n")
		if len(a.rows) == 0 {
			b.WriteString("<p>none</p>\n")
		}
	}
	if a.body != "" {
		class := ""
		if a.failed {
			class = " class=\"failed\""
		}
		b.WriteString("<pre" + class + ">" + html.EscapeString(clean(a.body, true)) + "</pre>\n")
	}
}
