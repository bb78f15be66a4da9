// Package luatest runs scripts for the tests of modules that are written in Go.
package luatest

import (
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// Run runs a script on a thread. It gives the results as tostring writes them,
// joined by blanks, or the message of the error.
func Run(t testing.TB, th *vm.Thread, script string) string {
	t.Helper()
	p, err := vm.Compile([]byte(script), "=t")
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	r, err := th.Call(th.VM().Load(p))
	if err != nil {
		return err.Error()
	}
	var b []string
	for _, v := range append([]vm.Value(nil), r...) {
		b = append(b, th.ToString(v))
	}
	return strings.Join(b, " ")
}
