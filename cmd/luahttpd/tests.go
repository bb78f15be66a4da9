package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// tests are the servers that test files have started.
type tests struct {
	files   []string
	filter  string
	dir     string // of the sockets
	servers []*testServer
}

type testServer struct {
	*luahttpd.Server
	listener net.Listener
	log      *logText
}

// runTests is luahttpd test.
func runTests(args []string) int {
	x := &tests{}
	c := newCommand(func(c *command, t *vm.Thread, host *vm.Table) vm.Value { return x.entry(c, t, host) })
	c.level = "error"
	rest, err := c.parse(args, func(name, value string) bool {
		if name == "--filter" {
			x.filter = value
		}
		return name == "--filter"
	})
	if status, done := parsed(err, testUsage); done {
		return status
	}
	if len(rest) == 0 {
		rest = []string{"spec"}
	}
	if x.files, err = specs(rest); err == nil {
		x.dir, err = os.MkdirTemp("", "luahttpd-")
	}
	if err != nil {
		return complain(err)
	}
	defer os.RemoveAll(x.dir)
	return c.run()
}

// specs finds the test files: a directory stands for the *_spec.lua below it.
func specs(names []string) (files []string, err error) {
	for _, name := range names {
		st, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !st.IsDir() {
			files = append(files, name)
			continue
		}
		err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, "_spec.lua") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, errors.New("no test files: " + strings.Join(names, " "))
	}
	return files, nil
}

func (x *tests) entry(c *command, t *vm.Thread, host *vm.Table) vm.Value {
	m := t.VM()
	load(t, "run.lua", host)
	wd, _ := os.Getwd() // run has asked already
	host.SetStr("dir", vm.String(wd))
	if x.filter != "" {
		host.SetStr("filter", vm.String(x.filter))
	}
	host.SetStr("start", m.NewFunc("start", x.start))
	host.SetStr("stop", m.NewFunc("stop", x.stop))
	host.SetStr("log", m.NewFunc("log", func(t *vm.Thread) int {
		t.PushString(x.servers[t.CheckInt(1)].log.String())
		return 1
	}))
	run := load(t, "test.lua", host)
	return m.NewFunc("command", func(t *vm.Thread) int {
		c.require(t)
		files := m.NewTable(len(x.files), 0)
		for i, f := range x.files {
			files.SetInt(i+1, vm.String(f))
		}
		t.CallRaw(run, files.Value())
		return 0
	})
}

// start starts a server of a text or a file, in this process and on a socket
// of its own, and pushes its number and the socket.
func (x *tests) start(t *vm.Thread) int {
	failed := func(err error) int {
		t.PushNil()
		t.PushString(err.Error())
		return 2
	}
	s := &testServer{log: &logText{}}
	opts := []luahttpd.Option{luahttpd.WithoutSockets(), luahttpd.WithStderr(io.Discard), luahttpd.WithLogger(slog.New(s.log))}
	if dir := t.OptString(3, ""); dir != "" {
		opts = append(opts, luahttpd.WithPrefix(dir))
	}
	var err error
	if file := t.OptString(2, ""); file != "" {
		s.Server, err = luahttpd.New(file, opts...)
	} else {
		s.Server, err = luahttpd.Parse(strings.NewReader(t.CheckString(1)), opts...)
	}
	if err != nil {
		return failed(err)
	}
	socket := filepath.Join(x.dir, fmt.Sprintf("%d.sock", len(x.servers)))
	if s.listener, err = net.Listen("unix", socket); err == nil {
		if err = s.Attach(s.listener); err == nil {
			err = s.Start()
		}
	}
	if err != nil {
		return failed(errors.Join(err, s.Close()))
	}
	x.servers = append(x.servers, s)
	t.PushInt(len(x.servers) - 1)
	t.PushString(socket)
	return 2
}

// stopTime is how long a server may take for its last requests.
const stopTime = 2 * time.Second

func (x *tests) stop(t *vm.Thread) int {
	s := x.servers[t.CheckInt(1)]
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	_ = s.Shutdown(ctx) // what is left is cut off
	_ = s.listener.Close()
	return 0
}

// logText keeps the lines of a server's error log.
type logText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logText) Enabled(context.Context, slog.Level) bool { return true }
func (l *logText) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logText) WithGroup(string) slog.Handler            { return l }

func (l *logText) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.WriteString("[" + strings.ToLower(r.Level.String()) + "] " + r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&l.b, ", %s: %v", a.Key, a.Value)
		return true
	})
	l.b.WriteByte('\n')
	return nil
}
