package lua

import (
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// settings are the lua_* directives of one location. Those that only the http
// block may have are read from there.
type settings struct {
	packagePath, packageCPath string
	codeCache                 codeCache // on
	needBody                  bool
	checkAbort                bool
	strictPhases              bool
	keepTable                 bool  // ngx.ctx stays over internal redirects
	bodyMax                   int64 // 0; of a body in a file that is given as text
	// *_by_lua_no_postpone: the script runs before the phase's other handlers.
	rewriteFirst, accessFirst, precontentFirst bool
	useDefaultType                             bool // on
	underscores                                bool // on: ngx.header.a_b is A-B
	http10Buffering                            bool // on

	connectTimeout, sendTimeout, readTimeout time.Duration // 60s each
	keepaliveTimeout                         time.Duration // 60s
	poolSize                                 int           // 30
	socketBuffer                             int64         // 4k
	logSocketErrors                          bool          // on
	tls                                      tlsSettings

	timeSlice time.Duration // 20ms
	maxTime   time.Duration // 10s; 0: no limit
	burst     bool          // maxTime is an actor's
	maxMemory int64         // 48m; 0: no limit

	regexCache    int // 1024
	regexLimit    int // 0: the engine's own
	pendingTimers int // 1024
	runningTimers int // 256
	workerVMs     int // 10
	threadCache   int // 1024 idle threads
	balancerPool  int
	dicts         conf.List[*dict]
	captured      *logRing // lua_capture_error_log
	actors        conf.List[*declared]
	answerer      string        // the actor that answers requests of the location
	callTimeout   time.Duration // 30s
}

// tlsSettings are for cosockets.
type tlsSettings struct {
	trusted, crl, cert, key, keyLog string
	verifyDepth                     int // 1
	protocols                       []string
	ciphers                         []uint16 // nil: the defaults
	commands                        phases.SSLCommands
	skipDefaultVerify               bool
}

func defaultSettings() settings {
	return settings{
		codeCache: cacheOn, useDefaultType: true, underscores: true, http10Buffering: true,
		connectTimeout: time.Minute, sendTimeout: time.Minute, readTimeout: time.Minute,
		keepaliveTimeout: time.Minute, poolSize: 30, socketBuffer: 4 << 10, logSocketErrors: true,
		tls:       tlsSettings{verifyDepth: 1},
		timeSlice: 20 * time.Millisecond, maxTime: 10 * time.Second, maxMemory: 48 << 20,
		regexCache: 1024, pendingTimers: 1024, runningTimers: 256, workerVMs: 10, threadCache: 1024,
		callTimeout: mailbox.DefaultTimeout,
	}
}

// tlsRows are the directives about the TLS of cosockets and peers.
func tlsRows() []phases.Directive[Conf] {
	return []phases.Directive[Conf]{
		phases.SetString("lua_ssl_trusted_certificate", httpLoc, func(c *Conf) *string { return &c.tls.trusted }),
		phases.SetInt("lua_ssl_verify_depth", httpLoc, func(c *Conf) *int { return &c.tls.verifyDepth }),
		phases.Set("lua_ssl_protocols", httpLoc, conf.AtLeast(1), func(c *Conf, b *phases.Block, s *conf.Stmt) error {
			c.tls.protocols = s.Args
			if _, _, err := phases.ParseProtocols(s.Args); err != nil {
				return s.Errorf("%v", err)
			}
			return nil
		}),
		phases.Set("lua_ssl_ciphers", httpLoc, conf.Exactly(1), func(c *Conf, b *phases.Block, s *conf.Stmt) (err error) {
			c.tls.ciphers, err = b.Ciphers(s)
			return err
		}),
		phases.SetString("lua_ssl_crl", httpLoc, func(c *Conf) *string { return &c.tls.crl }),
		phases.SetString("lua_ssl_certificate", httpLoc, func(c *Conf) *string { return &c.tls.cert }),
		phases.SetString("lua_ssl_certificate_key", httpLoc, func(c *Conf) *string { return &c.tls.key }),
		phases.SetString("lua_ssl_key_log", httpLoc, func(c *Conf) *string { return &c.tls.keyLog }),
		phases.AddSSLCommand("lua_ssl_conf_command", httpLoc, func(c *Conf) *phases.SSLCommands { return &c.tls.commands }),
		phases.SetFlag("lua_upstream_skip_openssl_default_verify", locations, func(c *Conf) *bool { return &c.tls.skipDefaultVerify }),
	}
}

// settingRows are the directives that hold no script.
func settingRows() []phases.Directive[Conf] {
	rows := []phases.Directive[Conf]{
		phases.SetString("lua_package_path", httpOnly, func(c *Conf) *string { return &c.packagePath }),
		phases.SetString("lua_package_cpath", httpOnly, func(c *Conf) *string { return &c.packageCPath }),
		phases.Set("lua_code_cache", httpLoc, conf.Exactly(1), setCodeCache),
		phases.SetFlag("lua_need_request_body", httpLoc, func(c *Conf) *bool { return &c.needBody }),
		phases.SetFlag("lua_check_client_abort", httpLoc, func(c *Conf) *bool { return &c.checkAbort }),
		phases.SetFlag("lua_strict_phases", httpLoc, func(c *Conf) *bool { return &c.strictPhases }),
		phases.SetSize("lua_body_data_max", httpLoc, func(c *Conf) *int64 { return &c.bodyMax }),
		phases.SetFlag("lua_ctx_inherit", httpLoc, func(c *Conf) *bool { return &c.keepTable }),
		phases.SetFlag("lua_use_default_type", httpLoc, func(c *Conf) *bool { return &c.useDefaultType }),
		phases.SetFlag("lua_transform_underscores_in_response_headers", httpLoc, func(c *Conf) *bool { return &c.underscores }),
		phases.SetFlag("lua_http10_buffering", httpLoc, func(c *Conf) *bool { return &c.http10Buffering }),
		phases.SetFlag("rewrite_by_lua_no_postpone", httpOnly, func(c *Conf) *bool { return &c.rewriteFirst }),
		phases.SetFlag("access_by_lua_no_postpone", httpOnly, func(c *Conf) *bool { return &c.accessFirst }),
		phases.SetFlag("precontent_by_lua_no_postpone", httpOnly, func(c *Conf) *bool { return &c.precontentFirst }),

		phases.SetDuration("lua_socket_connect_timeout", httpLoc, func(c *Conf) *time.Duration { return &c.connectTimeout }),
		phases.SetDuration("lua_socket_send_timeout", httpLoc, func(c *Conf) *time.Duration { return &c.sendTimeout }),
		phases.SetDuration("lua_socket_read_timeout", httpLoc, func(c *Conf) *time.Duration { return &c.readTimeout }),
		phases.SetDuration("lua_socket_keepalive_timeout", httpLoc, func(c *Conf) *time.Duration { return &c.keepaliveTimeout }),
		phases.SetInt("lua_socket_pool_size", httpLoc, func(c *Conf) *int { return &c.poolSize }),
		phases.SetSize("lua_socket_buffer_size", httpLoc, func(c *Conf) *int64 { return &c.socketBuffer }),
		phases.SetFlag("lua_socket_log_errors", httpLoc, func(c *Conf) *bool { return &c.logSocketErrors }),

		phases.SetDuration("lua_time_slice", httpLoc, func(c *Conf) *time.Duration { return &c.timeSlice }),
		phases.SetDuration("lua_max_execution_time", httpLoc, func(c *Conf) *time.Duration { return &c.maxTime }),
		phases.SetSize("lua_memory_limit", httpLoc, func(c *Conf) *int64 { return &c.maxMemory }),

		phases.SetInt("lua_regex_cache_max_entries", httpOnly, func(c *Conf) *int { return &c.regexCache }),
		phases.SetInt("lua_regex_match_limit", httpOnly, func(c *Conf) *int { return &c.regexLimit }),
		phases.SetInt("lua_max_pending_timers", httpOnly, func(c *Conf) *int { return &c.pendingTimers }),
		phases.SetInt("lua_max_running_timers", httpOnly, func(c *Conf) *int { return &c.runningTimers }),
		phases.SetInt("lua_thread_cache_max_entries", httpOnly, func(c *Conf) *int { return &c.threadCache }),
		phases.SetInt("lua_worker_thread_vm_pool_size", httpOnly, func(c *Conf) *int { return &c.workerVMs }),
		phases.Set("lua_capture_error_log", httpOnly, conf.Exactly(1), setCapture),
		phases.SetInt("balancer_keepalive", conf.Upstream, func(c *Conf) *int { return &c.balancerPool }),
		phases.Add("lua_shared_dict", httpOnly, conf.Exactly(2), addDict),
	}
	rows = append(rows, tlsRows()...)
	const why = "it belongs to nginx's memory and process model"
	rows = append(rows, phases.Ignore[Conf](httpLoc, conf.Exactly(1), why, "lua_socket_send_lowat")...)
	return append(rows, phases.Ignore[Conf](httpOnly, conf.Exactly(1), why, "lua_malloc_trim",
		"lua_sa_restart", "lua_load_resty_core")...)
}

// codeCache is lua_code_cache.
type codeCache uint8

const (
	cacheOn   codeCache = iota
	cacheOff            // every request has a VM of its own
	cacheStat           // files that have changed are loaded again
)

func setCodeCache(c *Conf, b *phases.Block, s *conf.Stmt) error {
	if s.Args[0] == "stat" {
		c.codeCache = cacheStat
		return nil
	}
	on, err := s.Flag(0)
	c.codeCache = cacheOn
	if err == nil && !on {
		c.codeCache = cacheOff
		b.Config.Alert(s, "lua_code_cache is off; this will hurt performance")
	}
	return err
}

// dictMin is the smallest dictionary in bytes, as in OpenResty.
const dictMin = 8191

func addDict(c *Conf, b *phases.Block, s *conf.Stmt) error {
	name := s.Args[0]
	if name == "" {
		return s.Errorf("invalid lua shared dict name \"%s\"", name)
	}
	size, ok := conf.Size(s.Args[1])
	if !ok || size <= dictMin {
		return s.Errorf("invalid lua shared dict size \"%s\"", s.Args[1])
	}
	for _, d := range c.dicts.Items {
		if d.name == name {
			return s.Errorf("lua_shared_dict \"%s\" is already defined as \"%s\"", name, name)
		}
	}
	zone, err := b.Zone(s, "lua_shared_dict", name, size, func() any { return newDict(name, size) })
	if err != nil {
		return err
	}
	c.dicts.Add(s, zone.(*dict))
	return nil
}

// expandPath expands a search path of the configuration: ";;" is the default
// path, $prefix the server's prefix.
func expandPath(path, standard, prefix string) string {
	if path == "" {
		return standard
	}
	path = strings.ReplaceAll(strings.ReplaceAll(path, "${prefix}", prefix), "$prefix", prefix)
	if i := strings.Index(path, ";;"); i >= 0 {
		path = strings.Trim(path[:i]+";"+standard+";"+path[i+2:], ";")
	}
	return path
}
