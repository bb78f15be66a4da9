package upstream

import (
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Settings is what every protocol's module says of its exchanges: proxy_x,
// fastcgi_x, … for the same x.
type Settings struct {
	ConnectTimeout time.Duration // 60s
	SendTimeout    time.Duration // 60s, between two writes
	ReadTimeout    time.Duration // 60s, between two reads
	// Buffering off passes each piece of the answer on at once.
	Buffering bool
	// RequestBuffering reads the whole request body before a peer is asked.
	RequestBuffering  bool
	BufferSize        int64 // bytes of an answer's head at most (4k)
	Buffers           int   // times BuffersSize: how much of the body is read at once (8 4k)
	BuffersSize       int64
	BusySize          int64 // 0: twice the larger of both sizes; what it bounds is sent at once here
	NextUpstream      Causes
	NextTries         int // 0: all peers
	NextTimeout       time.Duration
	InterceptErrors   bool
	IgnoreClientAbort bool
	ForceRanges       bool
	PassTrailers      bool
	LimitRate         *phases.Template
	SocketKeepalive   bool
	Greet             bool // connections begin with a PROXY protocol header
	Bind              *bind
	Ignore            Ignored
	Hide, Pass        conf.List[string]
	PassHeaders       bool
	PassBody          bool
	Cache             cacheConf
	store             storeConf
	temp              tempConf

	hidden nameSet
}

// Causes are the reasons for which a request goes to the next peer.
type Causes uint32

// In the order of nginx's list.
const (
	OnError Causes = 1 << iota
	OnTimeout
	OnInvalidHeader
	On500
	On502
	On503
	On504
	On403
	On404
	On429
	NonIdempotent
	Updating
	nextOff
	noLive
)

var causeNames = []string{"error", "timeout", "invalid_header", "http_500", "http_502", "http_503", "http_504",
	"http_403", "http_404", "http_429", "non_idempotent", "updating", "off"}

// code is the cause as nginx's debug log writes it: its bit, in hexadecimal.
func (c Causes) code() string {
	switch c {
	case noLive:
		return "40000000"
	case nextOff:
		return "80000000"
	}
	return strconv.FormatUint(uint64(c)<<1, 16)
}

// statusCause is the cause that a peer's status is, 0 for none.
func statusCause(status int) Causes {
	switch status {
	case 500:
		return On500
	case 502:
		return On502
	case 503:
		return On503
	case 504:
		return On504
	case 403:
		return On403
	case 404:
		return On404
	case 429:
		return On429
	}
	return 0
}

// Ignored are the fields of an answer that change nothing here.
type Ignored uint16

const (
	ignoreRedirect Ignored = 1 << iota
	ignoreExpires
	ignoreLimitRate
	ignoreBuffering
	ignoreCharset
	ignoreOtherExpires
	ignoreCacheControl
	ignoreSetCookie
	ignoreVary
)

var ignoredNames = []string{"X-Accel-Redirect", "X-Accel-Expires", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset",
	"Expires", "Cache-Control", "Set-Cookie", "Vary"}

// bind is the address that connections to peers are made from.
type bind struct {
	addr        *phases.Template // nil: off
	transparent bool
}

func defaultSettings(protocol string) Settings {
	return Settings{
		ConnectTimeout: time.Minute, SendTimeout: time.Minute, ReadTimeout: time.Minute,
		Buffering: true, RequestBuffering: true, BufferSize: 4 << 10, Buffers: 8, BuffersSize: 4 << 10,
		NextUpstream: OnError | OnTimeout, PassHeaders: true, PassBody: true, Cache: defaultCache(), store: storeConf{mode: 0o600},
		temp: tempConf{dir: protocol + "_temp", max: 1 << 30},
	}
}

// settings makes the rows of Settings for the protocol whose directives begin
// with prefix ("proxy_").
type settings[T any] struct {
	prefix string
	of     func(*T) *Settings
}

func (k settings[T]) flag(name string, field func(*Settings) *bool) phases.Directive[T] {
	return phases.SetFlag(k.prefix+name, anywhere, func(t *T) *bool { return field(k.of(t)) })
}

func (k settings[T]) duration(name string, field func(*Settings) *time.Duration) phases.Directive[T] {
	return phases.SetDuration(k.prefix+name, anywhere, func(t *T) *time.Duration { return field(k.of(t)) })
}

func (k settings[T]) size(name string, field func(*Settings) *int64) phases.Directive[T] {
	return phases.SetSize(k.prefix+name, anywhere, func(t *T) *int64 { return field(k.of(t)) })
}

func (k settings[T]) set(name string, args conf.Arity, set func(own *Settings, b *phases.Block, s *conf.Stmt) error) phases.Directive[T] {
	return phases.Set(k.prefix+name, anywhere, args, func(own *T, b *phases.Block, s *conf.Stmt) error { return set(k.of(own), b, s) })
}

func (k settings[T]) names(name string, field func(*Settings) *conf.List[string]) phases.Directive[T] {
	return phases.Add(k.prefix+name, anywhere, conf.Exactly(1), func(own *T, _ *phases.Block, s *conf.Stmt) error {
		field(k.of(own)).Add(s, s.Args[0])
		return nil
	})
}

// peerRows are the directives that every protocol has.
func peerRows[T any](prefix string, f func(*T) *Settings) []phases.Directive[T] {
	k := settings[T]{prefix, f}
	return []phases.Directive[T]{
		k.duration("connect_timeout", func(s *Settings) *time.Duration { return &s.ConnectTimeout }),
		k.duration("send_timeout", func(s *Settings) *time.Duration { return &s.SendTimeout }),
		k.duration("read_timeout", func(s *Settings) *time.Duration { return &s.ReadTimeout }),
		k.size("buffer_size", func(s *Settings) *int64 { return &s.BufferSize }),
		k.set("next_upstream", conf.AtLeast(1), setNext),
		phases.SetInt(prefix+"next_upstream_tries", anywhere, func(t *T) *int { return &f(t).NextTries }),
		k.duration("next_upstream_timeout", func(s *Settings) *time.Duration { return &s.NextTimeout }),
		k.flag("socket_keepalive", func(s *Settings) *bool { return &s.SocketKeepalive }),
		k.set("bind", conf.Between(1, 2), setBind),
	}
}

// settingRows are the directives of the protocols that carry HTTP's requests
// and answers.
func settingRows[T any](prefix string, f func(*T) *Settings) []phases.Directive[T] {
	k := settings[T]{prefix, f}
	rows := append(peerRows(prefix, f),
		k.flag("buffering", func(s *Settings) *bool { return &s.Buffering }),
		k.flag("request_buffering", func(s *Settings) *bool { return &s.RequestBuffering }),
		k.set("buffers", conf.Exactly(2), func(own *Settings, _ *phases.Block, s *conf.Stmt) (err error) {
			own.Buffers, own.BuffersSize, err = s.Buffers()
			return err
		}),
		phases.Checked("what has come is sent as soon as the client takes it", k.size("busy_buffers_size", func(s *Settings) *int64 { return &s.BusySize })),
		k.flag("intercept_errors", func(s *Settings) *bool { return &s.InterceptErrors }),
		k.flag("ignore_client_abort", func(s *Settings) *bool { return &s.IgnoreClientAbort }),
		k.flag("force_ranges", func(s *Settings) *bool { return &s.ForceRanges }),
		k.flag("pass_request_headers", func(s *Settings) *bool { return &s.PassHeaders }),
		k.flag("pass_request_body", func(s *Settings) *bool { return &s.PassBody }),
		k.set("limit_rate", conf.Exactly(1), func(own *Settings, b *phases.Block, s *conf.Stmt) (err error) {
			if own.LimitRate, err = b.Template(s, s.Args[0]); err != nil {
				return err
			}
			if text, is := own.LimitRate.Const(); is {
				if _, ok := conf.Size(text); !ok {
					return s.Problem("invalid value")
				}
			}
			return nil
		}),
		k.set("ignore_headers", conf.AtLeast(1), setIgnore),
		k.names("hide_header", func(s *Settings) *conf.List[string] { return &s.Hide }),
		k.names("pass_header", func(s *Settings) *conf.List[string] { return &s.Pass }))
	rows = append(rows, tempRows(prefix, f)...)
	rows = append(rows, storeRows(prefix, f)...)
	return append(rows, cacheRows(prefix, func(t *T) *cacheConf { return &f(t).Cache })...)
}

// roomy is why nothing here asks for a size in advance.
const roomy = "sockets and tables are as large as they must be"

func setNext(own *Settings, _ *phases.Block, s *conf.Stmt) error {
	own.NextUpstream = 0
	for _, a := range s.Args {
		i := index(causeNames, a)
		if a == "not_found" && strings.HasPrefix(s.Name, "memcached_") {
			i = index(causeNames, "http_404")
		}
		if i < 0 {
			return s.Errorf("invalid value \"%s\"", a)
		}
		own.NextUpstream |= 1 << i
	}
	if own.NextUpstream&nextOff != 0 {
		own.NextUpstream = nextOff
	}
	return nil
}

func setIgnore(own *Settings, _ *phases.Block, s *conf.Stmt) error {
	own.Ignore = 0
	for _, a := range s.Args {
		i := index(ignoredNames, a)
		if i < 0 {
			return s.Errorf("invalid value \"%s\"", a)
		}
		own.Ignore |= 1 << i
	}
	return nil
}

func index(names []string, name string) int {
	for i, n := range names {
		if strings.EqualFold(n, name) {
			return i
		}
	}
	return -1
}

func setBind(own *Settings, b *phases.Block, s *conf.Stmt) error {
	if s.Args[0] == "off" && len(s.Args) == 1 {
		own.Bind = nil
		return nil
	}
	if len(s.Args) == 2 && s.Args[1] != "transparent" {
		return s.Errorf("invalid parameter \"%s\"", s.Args[1])
	}
	t, err := b.Template(s, s.Args[0])
	if err != nil {
		return err
	}
	if text, is := t.Const(); is {
		if _, ok := bindAddr(text); !ok {
			return s.Errorf("invalid address \"%s\"", text)
		}
	}
	own.Bind = &bind{t, len(s.Args) == 2}
	return nil
}

// bindAddr reads "address" or "address:port".
func bindAddr(text string) (actor.Addr, bool) {
	host, port, fault := splitURL(text)
	if fault != "" {
		host, port = "["+text+"]", 0
	}
	a, ok := literal(host, port)
	return a, ok && !a.IsUnix()
}

// check refuses sizes that nginx refuses; prefix is that of the directives.
func (s *Settings) check(b *phases.Block, prefix string) error {
	one := max(s.BufferSize, s.BuffersSize)
	reason, largest := "", " the maximum of the value of \"%[1]sbuffer_size\" and one of the \"%[1]sbuffers\""
	busy := s.BusySize
	if busy == 0 {
		busy = 2 * one
	}
	switch {
	case s.Buffers < 2:
		reason = "there must be at least 2 \"%[1]sbuffers\""
	case busy < one:
		reason = "\"%[1]sbusy_buffers_size\" must be equal to or greater than" + largest
	case busy > int64(s.Buffers-1)*s.BuffersSize:
		reason = "\"%[1]sbusy_buffers_size\" must be less than the size of all \"%[1]sbuffers\" minus one buffer"
	case s.temp.write != 0 && s.temp.write < one:
		reason = "\"%[1]stemp_file_write_size\" must be equal to or greater than" + largest
	case s.temp.max != 0 && s.temp.max < one:
		reason = "\"%[1]smax_temp_file_size\" must be equal to zero to disable temporary files usage or must be equal to or greater than" + largest
	default:
		return nil
	}
	for b.Context != conf.HTTP && b.Parent != nil {
		b = b.Parent
	}
	return b.Stmt.EndErrorf(reason, prefix)
}

// hide makes the set of the fields of an answer that clients do not see:
// always plus Hide, without Pass.
func (s *Settings) hide(always []string) {
	var set nameSet
	for _, n := range always {
		if index(s.Pass.Items, n) < 0 {
			set.add(n)
		}
	}
	for _, n := range s.Hide.Items {
		if index(s.Pass.Items, n) < 0 {
			set.add(n)
		}
	}
	s.hidden = set
}

// nameSet is a set of field names, compared without regard to case. It is
// built once; a copy shares it.
type nameSet struct{ byLength [][]string }

func (n *nameSet) add(name string) {
	if n.has(name) {
		return
	}
	for len(n.byLength) <= len(name) {
		n.byLength = append(n.byLength, nil)
	}
	n.byLength[len(name)] = append(n.byLength[len(name)], strings.ToLower(name))
}

func (n *nameSet) has(name string) bool { return hasName(n, name) }

func hasName[S ~string | ~[]byte](n *nameSet, name S) bool {
	if len(name) >= len(n.byLength) {
		return false
	}
	for _, known := range n.byLength[len(name)] {
		if sameName(name, known) {
			return true
		}
	}
	return false
}

// sameName compares a field's name with one in lower case of equal length.
func sameName[S ~string | ~[]byte](name S, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
