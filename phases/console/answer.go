package console

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/luahttpd/luahttpd/actor/mailbox"
)

// answer is what a command gives: a table, a text, or both. What is in it may come from anybody:
// names, commands and addresses of actors, targets of requests.
type answer struct {
	columns []string
	rows    [][]any
	long    bool   // some cells have several lines: as text, each row is a block
	body    string // behind the table
	failed  bool
}

func failure(format string, a ...any) *answer {
	return &answer{body: fmt.Sprintf(format, a...), failed: true}
}

func table(columns ...string) *answer { return &answer{columns: columns} }

func (a *answer) add(cells ...any) { a.rows = append(a.rows, cells) }

// cell is a value of a table as text.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		if v == "" {
			return "-"
		}
		return v
	case float64:
		return fmt.Sprintf("%.3f", v)
	}
	return fmt.Sprint(v)
}

// clean makes a text harmless for a terminal: of what cannot be printed only line ends and tabs
// stay, and these only when lines is set.
func clean(text string, lines bool) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case lines && (c == '\n' || c == '\t'), unicode.IsPrint(c):
			b.WriteRune(c)
		case c < 0x100:
			fmt.Fprintf(&b, "\\x%02x", c)
		default:
			fmt.Fprintf(&b, "\\u{%x}", c)
		}
	}
	return b.String()
}

// text is the answer for a terminal, ended by a line end.
func (a *answer) text() string {
	var b strings.Builder
	switch {
	case a.long:
		a.blocks(&b)
	case a.columns != nil:
		w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, strings.Join(a.columns, "\t"))
		for _, row := range a.rows {
			for i, v := range row {
				if i > 0 {
					fmt.Fprint(w, "\t")
				}
				fmt.Fprint(w, clean(cell(v), false))
			}
			fmt.Fprintln(w)
		}
		w.Flush()
	}
	b.WriteString(clean(a.body, true))
	if text := b.String(); text != "" && !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
	return b.String()
}

// blocks writes the rows one below the other, a line for each cell.
func (a *answer) blocks(b *strings.Builder) {
	for i, row := range a.rows {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j, v := range row {
			text := cell(v)
			if strings.Contains(text, "\n") || strings.Contains(text, "\t") {
				text = "\n" + text
			}
			fmt.Fprintf(b, "%s: %s\n", a.columns[j], clean(text, true))
		}
	}
}

// json is the answer for programs: {"rows": […], "text": "…", "error": "…"}, what there is of it.
func (a *answer) json() []byte {
	out := map[string]any{}
	if a.columns != nil {
		rows := make([]map[string]any, len(a.rows))
		for i, row := range a.rows {
			rows[i] = map[string]any{}
			for j, v := range row {
				rows[i][a.columns[j]] = v
			}
		}
		out["rows"] = rows
	}
	switch {
	case a.failed:
		out["error"] = a.body
	case a.body != "" || a.columns == nil:
		out["text"] = a.body
	}
	text, err := json.MarshalIndent(out, "", " ")
	if err != nil { // a number that JSON has not
		text, _ = json.Marshal(map[string]any{"text": a.text()})
	}
	return append(text, '\n')
}

// plain makes a value of an actor's answer one that JSON can write.
func plain(v any) any {
	switch v := v.(type) {
	case map[any]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			m[fmt.Sprint(plain(k))] = plain(x)
		}
		return m
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			m[k] = plain(x)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = plain(x)
		}
		return list
	case *mailbox.Actor:
		return v.String()
	case nil, bool, string, float64:
		return v
	}
	return fmt.Sprint(v)
}

// ago is how long ago something was, in seconds; nil for what is unknown.
func ago(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return max(0, time.Since(t).Seconds())
}
