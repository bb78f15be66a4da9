package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd"
	"github.com/luahttpd/luahttpd/lua/vm"
)

//go:embed scripts
var scripts embed.FS

// command is a script that is run once: as the answer to the one request of a
// server around it, so that it has the whole API.
type command struct {
	main, http  strings.Builder // pieces of the configuration
	path        []string        // searched by require first
	level       string          // of the error log
	connections int
	servers     []string // that answer for DNS
	code        []string // of -e
	libraries   []string // required first
	name        string   // arg[0]
	args        []string
	status      chan int // what the script ended the process with
	// entry makes the function that the request runs.
	entry func(c *command, t *vm.Thread, host *vm.Table) vm.Value
}

func newCommand(entry func(c *command, t *vm.Thread, host *vm.Table) vm.Value) *command {
	return &command{level: "warn", connections: 1024, status: make(chan int, 1), entry: entry}
}

const runUsage = `Usage: luahttpd run [options] [FILE.lua [arguments]]

Runs a Lua script with the ngx API of a request. What it says goes to the terminal.

  -e CODE             : run this first; may be given more than once
  -I DIR              : add a directory to those that require searches
  -l NAME             : require a module first
  -c NUMBER           : how many connections there may be (default: 1024)
  --shdict 'NAME SIZE': make a shared dictionary
  --ns ADDRESS        : use this DNS server; may be given more than once
  --errlog-level LEVEL: what is logged to the terminal (default: warn)
  --http-conf TEXT    : add to the http block;  --http-include FILE
  --main-conf TEXT    : add to the main block;  --main-include FILE
  FILE.lua            : "-" is the standard input
`

const testUsage = `Usage: luahttpd test [options] [FILES]

Runs tests in busted's style (describe, it, before_each, assert) with servers to ask: server{ conf = "nginx.conf" }
and server{ content = [[ ngx.say("hi") ]] } have get, post and request. A directory stands for the *_spec.lua in it
and below; the default is spec.

  --filter PATTERN    : only tests whose name, with those around it, matches
  -I, -l, -c, --shdict, --ns, --errlog-level, --http-conf, --main-conf: as those of luahttpd run
`

// errUsage and errVersion: the help or the version was asked for.
var errUsage, errVersion = errors.New("help"), errors.New("version")

// parsed handles what parse returns when there is nothing to run; done: so.
func parsed(err error, usage string) (status int, done bool) {
	switch {
	case err == nil:
		return 0, false
	case errors.Is(err, errUsage):
		fmt.Print(usage)
	case errors.Is(err, errVersion):
		fmt.Println("luahttpd", luahttpd.Version)
	default:
		return complain(err), true
	}
	return 0, true
}

// complain says why a command does not run. What is wrong with a piece of the
// configuration has no place in a file.
func complain(err error) int {
	fmt.Fprintln(os.Stderr, "luahttpd:", madePlace.ReplaceAllString(err.Error(), ""))
	return 1
}

// madePlace is a place in the configuration that is made around a command.
var madePlace = regexp.MustCompile(` in \S*/nginx\.conf:\d+`)

// parse reads options up to the first argument without a dash. more may take
// one that is not known here.
func (c *command) parse(args []string, more func(name, value string) bool) (rest []string, err error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		name, value, joined := strings.Cut(args[0], "=")
		if !strings.HasPrefix(name, "--") { // a short one may have its value behind it
			name, value, joined = args[0], "", false
			if len(name) > 2 {
				name, value, joined = name[:2], args[0][2:], true
			}
		}
		args = args[1:]
		switch name {
		case "-h", "--help":
			return nil, errUsage
		case "-v", "-V", "--version":
			return nil, errVersion
		case "--resolve-ipv6": // it is always done
			continue
		case "--":
			return args, nil
		}
		if !joined {
			if len(args) == 0 {
				return nil, fmt.Errorf("option \"%s\" requires a value", name)
			}
			value, args = args[0], args[1:]
		}
		known, err := c.option(name, value)
		if err != nil {
			return nil, fmt.Errorf("invalid value \"%s\" of option \"%s\": %v", value, name, err)
		}
		if !known && !more(name, value) {
			return nil, fmt.Errorf("invalid option: \"%s\" (-h lists them)", name)
		}
	}
	return args, nil
}

// option takes an option that all commands have.
func (c *command) option(name, value string) (known bool, err error) {
	switch name {
	case "-I":
		c.path = append(c.path, value)
	case "-l":
		c.libraries = append(c.libraries, value)
	case "-c":
		if c.connections, err = strconv.Atoi(value); err != nil || c.connections <= 0 {
			return true, errors.New("a number is wanted")
		}
	case "--shdict":
		if len(strings.Fields(value)) != 2 {
			return true, errors.New("a name and a size are wanted")
		}
		fmt.Fprintf(&c.http, "lua_shared_dict %s;\n", value)
	case "--ns":
		c.servers = append(c.servers, value)
	case "--errlog-level":
		c.level = value
	case "--http-conf":
		c.http.WriteString(value + "\n")
	case "--http-include":
		fmt.Fprintf(&c.http, "include %s;\n", absolute(value))
	case "--main-conf":
		c.main.WriteString(value + "\n")
	case "--main-include":
		fmt.Fprintf(&c.main, "include %s;\n", absolute(value))
	default:
		return false, nil
	}
	return true, nil
}

// absolute is a file of the command line as an argument in the configuration.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return quote(path)
}

// runOnce is luahttpd run.
func runOnce(args []string) int {
	c := newCommand((*command).script)
	rest, err := c.parse(args, func(name, value string) bool {
		if name == "-e" {
			c.code = append(c.code, value)
		}
		return name == "-e"
	})
	if status, done := parsed(err, runUsage); done {
		return status
	}
	if len(rest) == 0 && len(c.code) == 0 {
		return complain(errors.New("run takes a Lua file, or -e and a line of Lua (-h: help)"))
	}
	if c.args = rest; len(c.code) == 0 {
		c.name, c.args = rest[0], rest[1:]
		if c.name != "-" {
			if _, err := os.Stat(c.name); err != nil {
				return complain(err)
			}
		}
	}
	return c.run()
}

// script makes the function that runs the code of the command line and then
// the file.
func (c *command) script(t *vm.Thread, host *vm.Table) vm.Value {
	run := load(t, "run.lua", host)
	return t.VM().NewFunc("command", func(t *vm.Thread) int {
		c.require(t)
		for _, code := range c.code {
			t.CallRaw(run, vm.String("=(command line -e)"), vm.String(code))
		}
		switch c.name {
		case "":
		case "-":
			code, err := io.ReadAll(os.Stdin)
			if err != nil {
				t.Errorf("%s", err.Error())
			}
			t.CallRaw(run, vm.String("=stdin"), vm.Bytes(code))
		default:
			t.CallRaw(run, vm.String(c.name))
		}
		t.CallRaw(global(t, "os", "exit"))
		return 0
	})
}

func (c *command) require(t *vm.Thread) {
	for _, name := range c.libraries {
		t.CallRaw(t.VM().Globals().GetStr("require"), vm.String(name))
	}
}

func global(t *vm.Thread, table, name string) vm.Value {
	return t.VM().Globals().GetStr(table).Table().GetStr(name)
}

// load runs one of the scripts that are compiled in, with host as its argument.
func load(t *vm.Thread, name string, host *vm.Table) vm.Value {
	src, err := scripts.ReadFile("scripts/" + name)
	if err != nil {
		panic(err) // it is compiled in
	}
	p, err := vm.Compile(src, "=luahttpd/"+name)
	if err != nil {
		panic(err)
	}
	return t.Call1(t.VM().Load(p), host.Value())
}

// module is what the request requires: the function that runs the command.
func (c *command) module(t *vm.Thread) vm.Value {
	m := t.VM()
	host := m.NewTable(0, 8)
	host.SetStr("exit", m.NewFunc("exit", func(t *vm.Thread) int {
		select {
		case c.status <- t.OptInt(1, 0) & 255:
		default: // it ends already
		}
		return 0
	}))
	arg := m.NewTable(len(c.args), 1)
	arg.SetInt(0, vm.String(c.name))
	for i, a := range c.args {
		arg.SetInt(i+1, vm.String(a))
	}
	m.Globals().SetStr("arg", arg.Value())
	return c.entry(c, t, host)
}

// run starts the server, makes the request and returns the process's status.
func (c *command) run() int {
	dir, err := os.MkdirTemp("", "luahttpd-")
	if err != nil {
		return complain(err)
	}
	defer os.RemoveAll(dir)
	wd, err := os.Getwd()
	if err != nil {
		return complain(err)
	}
	if len(c.servers) > 0 {
		fmt.Fprintf(&c.http, "resolver %s;\n", strings.Join(c.servers, " "))
	}
	path := ""
	for _, dir := range append(c.path, wd) {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		path += dir + "/?.lua;" + dir + "/?/init.lua;"
	}
	socket := filepath.Join(dir, "run.sock")
	config := strings.NewReplacer("@MAIN@", c.main.String(), "@HTTP@", c.http.String(), "@LEVEL@", c.level, "@PATH@", quoteInside(strings.TrimSuffix(path, ";")+";"),
		"@CONNECTIONS@", strconv.Itoa(c.connections), "@SOCKET@", quote("unix:"+socket)).Replace(mustRead("site/run.conf"))
	srv, err := luahttpd.Parse(strings.NewReader(config), luahttpd.WithPrefix(wd), luahttpd.WithLuaModule("luahttpd.command", c.module))
	if err != nil {
		return complain(err)
	}
	if err := srv.Start(); err != nil {
		return complain(err)
	}
	answered := make(chan error, 1)
	go func() { answered <- ask(socket) }()
	select {
	case status := <-c.status:
		return status
	case err = <-answered:
	}
	select {
	case status := <-c.status:
		return status
	default:
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "luahttpd:", err)
		return 1
	}
	return 0
}

// ask makes the request that runs the script.
func ask(socket string) error {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}
	resp, err := client.Get("http://localhost/")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return fmt.Errorf("the script ended with status %s", resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
