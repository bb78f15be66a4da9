package phases

import (
	"bytes"
	"iter"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
)

// Server is one server block: a virtual host.
type Server struct {
	// Name is the first server_name ("" if there is none): $server_name.
	Name string
	// Loc is what requests have until their location is found.
	Loc   *Loc
	Core  *Core
	Stmt  *conf.Stmt
	named map[string]*Loc
	names []serverName
	block *Block
}

type serverName struct {
	text  string
	regex *Regex
	stmt  *conf.Stmt
}

// Hosts finds the server block for a host name among those that listen on one
// address: an exact name, the longest "*.name", the longest "name.*", the
// first expression, else the default.
type Hosts struct {
	Default *Server
	exact   map[string]*Server
	suffix  map[string]*Server // ".example.org" for *.example.org
	prefix  map[string]*Server // "www.example." for www.example.*
	regexes []hostRegex
	servers []*Server
	addr    string
}

type hostRegex struct {
	regex  *Regex
	server *Server
}

// Servers lists the server blocks of the address in the order of the file.
func (h *Hosts) Servers() []*Server { return h.servers }

// only tells whether there is one server block, without an expression that
// would leave captures.
func (h *Hosts) only() bool { return len(h.servers) == 1 && len(h.regexes) == 0 }

func (h *Hosts) add(cfg *Config, s *Server) error {
	h.servers = append(h.servers, s)
	if h.exact == nil {
		h.exact, h.suffix, h.prefix = map[string]*Server{}, map[string]*Server{}, map[string]*Server{}
	}
	if len(s.names) == 0 { // as if it said: server_name "";
		h.put(cfg, h.exact, "", serverName{stmt: s.Stmt}, s)
	}
	for _, n := range s.names {
		if n.regex != nil {
			h.regexes = append(h.regexes, hostRegex{n.regex, s})
			continue
		}
		name := strings.ToLower(n.text)
		switch {
		case strings.HasPrefix(name, "*."):
			h.put(cfg, h.suffix, name[1:], n, s)
		case strings.HasPrefix(name, "."):
			h.put(cfg, h.exact, name[1:], n, s)
			h.put(cfg, h.suffix, name, n, s)
		case strings.HasSuffix(name, ".*"):
			h.put(cfg, h.prefix, name[:len(name)-1], n, s)
		default:
			h.put(cfg, h.exact, name, n, s)
		}
	}
	return nil
}

func (h *Hosts) put(cfg *Config, m map[string]*Server, key string, n serverName, s *Server) {
	if old := m[key]; old != nil {
		if old != s {
			cfg.Warn(n.stmt, "conflicting server name \"%s\" on %s, ignored", n.text, h.addr)
		}
		return
	}
	m[key] = s
}

// Find returns the server block for host, which is lower-case and has no port.
// r, when not nil, gets the captures of an expression and keeps host for them.
func (h *Hosts) Find(r *Request, host []byte) (*Server, error) {
	if h.only() {
		return h.Default, nil
	}
	host = bytes.TrimSuffix(host, []byte("."))
	if s := h.exact[string(host)]; s != nil {
		return s, nil
	}
	if len(h.suffix) > 0 {
		for i := range host {
			if host[i] == '.' && i > 0 {
				if s := h.suffix[string(host[i:])]; s != nil {
					return s, nil
				}
			}
		}
	}
	if len(h.prefix) > 0 {
		for i := len(host) - 1; i > 0; i-- {
			if host[i] == '.' {
				if s := h.prefix[string(host[:i+1])]; s != nil {
					return s, nil
				}
			}
		}
	}
	if len(host) > 0 {
		for _, re := range h.regexes {
			ok, err := re.regex.Match(r, host)
			if err != nil {
				return nil, err
			}
			if ok {
				return re.server, nil
			}
		}
	}
	return h.Default, nil
}

// Names are the server's names; those that are expressions come with them.
func (s *Server) Names() iter.Seq2[string, *Regex] {
	return func(yield func(string, *Regex) bool) {
		for _, n := range s.names {
			if !yield(n.text, n.regex) {
				return
			}
		}
	}
}

// addNames is server_name.
func addNames(own *Core, b *Block, s *conf.Stmt) error {
	for _, name := range s.Args {
		if name == "" || name == "_" {
			b.Server.names = append(b.Server.names, serverName{text: name, stmt: s})
			continue
		}
		if name == "." {
			return s.Errorf("server name \"%s\" is invalid", name)
		}
		if strings.ContainsRune(name, '/') && name[0] != '~' {
			b.Config.Warn(s, "server name \"%s\" has suspicious symbols", name)
		}
		if name == "$hostname" {
			name = b.Config.Hostname
		}
		n := serverName{text: name, stmt: s}
		if name[0] == '~' {
			if len(name) == 1 {
				return s.Errorf("empty regex in server name \"%s\"", name)
			}
			re, err := b.Regex(s, name[1:], true)
			if err != nil {
				return err
			}
			n.regex = re
		} else if star := strings.IndexByte(name, '*'); star >= 0 && !(star == 0 && strings.HasPrefix(name, "*.") && strings.Count(name, "*") == 1 && len(name) > 2) &&
			!(strings.HasSuffix(name, ".*") && strings.Count(name, "*") == 1 && len(name) > 2) {
			return s.Errorf("invalid server name or wildcard \"%s\"", name)
		}
		b.Server.names = append(b.Server.names, n)
	}
	return nil
}
