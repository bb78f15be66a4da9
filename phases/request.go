package phases

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// Request is one HTTP request and the response being made to it. Only the
// worker that owns it touches it. It is reused: nothing of it may be kept
// after the log phase.
type Request struct {
	Config *Config
	Server *Server
	Loc    *Loc
	Worker *actor.Worker
	// Client says who asks; it is reused when the connection ends.
	Client *Client
	// Main is the request that the client sent, for itself too. Parent is the
	// one that made this subrequest, nil for the main request.
	Main, Parent *Request
	Start        time.Time

	// Method is as the client sent it. Head tells HEAD.
	Method string
	// RequestLine, Target ($request_uri) and Fields are slices of the received
	// head, or of what replaced it.
	RequestLine []byte
	Target      []byte
	Fields      []http1.Field
	// URI is the decoded, normalised path ($uri), Args what follows the "?"
	// without it.
	URI, Args    []byte
	Major, Minor int
	// Host is validated and lower-case, without port; empty if there is none.
	Host []byte
	// ContentLength of the request's body, -1 when none is declared.
	ContentLength int64
	Chunked       bool
	// RawHead is the head as it was received, up to and with its empty line.
	RawHead []byte
	// HeadLength is the size of the request's head in bytes.
	HeadLength int
	KeepAlive  bool
	Expect100  bool
	// Internal: made by the server (redirect, subrequest), may see "internal"
	// locations.
	Internal bool
	// Rewritten: URI and Args are no longer those of Target.
	Rewritten bool
	// Moved: the URI was changed but the location kept, so that it need not
	// begin with the location's name.
	Moved bool

	Body Body
	Out  Response
	// UpstreamName is the URL of the peer that is being asked, for the log.
	UpstreamName string
	// Processed is the time when the response had left, for the log phase.
	Processed time.Time

	stream    Stream
	line      line
	phase     Phase
	vars      *[]varValue // shared by subrequests that share all variables
	slots     []slotValue
	captures  []int
	captured  []byte
	scratch   []byte
	cleanups  []func()
	redirects int  // internal redirects and URI changes left
	uriSet    bool // the rewrite phase changed the URI
	opsEnded  bool
	access    Result // remembered verdict of "satisfy any"
	errorPage bool   // an error page is being made
	restart   Phase
	sub       *Subrequest
	wrote     int64
	headBytes int64
	ended     bool
	failed    bool   // a filter failed: the connection is closed
	replaced  Result // the status with which a filter replaces the response
	headLeft  bool   // the head has been given to the stream
	errStatus int    // the status that an error page answers with
	depth     int    // of subrequests
	limitRate int64
	// evaluating is how many variables are being evaluated for one another.
	evaluating uint8
	// shared: a subrequest has the same Fields; whoever changes them changes a copy.
	shared   bool
	text     []byte      // of fields that were set
	spare    []slotValue // of the last request, for reuse
	aliasURI bool        // an "alias" in a regex location has the URI appended
}

// Client is what is known of the other end of the connection.
type Client struct {
	// ID counts connections of the process ($connection).
	ID uint64
	// Addr is the peer's address; invalid for a unix socket, whose Unix is set.
	Addr  netip.AddrPort
	Local netip.AddrPort
	Unix  string
	// Requests counts those of the connection, this one included.
	Requests int
	Since    time.Time
	// Pipelined: the current request was received behind another one.
	Pipelined bool
	TLS       *TLSState
	// ProxyAddr and ProxyLocal come from a PROXY protocol header.
	ProxyAddr, ProxyLocal netip.AddrPort
	// Name is how logs and $remote_addr write the address.
	Name string
	// Debug: what is logged of the client's requests is logged at every level.
	Debug bool
}

// Redirects is how many times the URI of a request may change by internal
// redirects and rewrites before it ends with 500 (nginx's limit).
const Redirects = 10

// Init makes r the main request that stream carries. The caller fills in what
// the client sent.
func (r *Request) Init(cfg *Config, w *actor.Worker, c *Client, stream Stream) {
	vars := r.vars
	if vars == nil {
		vars = new([]varValue)
	}
	clear(*vars)
	*vars = (*vars)[:0]
	out, slots, spare, cleanups, fields, scratch, text, body := r.Out, r.slots[:0], r.spare, r.cleanups[:0], r.Fields[:0], r.scratch, r.text[:0], r.Body
	out.reset()
	body.reset()
	*r = Request{Config: cfg, Worker: w, Client: c, stream: stream, vars: vars, Out: out, slots: slots, spare: spare,
		cleanups: cleanups, Fields: fields, scratch: scratch, text: text, Body: body, ContentLength: -1, redirects: Redirects + 1}
	r.Main = r
	r.Start = w.Now()
	if p := cfg.Process; p != nil && len(p.Debug.Items) > 0 {
		c.Debug = p.debugs(c)
	}
}

// keptText bounds the room for fields that a request object keeps, in bytes.
// What does not fit, because fields are set again and again, has its own.
const keptText = 4 << 10

// Stream is what carries the request: the way to send and to receive.
func (r *Request) Stream() Stream { return r.stream }

// Phase is the phase that the request is in.
func (r *Request) Phase() Phase { return r.phase }

// Field returns the value of the first field called name, nil if there is none.
func (r *Request) Field(name string) []byte {
	for i := range r.Fields {
		if f := &r.Fields[i]; len(f.Name) == len(name) && equalFold(f.Name, name) {
			return f.Value
		}
	}
	return nil
}

// SetField makes value the only one of name; nil removes the field. What the
// server itself reads of Host and Content-Length follows.
func (r *Request) SetField(name string, value []byte) {
	switch {
	case len(name) == 4 && strings.EqualFold(name, "Host"):
		r.setHost(value)
	case len(name) == 14 && strings.EqualFold(name, "Content-Length"):
		r.ContentLength = -1
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil && n >= 0 {
			r.ContentLength = n
		}
	}
	r.ownFields()
	kept, done := r.Fields[:0], value == nil
	for _, f := range r.Fields {
		if len(f.Name) == len(name) && equalFold(f.Name, name) {
			if done {
				continue
			}
			f.Value, done = value, true
		}
		kept = append(kept, f)
	}
	if !done {
		kept = append(kept, http1.Field{Name: r.FieldText(name), Value: value})
	}
	r.Fields = kept
}

// ownFields makes Fields the request's alone.
func (r *Request) ownFields() {
	if r.shared {
		r.Fields, r.shared = append(make([]http1.Field, 0, len(r.Fields)+1), r.Fields...), false
	}
}

// FieldText is a copy of s that lasts as long as the request, for the values of
// its fields.
func (r *Request) FieldText(s string) []byte {
	from := len(r.text)
	if from+len(s) > keptText {
		return []byte(s)
	}
	r.text = append(r.text, s...)
	return r.text[from:len(r.text):len(r.text)]
}

func (r *Request) setHost(value []byte) {
	host, _, ok := http1.SplitHost(value)
	if !ok {
		host, _, _ = bytes.Cut(value, []byte(":"))
	}
	r.Host = bytes.ToLower(host)
}

// AddField appends a field to those that the client sent.
func (r *Request) AddField(name string, value []byte) {
	r.ownFields()
	r.Fields = append(r.Fields, http1.Field{Name: r.FieldText(name), Value: value})
}

func equalFold(a []byte, b string) bool {
	for i := 0; i < len(b); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}

// IsHead tells whether the response goes without its body.
func (r *Request) IsHead() bool { return r.Method == "HEAD" }

// Complete tells whether the whole response has been made.
func (r *Request) Complete() bool { return r.ended && !r.failed }

// IsMain tells the client's own request from subrequests.
func (r *Request) IsMain() bool { return r.Main == r }

// BytesSent counts what went to the client, BodyBytesSent the same without the
// head.
func (r *Request) BytesSent() int64     { return r.Main.wrote }
func (r *Request) BodyBytesSent() int64 { return max(r.Main.wrote-r.Main.headBytes, 0) }

// SetHeadLength is called by the stream when it has put the head together.
func (r *Request) SetHeadLength(n int) { r.headLeft, r.headBytes = true, int64(n) }

// Wrote is called by the stream for n bytes that have gone to the client.
func (r *Request) Wrote(n int64) { r.Main.wrote += n }

// Extension is what follows the last dot of the last segment of the URI.
func (r *Request) Extension() []byte {
	for i := len(r.URI) - 1; i > 0 && r.URI[i] != '/'; i-- {
		if r.URI[i] == '.' && r.URI[i-1] != '/' {
			return r.URI[i+1:]
		}
	}
	return nil
}

// OnEnd registers f to run when the request ends, after the log phase, last
// registered first.
func (r *Request) OnEnd(f func()) { r.cleanups = append(r.cleanups, f) }

// InternalRedirect gives the request another URI and the arguments args; the
// caller returns the Result. Too many of them end in 500.
func (r *Request) InternalRedirect(uri, args []byte) Result {
	r.redirects--
	if r.redirects == 0 {
		r.Errorf(LevelError, "rewrite or internal redirection cycle while internally redirecting to \"%s\"", uri)
		return 500
	}
	r.URI, r.Args = bytes.Clone(uri), bytes.Clone(args)
	r.forget()
	r.Internal, r.uriSet = true, false
	r.Rewritten, r.Moved, r.aliasURI = true, false, false
	r.Loc, r.restart = r.Server.Loc, ServerRewrite
	return Redirected
}

// NamedLocation moves the request to a location @name.
func (r *Request) NamedLocation(name string) Result {
	r.redirects--
	if r.redirects == 0 {
		r.Errorf(LevelError, "rewrite or internal redirection cycle while redirect to named location \"%s\"", name)
		return 500
	}
	if len(r.URI) == 0 {
		r.Errorf(LevelError, "empty URI in redirect to named location \"%s\"", name)
		return 500
	}
	l := r.Server.named[name]
	if l == nil {
		r.Errorf(LevelError, "could not find named location \"%s\"", name)
		return 500
	}
	r.forget()
	r.Internal, r.uriSet = true, false
	r.Loc, r.restart = l, Rewrite
	r.opsEnded = false
	return Redirected
}

// forget drops what handlers and filters remembered, but for what is kept over
// redirects.
func (r *Request) forget() {
	kept := r.slots[:0]
	for _, s := range r.slots {
		if s.keep {
			kept = append(kept, s)
		}
	}
	clear(r.slots[len(kept):])
	r.slots = kept
}

func (r *Request) takeScratch() []byte {
	b := r.scratch
	r.scratch = nil
	return b[:0]
}

// scratchLimit bounds the memory that a request keeps for the next one.
const scratchLimit = 4096

func (r *Request) putScratch(b []byte) {
	if cap(b) <= scratchLimit {
		r.scratch = b
	}
}
