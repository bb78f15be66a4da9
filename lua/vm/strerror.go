package vm

import "strings"

// Strerror is the text of a system's error as strerror(3) has it and programs in Lua expect it: Go's,
// with a capital.
func Strerror(err error) string {
	text := err.Error()
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
