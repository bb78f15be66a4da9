// Package console shows a running server to its operator: the debug console, as a location and as
// a unix socket, and its numbers in Prometheus' format.
//
// The nouns: a command is a row of the table in commands.go; a query is one use of it; an answer is
// what it gives, which is written as text, JSON or HTML.
package console

import (
	"bytes"
	"net/netip"
	"net/url"
	"strings"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Conf is what a block says of the console.
type Conf struct {
	sockets conf.List[string] // paths
	remote  bool              // clients that are not of this machine, too
}

// Console is debug_console.
//
//	debug_console unix:/run/console.sock;            # main, http: a socket of its owner (0600)
//	location = /console { debug_console; }           # for clients of this machine
//	location = /console { debug_console remote; … }  # for whom allow, deny and auth_* let in
var Console = phases.Define(phases.Spec[Conf]{
	Name: "debug_console",
	Directives: []phases.Directive[Conf]{
		phases.Add("debug_console", conf.Main|conf.HTTP|conf.Location, conf.Between(0, 1), setConsole),
	},
	Finish:  openBoard,
	Content: content,
	Start:   startSockets,
	Stop:    stopSockets,
})

func setConsole(c *Conf, b *phases.Block, s *conf.Stmt) error {
	arg := ""
	if len(s.Args) > 0 {
		arg = s.Args[0]
	}
	if b.Context == conf.Location {
		if c.remote = arg == "remote"; arg != "" && !c.remote {
			return s.Errorf("invalid parameter \"%s\"", arg)
		}
		return b.UseContent(s)
	}
	path, ok := strings.CutPrefix(arg, "unix:")
	if !ok || path == "" {
		return s.Errorf("\"debug_console\" needs \"unix:path\" here")
	}
	c.sockets.Add(s, b.Path(path))
	return nil
}

// maxInput bounds what a command is given: the body of a request, or the lines behind it.
const maxInput = 1 << 20

// content answers a request of the location.
func content(r *phases.Request, own *Conf) phases.Result {
	if !own.remote && !local(r) {
		r.Errorf(phases.LevelError, "debug_console: the client is not of this machine, or the Host is not: see \"debug_console remote\"")
		return 403
	}
	post := r.Method == "POST"
	switch {
	case post:
		if foreign(r) {
			r.Errorf(phases.LevelError, "debug_console: a request of another site")
			return 403
		}
		if err := r.ReadBody(); err != nil {
			return r.Result(err)
		}
		if r.Body.Size > maxInput {
			return 413
		}
	case r.Method == "GET" || r.Method == "HEAD":
		if err := r.DiscardBody(); err != nil {
			return r.Result(err)
		}
	default:
		return 405
	}
	form, err := formOf(r, post)
	if err != nil {
		return 400
	}
	q := &query{cfg: r.Config, input: form.Get("input"), board: boardOf(r.Config)}
	format := formatOf(r, form.Get("format"))
	line := form.Get("cmd")
	if line == "" && format != "html" {
		line = "help"
	}
	c, ans := q.parse(line)
	if c != nil && c.changes && !post {
		r.Out.Header.Add("Allow", "POST")
		return 405
	}
	var home *answer
	r.Worker.Offload(func() {
		if c != nil {
			ans = q.board.run(q, c)
		}
		if format == "html" && line == "" {
			ans, home = q.run(commandNamed("stat")), q.run(commandNamed("list"))
		}
	})
	r.Out.Status = 200
	if ans.failed {
		r.Out.Status = 400
	}
	h := &r.Out.Header
	h.Add("Cache-Control", "no-store")
	h.Add("X-Content-Type-Options", "nosniff")
	switch format {
	case "html":
		h.Add("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		r.Out.ContentType = "text/html; charset=utf-8"
		return r.SendBytes(page(string(r.URI), line, form.Get("input"), ans, home))
	case "json":
		r.Out.ContentType = "application/json"
		return r.SendBytes(ans.json())
	}
	r.Out.ContentType = "text/plain; charset=utf-8"
	return r.SendBytes([]byte(ans.text()))
}

// formOf is what the request asks: its arguments, and its body as fields of a form, or as input.
func formOf(r *phases.Request, post bool) (url.Values, error) {
	form, err := url.ParseQuery(string(r.Args))
	if err != nil || !post {
		return form, err
	}
	body := new(bytes.Buffer)
	if _, err := body.ReadFrom(r.Body.Reader()); err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(string(r.Field("Content-Type")), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") || form.Has("cmd") {
		form.Set("input", body.String())
		return form, nil
	}
	fields, err := url.ParseQuery(body.String())
	for name, values := range fields {
		form[name] = values
	}
	return form, err
}

func formatOf(r *phases.Request, asked string) string {
	switch asked {
	case "html", "json", "text":
		return asked
	}
	accept := strings.ToLower(string(r.Field("Accept")))
	switch {
	case strings.Contains(accept, "text/html"):
		return "html"
	case strings.Contains(accept, "application/json"):
		return "json"
	}
	return "text"
}

// local says whether the request comes from this machine: from an address of the loopback network
// or by a unix socket. The Host must be of this machine too: else a page from elsewhere, whose name
// its owner has pointed here, could have a browser ask.
func local(r *phases.Request) bool {
	addr := r.Client.Addr.Addr().Unmap()
	if addr.IsValid() && !addr.IsLoopback() || !addr.IsValid() && r.Client.Unix == "" {
		return false
	}
	host := string(r.Host)
	if host == "" || host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}

// foreign says whether a browser tells that the request is another site's doing.
func foreign(r *phases.Request) bool {
	switch string(r.Field("Sec-Fetch-Site")) {
	case "", "same-origin", "none":
	default:
		return true
	}
	origin := r.Field("Origin")
	if origin == nil {
		return false
	}
	u, err := url.Parse(string(origin))
	return err != nil || u.Host == "" || !strings.EqualFold(u.Host, string(r.Field("Host")))
}

// startSockets has the first worker listen on the sockets of a configuration.
func startSockets(cfg *phases.Config, w *actor.Worker) error {
	if w.ID() != 0 || cfg.Testing {
		return nil
	}
	return boardOf(cfg).open(cfg, w, phases.HTTP[Conf](cfg).sockets.Items)
}

func stopSockets(cfg *phases.Config, w *actor.Worker) {
	if w.ID() == 0 {
		boardOf(cfg).leave(cfg, w)
	}
}
