package phases

import (
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
)

// setRoot is root and alias: one location has one of them.
func setRoot(own *Core, b *Block, s *conf.Stmt) error {
	alias := s.Name == "alias"
	if other := map[bool]string{true: "root", false: "alias"}[alias]; b.seen[other] {
		return s.Errorf("\"%s\" directive is duplicate, \"%s\" directive was specified earlier", s.Name, other)
	}
	if alias && b.Loc.Kind == LocNamed {
		return s.Errorf("the \"alias\" directive cannot be used inside the named location")
	}
	path := s.Args[0]
	if strings.Contains(path, "$document_root") || strings.Contains(path, "${document_root}") ||
		strings.Contains(path, "$realpath_root") || strings.Contains(path, "${realpath_root}") {
		return s.Errorf("the $document_root variable cannot be used in the \"%s\" directive", s.Name)
	}
	if !strings.HasPrefix(path, "$") {
		path = b.Path(path)
		if alias && strings.HasSuffix(s.Args[0], "/") && !strings.HasSuffix(path, "/") {
			path += "/"
		}
	}
	if !alias {
		path = strings.TrimRight(path, "/")
	}
	t, err := b.Template(s, path)
	own.Root, own.Alias, own.aliased = t, alias, len(b.Loc.Name)
	if b.Loc.Kind == LocRegex {
		own.aliased = -1
	}
	return err
}

func setBodyTemp(own *Core, b *Block, s *conf.Stmt) error {
	for _, level := range s.Args[1:] {
		if n, ok := conf.Number(level); !ok || n < 1 || n > 3 {
			return s.Errorf("invalid value \"%s\"", level)
		}
	}
	own.BodyTemp = s.Args[0]
	return nil
}

func setLargeBuffers(own *Core, b *Block, s *conf.Stmt) error {
	n, size, err := s.Buffers()
	if err != nil {
		return err
	}
	own.LargeBuffers, own.LargeBufferSize = n, size
	return nil
}

func setKeepalive(own *Core, b *Block, s *conf.Stmt) error {
	var err error
	own.KeepaliveHeader = 0
	if own.KeepaliveTimeout, err = s.Msec(0); err == nil && len(s.Args) == 2 {
		own.KeepaliveHeader, err = s.Sec(1)
	}
	return err
}

func setKeepaliveDisable(own *Core, b *Block, s *conf.Stmt) error {
	own.KeepaliveDisable = nil
	for i, name := range s.Args {
		if _, err := s.Enum(i, "none", "msie6", "safari"); err != nil {
			return err
		}
		if name != "none" {
			own.KeepaliveDisable = append(own.KeepaliveDisable, name)
		}
	}
	return nil
}

// setSymlinks accepts only what is done anyway: a server that follows links
// must not be taken for one that does not.
func setSymlinks(own *Core, b *Block, s *conf.Stmt) error {
	own.Symlinks, own.SymlinksFrom = SymlinksFollow, nil
	for _, a := range s.Args {
		var err error
		from, isFrom := strings.CutPrefix(a, "from=")
		switch {
		case isFrom && from != "":
			own.SymlinksFrom, err = b.Template(s, from)
		case a == "off" && len(s.Args) == 1:
		case a == "on":
			own.Symlinks = SymlinksRefuse
		case a == "if_not_owner":
			own.Symlinks = SymlinksOwned
		default:
			err = s.Errorf("invalid parameter \"%s\"", a)
		}
		if err != nil {
			return err
		}
	}
	if len(s.Args) == 2 && (own.Symlinks == SymlinksFollow || own.SymlinksFrom == nil) {
		return s.Errorf("duplicate parameter \"%s\"", s.Args[1])
	}
	if own.SymlinksFrom != nil && own.Symlinks == SymlinksFollow {
		return s.Errorf("\"%s\" must have \"off\", \"on\" or \"if_not_owner\" parameter", s.Name)
	}
	return nil
}

func addEarlyHints(own *Core, b *Block, s *conf.Stmt) error {
	for _, a := range s.Args {
		t, err := b.Template(s, a)
		if err != nil {
			return err
		}
		own.EarlyHints.Add(s, t)
	}
	return nil
}

// ResolverConf is the resolver directive.
type ResolverConf struct {
	Servers []string
	// Valid replaces the answers' own time to live when not 0.
	Valid      time.Duration
	IPv4, IPv6 bool
	// Local uses the system's resolv.conf (OpenResty's local=on).
	Local     bool
	config    *Config
	perWorker resolvers
}

func setResolver(own *Core, b *Block, s *conf.Stmt) error {
	r := &ResolverConf{IPv4: true, IPv6: true, config: b.Config}
	for _, a := range s.Args {
		key, value, is := strings.Cut(a, "=")
		if !is {
			r.Servers = append(r.Servers, a)
			continue
		}
		ok := true
		switch key {
		case "valid":
			r.Valid, ok = conf.Duration(value)
		case "ipv4":
			r.IPv4, ok = value == "on", value == "on" || value == "off"
		case "ipv6":
			r.IPv6, ok = value == "on", value == "on" || value == "off"
		case "local":
			r.Local, ok = value == "on", value == "on" || value == "off"
		case "status_zone":
			b.Config.Notice(s, "\"%s\" is accepted and ignored: there is no page that would show it", a)
		default:
			ok = false
		}
		if !ok {
			return s.Errorf("invalid parameter: %s", a)
		}
	}
	if !r.IPv4 && !r.IPv6 {
		return s.Errorf("\"ipv4\" and \"ipv6\" cannot both be \"off\"")
	}
	if len(r.Servers) == 0 && !r.Local {
		return s.Errorf("no name servers defined")
	}
	own.Resolver = r
	return nil
}
