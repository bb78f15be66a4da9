package luahttpd

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// consoleServer runs a configuration with a console's socket in dir.
func consoleServer(t *testing.T, dir string) *testServer {
	t.Helper()
	script := `local n = 0 require("actor").on { call = { add = function(k) n = n + k return n end } }`
	if err := os.WriteFile(filepath.Join(dir, "counter.lua"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	return startServer(t, `worker_processes 2; events {} debug_console unix:console.sock;
		http { actor counter counter.lua survive=on; server { listen 127.0.0.1:0; } }`, dir)
}

func dialConsole(t *testing.T, dir string) (*net.UnixConn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("unix", filepath.Join(dir, "console.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c.(*net.UnixConn), bufio.NewReader(c)
}

// consoleCommand gives one command to the console and returns its answer, the last line included.
func consoleCommand(t *testing.T, c net.Conn, in *bufio.Reader, text string) string {
	t.Helper()
	fmt.Fprint(c, text)
	answer := ""
	for !strings.HasPrefix(answer[strings.LastIndexByte(strings.TrimSuffix(answer, "\n"), '\n')+1:], "<CMD ") {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("%q: %v after %q", text, err, answer)
		}
		answer += line
	}
	return answer
}

func TestConsoleSocket(t *testing.T) {
	dir := t.TempDir()
	s := consoleServer(t, dir)
	st, err := os.Stat(filepath.Join(dir, "console.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o600 {
		t.Errorf("the socket is for %v", st.Mode())
	}
	c, in := dialConsole(t, dir)
	for _, x := range []struct{ send, want string }{
		{"call counter add 2\n", "2\n<CMD OK>\n"},
		{"call counter add {\"x\n", "<CMD Error>"},
		{"\r\n inject counter \r\nprint(1)\r\nprint(2)\n.\n", "1\n2\n<CMD OK>\n"},
		{"inject nobody\nprint(1)\n.\n", "there is no actor \"nobody\"\n<CMD Error>\n"},
		{"inject counter\n.\n", "a program expected\n<CMD Error>\n"},
		{"kill\n", "an address or a name of an actor expected\n<CMD Error>\n"},
		{"kill http.0\n", "cannot be killed"},
		{"mqlen 1e9\n", "a number of seconds expected, up to 10\n<CMD Error>\n"},
		{"nothing\n", "Invalid command \"nothing\", type help for command list\n<CMD Error>\n"},
		{"list\n", "counter"},
		{"netstat\n", "coroutines"},
		{"mem counter\n", "counter"},
		{"task http.1\n", "<CMD OK>\n"},
	} {
		if got := consoleCommand(t, c, in, x.send); !strings.Contains(got, x.want) {
			t.Errorf("%q: %q, want %q", x.send, got, x.want)
		}
	}
	// A program may end with the client's sending.
	one, rest := dialConsole(t, dir)
	fmt.Fprint(one, "inject counter\nprint 'last'")
	one.CloseWrite()
	if text, err := rest.ReadString(0); text != "last\n<CMD OK>\n" {
		t.Errorf("%q %v", text, err)
	}
	// A reload, good or bad, leaves the connection and what it sees.
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := consoleCommand(t, c, in, "call counter add 1\n"); got != "3\n<CMD OK>\n" {
		t.Errorf("after a reload: %q", got)
	}
	if _, err := net.Dial("unix", filepath.Join(dir, "console.sock")); err != nil {
		t.Error(err)
	}
	if got := consoleCommand(t, c, in, "kill counter enough\n"); !strings.HasSuffix(got, "is told to end\n<CMD OK>\n") {
		t.Errorf("%q", got)
	}
}

// What a client of the socket may not do.
func TestConsoleLimits(t *testing.T) {
	dir := t.TempDir()
	consoleServer(t, dir)
	c, _ := dialConsole(t, dir)
	go c.Write([]byte(strings.Repeat("x", 80<<10))) // no line of 64 KB
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes for a line without an end", n)
	}
	c, _ = dialConsole(t, dir)
	go c.Write([]byte("inject counter\n" + strings.Repeat("-- 1234567890\n", 90000)))
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes for an endless program", n)
	}
	var all []net.Conn
	for range 16 {
		c, in := dialConsole(t, dir)
		consoleCommand(t, c, in, "help\n")
		all = append(all, c)
	}
	c, _ = dialConsole(t, dir)
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes for one client too many", n)
	}
	for _, c := range all {
		c.Close()
	}
}

func TestConsoleErrors(t *testing.T) {
	for text, want := range map[string]string{
		`debug_console;`:                                    `"debug_console" needs "unix:path" here`,
		`debug_console /x;`:                                 `"debug_console" needs "unix:path" here`,
		`http { server { debug_console; } }`:                `"debug_console" directive is not allowed here`,
		`http { server { location / { debug_console x; } }`: `invalid parameter "x"`,
	} {
		if strings.Count(text, "{") > strings.Count(text, "}") {
			text += "}"
		}
		_, err := Parse(strings.NewReader("events {} " + text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "taken"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := Parse(strings.NewReader("events {} debug_console unix:taken; http { server { listen 127.0.0.1:0; } }"), WithPrefix(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err == nil || !strings.Contains(err.Error(), "debug_console: bind() to unix:"+dir+"/taken failed (98: Address already in use)") {
		t.Error(err)
	}
}
