package lua

import (
	"errors"
	"strconv"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// requestBodyArea is ngx.req's part on the request's body.
var requestBodyArea = area{rows: []row{
	{"req.read_body", handlers, readBody},
	{"req.discard_body", handlers + "T", func(t *vm.Thread, s *state) int {
		s.needRequest(t)
		if t.NArg() != 0 {
			t.Errorf("expecting 0 arguments but seen %d", t.NArg())
		}
		s.bodyResult(t, s.r.DiscardBody())
		return 0
	}},
	{"req.get_body_data", requestPhases, getBodyData},
	{"req.get_body_file", requestPhases, func(t *vm.Thread, s *state) int {
		if b := &s.r.Body; b.Read && b.File != nil {
			t.PushString(b.Path)
		} else {
			t.PushNil()
		}
		return 1
	}},
	{"req.set_body_data", handlers + "U", func(t *vm.Thread, s *state) int {
		if t.NArg() != 1 {
			t.Errorf("expecting 1 arguments but seen %d", t.NArg())
		}
		data := t.CheckString(1)
		s.checkBody(t)
		s.r.SetBody([]byte(data))
		s.bodyChanged()
		return 0
	}},
	{"req.set_body_file", handlers + "U", setBodyFile},
	{"req.init_body", "S" + handlers, initBody},
	{"req.append_body", "S" + handlers, func(t *vm.Thread, s *state) int {
		if t.NArg() != 1 {
			t.Errorf("expecting 1 arguments but seen %d", t.NArg())
		}
		data := t.CheckString(1)
		if _, err := s.bodyBuilder(t).Write([]byte(data)); err != nil {
			t.Errorf("fail to append body: %v", err)
		}
		return 0
	}},
	{"req.finish_body", "S" + handlers, func(t *vm.Thread, s *state) int {
		if t.NArg() != 0 {
			t.Errorf("expecting 0 argument but seen %d", t.NArg())
		}
		s.bodyBuilder(t).Finish()
		builderSlot.Drop(s.r)
		s.bodyChanged()
		return 0
	}},
}}

func readBody(t *vm.Thread, s *state) int {
	if t.NArg() != 0 {
		t.Errorf("expecting 0 arguments but seen %d", t.NArg())
	}
	s.bodyResult(t, s.r.ReadBody())
	return 0
}

// bodyResult ends the run when the client's body could not be read.
func (s *state) bodyResult(t *vm.Thread, err error) {
	if err == nil {
		return
	}
	code := exitError
	var se *phases.StatusError
	if errors.As(err, &se) {
		code = se.Status
	}
	s.r.Result(err) // logs it
	s.over(t, verdict{kind: exited, code: code})
}

func getBodyData(t *vm.Thread, s *state) int {
	if t.NArg() > 1 {
		t.Errorf("expecting 0 or 1 arguments but seen %d", t.NArg())
	}
	limit := t.OptInt(1, 0)
	data, ok := s.bodyData(t)
	if !ok || len(data) == 0 {
		t.PushNil()
		return 1
	}
	if limit > 0 && len(data) > limit {
		data = data[:limit]
	}
	t.PushBytes(data)
	return 1
}

// bodyData is the client's body if it was read; one in a file only as far as
// lua_body_data_max goes. That is not kept: whoever asks again has it read again.
func (s *state) bodyData(t *vm.Thread) (data []byte, ok bool) {
	b := &s.r.Body
	switch {
	case !b.Read:
		return nil, false
	case b.File == nil:
		return b.Data, true
	case b.Size > s.own.bodyMax:
		return nil, false
	}
	t.Reserve(int(b.Size))
	data = make([]byte, b.Size)
	if _, err := b.File.ReadAt(data, 0); err != nil {
		s.logf(phases.LevelCrit, "read() \"%s\" failed (%s)", b.Path, phases.Errno(err))
		return nil, false
	}
	return data, true
}

// checkBody raises an error unless the client's body was read.
func (s *state) checkBody(t *vm.Thread) {
	switch b := &s.r.Body; {
	case b.Discarded:
		t.Errorf("request body already discarded asynchronously")
	case !b.Read && !b.Streaming:
		t.Errorf("request body not read yet")
	}
}

// bodyChanged makes the request's fields say what its body is now.
func (s *state) bodyChanged() {
	r := s.r
	if r.Field("Transfer-Encoding") != nil {
		r.SetField("Transfer-Encoding", nil)
	}
	r.SetField("Content-Length", strconv.AppendInt(nil, r.Body.Size, 10))
}

func setBodyFile(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 1 && n != 2 {
		t.Errorf("expecting 1 or 2 arguments but seen %d", n)
	}
	path, clean := t.CheckString(1), false
	if t.NArg() == 2 {
		clean = t.CheckBool(2)
	}
	s.checkBody(t)
	if err := s.r.SetBodyFile(s.r.Config.Path(path), clean); err != nil {
		s.logf(phases.LevelError, "%s", phases.OpenError(err))
		t.Errorf("open() \"%s\" failed", path)
	}
	s.bodyChanged()
	return 0
}

var builderSlot = phases.NewSlot[*phases.BodyBuilder](phases.KeepNothing)

func initBody(t *vm.Thread, s *state) int {
	if t.NArg() > 1 {
		t.Errorf("expecting 0 or 1 argument but seen %d", t.NArg())
	}
	size := int64(-1)
	if t.NArg() == 1 && !t.Arg(1).IsNil() {
		n := t.CheckInt(1)
		if n < 0 {
			t.Errorf("bad size argument: %d", n)
		}
		size = int64(n)
	}
	s.checkBody(t)
	*builderSlot.Ensure(s.r) = s.r.BuildBody(size)
	return 0
}

func (s *state) bodyBuilder(t *vm.Thread) *phases.BodyBuilder {
	s.checkBody(t)
	b := builderSlot.Get(s.r)
	if b == nil {
		t.Errorf("request body not initialized")
	}
	return *b
}
