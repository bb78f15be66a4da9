package lua

import (
	"errors"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/upstream"

	"github.com/luahttpd/luahttpd/conf"
)

// argument is ngx.arg: the arguments of set_by_lua, or the chunk that a body
// filter has and may change.
type argument struct {
	list   []string // of set_by_lua
	chunk  []byte
	eof    bool
	try    *upstream.Try // of balancer_by_lua
	client *clientShake  // of the scripts of a client's handshake
	peer   *peerShake
}

// runShort runs the script of a phase that is over before the request goes on,
// for which it waits. A Lua error is logged in the words of that phase and
// returned.
func (own *Conf) runShort(r *phases.Request, k *chunk, a argument, done func(s *state, results []vm.Value)) error {
	e, err := own.engine(r)
	if err != nil {
		return err
	}
	fn, err := e.load(k, r)
	s := e.begin(own, r, k.phase)
	defer s.end()
	if err != nil {
		s.logf(phases.LevelError, "%v", err)
		return errShort
	}
	s.arg = a
	args := make([]vm.Value, len(a.list))
	for i, text := range a.list {
		args[i] = vm.String(text)
	}
	results, err := s.call(fn, args...)
	if err == nil {
		err = s.await()
	}
	if err != nil && !errors.Is(err, errOver) {
		s.logf(phases.LevelError, "failed to run %s: %s", k.phase.context(), failure(err))
		return errShort
	}
	if done != nil {
		done(s, results)
	}
	return nil
}

// errShort is the error of a script that is logged already.
var errShort = &phases.StatusError{Status: 500}

// filterOf is the module's Filter.
func filterOf(own *Conf) (f phases.Filter) {
	head := func(r *phases.Request) error { return nil }
	if k := own.scripts[inHeaderFilter]; k != nil {
		head = func(r *phases.Request) error {
			debugPhase(r, "lua header filter for user lua code, uri \"%s\"")
			return own.filterHeader(r, k)
		}
		f.Header = func(next phases.HeaderFunc) phases.HeaderFunc {
			return func(r *phases.Request) error {
				if err := head(r); err != nil {
					return err
				}
				return next(r)
			}
		}
	}
	k := own.scripts[inBodyFilter]
	switch {
	case k == nil:
	case k.buffered > 0:
		return own.bufferedFilter(k, head)
	default:
		f.Body = func(next phases.BodyFunc) phases.BodyFunc {
			return func(r *phases.Request, c phases.Chunk) error { return own.filterBody(r, k, c, next) }
		}
	}
	return f
}

// debugPhase writes the line of nginx's debug log that a script of a phase is
// about to run.
func debugPhase(r *phases.Request, format string) {
	if r.LogEnabled(phases.LevelDebug) {
		r.Errorf(phases.LevelDebug, format, r.URI)
	}
}

// filterHeader runs header_filter_by_lua. An ngx.exit in it answers with that
// status instead; an error ends the connection, since a page for it would pass
// the script too.
func (own *Conf) filterHeader(r *phases.Request, k *chunk) error {
	code, old := 0, 0
	if m := memoSlot.Get(r); m != nil {
		old = m.exitCode
	}
	err := own.runShort(r, k, argument{}, func(s *state, _ []vm.Value) {
		if s.verdict.kind == exited {
			code = s.verdict.code
		}
	})
	if err != nil {
		return phases.ErrGone
	}
	if code == old || code == 0 {
		return nil
	}
	memoSlot.Ensure(r).exitCode = code
	switch {
	case code < 0:
		return phases.ErrGone
	case code == int(phases.Close): // no page, but a head
		r.Out.Status, r.Out.ContentLength, r.Out.NoBody = code, 0, true
		return nil
	}
	return &phases.StatusError{Status: code}
}

// filterBody runs body_filter_by_lua for one chunk.
func (own *Conf) filterBody(r *phases.Request, k *chunk, c phases.Chunk, next phases.BodyFunc) error {
	debugPhase(r, "lua body filter for user lua code, uri \"%s\"")
	if r.Out.NoBody {
		return next(r, c)
	}
	if m := memoSlot.Get(r); m != nil && m.lastSeen {
		return nil
	}
	c, err := c.Load()
	if err != nil {
		return err
	}
	if c, err = own.runBodyFilter(r, k, c); err != nil {
		return err
	}
	if c.End {
		memoSlot.Ensure(r).lastSeen = true
	}
	return next(r, c)
}

// runBodyFilter returns what the script has made of a chunk.
func (own *Conf) runBodyFilter(r *phases.Request, k *chunk, c phases.Chunk) (phases.Chunk, error) {
	fail := false
	err := own.runShort(r, k, argument{chunk: c.Bytes, eof: c.End}, func(s *state, results []vm.Value) {
		if len(results) > 0 {
			n, ok := results[0].ToNumber()
			fail = ok && (n == exitError || n >= 300)
		}
		c.Bytes = s.arg.chunk
		if s.arg.eof != c.End {
			c.End = s.arg.eof
			c.Last = c.End && r.IsMain()
		}
	})
	if err == nil && fail {
		err = phases.ErrGone
	}
	return c, err
}

// logHandler runs log_by_lua.
func logHandler(r *phases.Request, own *Conf) phases.Result {
	if k := own.scripts[inLog]; k != nil {
		debugPhase(r, "lua log handler, uri:\"%s\" c:0")
		// Its error is logged and changes nothing.
		_ = own.runShort(r, k, argument{}, nil)
	}
	return phases.Declined
}

// addSetOp makes set_by_lua one of the block's rewrite operations.
func addSetOp(own *Conf, b *phases.Block, s *conf.Stmt) error {
	name := s.Args[0]
	if len(name) < 2 || name[0] != '$' {
		return s.Errorf("invalid variable name \"%s\"", name)
	}
	assign, err := b.SettableVariable(s, name[1:])
	if err != nil {
		return err
	}
	k, err := newChunk(b, s, inSet, 1)
	if err != nil {
		return err
	}
	var args []*phases.Template
	if len(s.Args) > 2 {
		for _, text := range s.Args[2:] {
			t, err := b.Template(s, text)
			if err != nil {
				return err
			}
			args = append(args, t)
		}
	}
	b.AddOp(func(r *phases.Request) phases.Result {
		var list []string
		for _, t := range args {
			list = append(list, t.String(r))
		}
		err := own.runShort(r, k, argument{list: list}, func(s *state, results []vm.Value) {
			value := []byte{}
			if len(results) > 0 {
				if text, ok := results[0].ToString(); ok {
					value = []byte(text)
				}
			}
			assign(r, value)
		})
		if err != nil {
			return 500
		}
		return phases.Declined
	})
	return nil
}
