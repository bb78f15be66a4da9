package lua

import "testing"

// A server that was started without an environment finds programs where execvp does.
func TestCommandWithoutPath(t *testing.T) {
	t.Setenv("PATH", "")
	for name, want := range map[string]string{"sh": "/bin/sh", "/usr/bin/env": "/usr/bin/env"} {
		if c := command([]string{name, "x"}); c.Path != want || c.Err != nil || c.Args[0] != name {
			t.Errorf("%s: %s, %v, %q", name, c.Path, c.Err, c.Args)
		}
	}
	if c := command([]string{"no such program"}); c.Err == nil {
		t.Error("a program that is not there")
	}
}
