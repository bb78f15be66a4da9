//go:build luafast

package vm

// checked: see safe.go.
const checked = false
