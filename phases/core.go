package phases

import (
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
)

// Core is what every location says of the server itself.
type Core struct {
	// Root is the directory of the files, or with Alias what replaces the
	// location's name in their path. Default: "html" below the prefix.
	Root  *Template
	Alias bool
	// aliased is how much of the URI Alias replaces; -1: all of it.
	aliased int
	Types   *Types
	// DefaultType is the Content-Type of files whose name says nothing.
	DefaultType string
	// MaxBodySize bounds a request's body in bytes (1m); 0: no limit.
	MaxBodySize int64
	// BodyBufferSize is how much of a body stays in memory (16k).
	BodyBufferSize int64
	// BodyFile is client_body_in_file_only: off, on, clean.
	BodyFile        int
	BodyTemp        string
	BodyTimeout     time.Duration // 60s, between two reads
	HeaderTimeout   time.Duration // 60s, for the whole head
	HeaderBuffer    int64         // 1k
	LargeBuffers    int           // 4
	LargeBufferSize int64         // 8k
	MaxHeaders      int           // 1000
	SendTimeout     time.Duration // 60s, between two writes
	// KeepaliveTimeout closes idle connections (75s; 0: no keep-alive);
	// KeepaliveHeader is announced in a Keep-Alive field when not 0.
	KeepaliveTimeout  time.Duration
	KeepaliveHeader   time.Duration
	KeepaliveRequests int           // 1000
	KeepaliveTime     time.Duration // 1h
	// KeepaliveDisable names browsers whose connections are closed: after a
	// POST (msie6), always (safari).
	KeepaliveDisable []string
	LingeringClose   int // off, on, always
	LingeringTime    time.Duration
	LingeringTimeout time.Duration
	ResetTimedout    bool
	Sendfile         bool
	NoPush, NoDelay  bool
	PostponeOutput   int64 // 1460
	Chunked          bool
	Tokens           int // off, on, build
	ETag             bool
	IfModifiedSince  int // off, exact, before
	MaxRanges        int // -1: no limit
	Satisfy          int
	PostAction       string // URI or @name; "": none
	Symlinks         int
	// SymlinksFrom is the beginning of paths in which links are always followed.
	SymlinksFrom     *Template
	AuthDelay        time.Duration // before a 401; 0
	Internal         bool
	MergeSlashes     bool
	Underscores      bool
	IgnoreInvalid    bool
	LogNotFound      bool
	LogSubrequest    bool
	AbsoluteRedirect bool
	PortInRedirect   bool
	NameInRedirect   bool
	RecursivePages   bool
	MSIEPadding      bool
	MSIERefresh      bool
	ErrorPages       conf.List[errorPage]
	EarlyHints       conf.List[*Template] // conditions for passing on a 103
	LimitRate        *Template
	LimitRateAfter   *Template
	Resolver         *ResolverConf
	ResolverTimeout  time.Duration // 30s
	ErrorLog         *Logger
	logs             conf.List[*logTarget]
	except           *limitExcept
	SubrequestBuffer int64
}

// Values of Symlinks: whether symbolic links in the names of files are followed.
const (
	SymlinksFollow = iota
	SymlinksRefuse
	SymlinksOwned // those whose owner is that of what they point at
)

// Values of Satisfy, BodyFile, IfModifiedSince, Tokens and LingeringClose.
const (
	SatisfyAll = iota
	SatisfyAny
)
const (
	BodyFileOff = iota
	BodyFileOn
	BodyFileClean
)
const (
	ModifiedOff = iota
	ModifiedExact
	ModifiedBefore
)
const (
	TokensOff = iota
	TokensOn
	TokensBuild
)
const (
	LingerOff = iota
	LingerOn
	LingerAlways
)

func defaultCore() Core {
	return Core{
		Types: defaultTypes(), DefaultType: "text/plain",
		MaxBodySize: 1 << 20, BodyBufferSize: 16 << 10, BodyTemp: "client_body_temp",
		BodyTimeout: time.Minute, HeaderTimeout: time.Minute, SendTimeout: time.Minute,
		HeaderBuffer: 1 << 10, LargeBuffers: 4, LargeBufferSize: 8 << 10, MaxHeaders: 1000,
		KeepaliveDisable: []string{"msie6"},
		KeepaliveTimeout: 75 * time.Second, KeepaliveRequests: 1000, KeepaliveTime: time.Hour,
		LingeringClose: LingerOn, LingeringTime: 30 * time.Second, LingeringTimeout: 5 * time.Second,
		NoDelay: true, PostponeOutput: 1460, Chunked: true, ETag: true,
		IfModifiedSince: ModifiedExact, MaxRanges: -1, MergeSlashes: true, IgnoreInvalid: true,
		LogNotFound: true, AbsoluteRedirect: true, PortInRedirect: true, MSIEPadding: true, ResolverTimeout: 30 * time.Second,
		SubrequestBuffer: 8 << 10,
	}
}

const (
	httpServer = conf.HTTP | conf.Server
	httpLoc    = conf.HTTP | conf.Server | conf.Location
)

// CoreModule is the first of every module list: blocks, limits, timeouts.
var CoreModule = Define(Spec[Core]{
	Name:       "core",
	Default:    defaultCore,
	Directives: coreRows(),
	Variables:  coreVariables(),
	Prefixes:   corePrefixes(),
	Finish:     finishCore,
})

func coreRows() []Directive[Core] {
	rows := []Directive[Core]{
		Set("http", conf.Main, conf.Block, openHTTP),
		Set("events", conf.Main, conf.Block, openEvents),
		Add("server", conf.HTTP, conf.Block, openServer),
		Add("location", conf.Server|conf.Location, conf.BlockN(1, 2), openLocation),
		Set("limit_except", conf.Location, conf.BlockN(1, 16), openLimitExcept),
		Add("listen", conf.Server, conf.AtLeast(1), setListen),
		Add("server_name", conf.Server, conf.AtLeast(1), addNames),
		Add("types", httpLoc, conf.Block, setTypes),
		SetString("default_type", httpLoc, func(c *Core) *string { return &c.DefaultType }),
		Set("root", httpLoc|conf.LocationIf, conf.Exactly(1), setRoot),
		Set("alias", conf.Location, conf.Exactly(1), setRoot),
		Add("error_page", httpLoc|conf.LocationIf, conf.AtLeast(2), addErrorPage),
		SetFlag("recursive_error_pages", httpLoc, func(c *Core) *bool { return &c.RecursivePages }),
		Set("internal", conf.Location, conf.Exactly(0), func(c *Core, b *Block, s *conf.Stmt) error { c.Internal = true; return nil }),
		SetSize("client_max_body_size", httpLoc, func(c *Core) *int64 { return &c.MaxBodySize }),
		SetSize("client_body_buffer_size", httpLoc, func(c *Core) *int64 { return &c.BodyBufferSize }),
		SetEnum("client_body_in_file_only", httpLoc, func(c *Core) *int { return &c.BodyFile }, "off", "on", "clean"),
		Inert[Core]("client_body_in_single_buffer", httpLoc, conf.Flag(), "a body in memory always is in one buffer", CheckFlag),
		Set("client_body_temp_path", httpLoc, conf.Between(1, 4), setBodyTemp),
		SetDuration("client_body_timeout", httpLoc, func(c *Core) *time.Duration { return &c.BodyTimeout }),
		SetDuration("client_header_timeout", httpServer, func(c *Core) *time.Duration { return &c.HeaderTimeout }),
		SetSize("client_header_buffer_size", httpServer, func(c *Core) *int64 { return &c.HeaderBuffer }),
		Set("large_client_header_buffers", httpServer, conf.Exactly(2), setLargeBuffers),
		SetInt("max_headers", httpServer, func(c *Core) *int { return &c.MaxHeaders }),
		SetDuration("send_timeout", httpLoc, func(c *Core) *time.Duration { return &c.SendTimeout }),
		Set("keepalive_timeout", httpLoc, conf.Between(1, 2), setKeepalive),
		SetInt("keepalive_requests", httpLoc, func(c *Core) *int { return &c.KeepaliveRequests }),
		SetDuration("keepalive_time", httpLoc, func(c *Core) *time.Duration { return &c.KeepaliveTime }),
		SetEnum("lingering_close", httpLoc, func(c *Core) *int { return &c.LingeringClose }, "off", "on", "always"),
		SetDuration("lingering_time", httpLoc, func(c *Core) *time.Duration { return &c.LingeringTime }),
		SetDuration("lingering_timeout", httpLoc, func(c *Core) *time.Duration { return &c.LingeringTimeout }),
		SetFlag("reset_timedout_connection", httpLoc, func(c *Core) *bool { return &c.ResetTimedout }),
		SetFlag("sendfile", httpLoc|conf.LocationIf, func(c *Core) *bool { return &c.Sendfile }),
		Inert[Core]("sendfile_max_chunk", httpLoc, conf.Exactly(1), "a worker gives others a turn after 2 MiB by itself", CheckSize),
		SetFlag("tcp_nopush", httpLoc, func(c *Core) *bool { return &c.NoPush }),
		SetFlag("tcp_nodelay", httpLoc, func(c *Core) *bool { return &c.NoDelay }),
		SetSize("postpone_output", httpLoc, func(c *Core) *int64 { return &c.PostponeOutput }),
		SetSize("subrequest_output_buffer_size", httpLoc, func(c *Core) *int64 { return &c.SubrequestBuffer }),
		SetFlag("chunked_transfer_encoding", httpLoc, func(c *Core) *bool { return &c.Chunked }),
		SetEnum("server_tokens", httpLoc, func(c *Core) *int { return &c.Tokens }, "off", "on", "build"),
		SetFlag("etag", httpLoc, func(c *Core) *bool { return &c.ETag }),
		SetEnum("if_modified_since", httpLoc, func(c *Core) *int { return &c.IfModifiedSince }, "off", "exact", "before"),
		SetInt("max_ranges", httpLoc, func(c *Core) *int { return &c.MaxRanges }),
		Set("post_action", httpLoc|conf.LocationIf, conf.Exactly(1), func(c *Core, b *Block, s *conf.Stmt) error {
			if c.PostAction = s.Args[0]; c.PostAction == "off" {
				c.PostAction = ""
			}
			return nil
		}),
		Set("disable_symlinks", httpLoc, conf.Between(1, 2), setSymlinks),
		Set("keepalive_disable", httpLoc, conf.Between(1, 2), setKeepaliveDisable),
		SetEnum("satisfy", httpLoc, func(c *Core) *int { return &c.Satisfy }, "all", "any"),
		SetDuration("auth_delay", httpLoc, func(c *Core) *time.Duration { return &c.AuthDelay }),
		SetFlag("merge_slashes", httpServer, func(c *Core) *bool { return &c.MergeSlashes }),
		SetFlag("underscores_in_headers", httpServer, func(c *Core) *bool { return &c.Underscores }),
		SetFlag("ignore_invalid_headers", httpServer, func(c *Core) *bool { return &c.IgnoreInvalid }),
		SetFlag("log_not_found", httpLoc, func(c *Core) *bool { return &c.LogNotFound }),
		SetFlag("log_subrequest", httpLoc, func(c *Core) *bool { return &c.LogSubrequest }),
		SetFlag("absolute_redirect", httpLoc, func(c *Core) *bool { return &c.AbsoluteRedirect }),
		SetFlag("port_in_redirect", httpLoc, func(c *Core) *bool { return &c.PortInRedirect }),
		SetFlag("server_name_in_redirect", httpLoc, func(c *Core) *bool { return &c.NameInRedirect }),
		SetFlag("msie_refresh", httpLoc, func(c *Core) *bool { return &c.MSIERefresh }),
		SetFlag("msie_padding", httpLoc, func(c *Core) *bool { return &c.MSIEPadding }),
		Add("early_hints", httpLoc, conf.AtLeast(1), addEarlyHints),
		SetTemplate("limit_rate", httpLoc|conf.LocationIf, func(c *Core) **Template { return &c.LimitRate }),
		SetTemplate("limit_rate_after", httpLoc|conf.LocationIf, func(c *Core) **Template { return &c.LimitRateAfter }),
		Set("resolver", httpLoc|conf.Upstream, conf.AtLeast(1), setResolver),
		SetDuration("resolver_timeout", httpLoc|conf.Upstream, func(c *Core) *time.Duration { return &c.ResolverTimeout }),
		Add("error_log", conf.Main|httpLoc, conf.AtLeast(1), addErrorLog),
	}
	const fixed = "nothing here is sized in advance"
	rows = append(rows, Ignore[Core](conf.HTTP, conf.Exactly(1), fixed, "server_names_hash_max_size", "server_names_hash_bucket_size",
		"variables_hash_max_size", "variables_hash_bucket_size")...)
	rows = append(rows, Ignore[Core](httpLoc, conf.Exactly(1), fixed, "types_hash_max_size", "types_hash_bucket_size", "read_ahead", "send_lowat")...)
	rows = append(rows, Ignore[Core](httpServer, conf.Exactly(1), fixed, "connection_pool_size", "request_pool_size")...)
	rows = append(rows, Ignore[Core](httpLoc, conf.AtLeast(1), "files are read on goroutines of their own where it matters",
		"aio", "aio_write", "directio", "directio_alignment", "output_buffers", "open_file_cache", "open_file_cache_valid",
		"open_file_cache_min_uses", "open_file_cache_errors", "open_file_cache_events")...)
	return rows
}

// limitExcept is the location that requests with other methods get.
type limitExcept struct {
	methods map[string]bool
	loc     *Loc
}

func openHTTP(own *Core, b *Block, s *conf.Stmt) error {
	b.Defer(func() error {
		c := b.Child(conf.HTTP, s)
		c.Loc = &Loc{confs: c.confs}
		b.Config.http = c
		return c.Compile(s.Block)
	})
	return nil
}

func openEvents(own *Core, b *Block, s *conf.Stmt) error {
	c := b.Child(conf.Events, s)
	if err := c.Compile(s.Block); err != nil {
		return err
	}
	for i := range c.confs { // what events says is the main block's
		if _, ok := c.confs[i].(*Process); ok {
			*b.confs[i].(*Process) = *c.confs[i].(*Process)
		}
	}
	return nil
}

func openServer(own *Core, b *Block, s *conf.Stmt) error {
	srv := &Server{Stmt: s, named: map[string]*Loc{}}
	b.Config.Servers = append(b.Config.Servers, srv)
	b.Defer(func() error {
		c := b.Child(conf.Server, s)
		srv.block = c
		c.Server, c.Loc = srv, &Loc{Stmt: s}
		c.Loc.confs = c.confs
		srv.Loc, srv.Core = c.Loc, ConfOf[Core](c.Loc)
		c.Loc.Core = srv.Core
		if err := c.Compile(s.Block); err != nil {
			return err
		}
		c.compose(c.Loc)
		if len(srv.names) > 0 {
			srv.Name = strings.TrimPrefix(srv.names[0].text, ".")
		}
		return c.listenDefault(s)
	})
	return nil
}

func openLocation(own *Core, b *Block, s *conf.Stmt) error {
	b.Defer(func() error { return compileLocation(b, s) })
	return nil
}

func openLimitExcept(own *Core, b *Block, s *conf.Stmt) error {
	except := &limitExcept{methods: map[string]bool{}}
	for _, m := range s.Args {
		if !knownMethod(m) {
			return s.Errorf("invalid method \"%s\"", m)
		}
		except.methods[m] = true
		if m == "GET" {
			except.methods["HEAD"] = true
		}
	}
	except.loc = b.SubLocation(conf.LimitExcept, s)
	own.except = except
	return nil
}

func knownMethod(m string) bool {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "OPTIONS", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "PATCH", "TRACE":
		return true
	}
	return false
}

func finishCore(own *Core, b *Block) error {
	own.ErrorLog = b.Config.logger(own)
	if own.Root == nil {
		own.Root = Literal(b.Path("html"))
	}
	if own.except != nil && own.except.loc.Stmt.Parent != b.Stmt {
		own.except = nil
	}
	return nil
}
