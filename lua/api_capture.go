package lua

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// captureArea is ngx.location: requests to other locations of the server,
// whose responses scripts get as tables.
var captureArea = area{
	rows: []row{
		{"location.capture", "RAC", func(t *vm.Thread, s *state) int {
			n := t.NArg()
			if n != 1 && n != 2 {
				t.Errorf("expecting one or two arguments")
			}
			c := s.newCapture(t, t.Arg(1), t.Arg(2), 1)
			s.subrequests++
			defer func() { s.subrequests-- }()
			c.run()
			t.Push(c.result(s.e))
			return 1
		}},
		{"location.capture_multi", "RAC", captureMulti},
	},
	open: func(e *engine, ngx *vm.Table) {
		e.captureTable = e.vm.NewTable(0, 1)
		e.captureTable.SetStr("__index", e.vm.NewFunc("__index", captureIndex))
	},
}

// captured is one subrequest of a script.
type captured struct {
	r   *phases.Request
	sub phases.Subrequest
}

func captureMulti(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 1 {
		t.Errorf("only one argument is expected, but got %d", n)
	}
	list := t.CheckTable(1)
	n := list.Len()
	if n == 0 {
		t.Errorf("at least one subrequest should be specified")
	}
	all := make([]*captured, n)
	for i := range n {
		item := list.GetInt(i + 1)
		query := item.Table()
		if query == nil {
			t.Errorf("the query argument %d is not a table, but a %s", i+1, item.Kind())
		}
		if k := query.Len(); k != 1 && k != 2 {
			t.Errorf("query argument %d expecting one or two arguments", i+1)
		}
		all[i] = s.newCapture(t, query.GetInt(1), query.GetInt(2), i+1)
	}
	s.subrequests += n
	defer func() { s.subrequests -= n }()
	runAll(s.e.worker, all)
	for _, c := range all {
		t.Push(c.result(s.e))
	}
	return n
}

// runAll runs subrequests beside one another, each on a coroutine of its own,
// and parks until all have ended.
func runAll(w *actor.Worker, all []*captured) {
	if len(all) == 1 {
		all[0].run()
		return
	}
	left := len(all)
	var ended waiter
	cos := make([]*actor.Coroutine, len(all))
	defer func() {
		if left > 0 { // the script was killed while it waited
			ended = waiter{}
			for _, co := range cos {
				if co != nil && !co.Dead() {
					co.Kill()
				}
			}
		}
	}()
	for i, c := range all {
		cos[i] = w.Go(func() {
			defer func() {
				if left--; left == 0 {
					ended.wake()
				}
			}()
			c.run()
		})
	}
	for left > 0 {
		ended = newWaiter(w.Current())
		ended.park()
	}
}

func (c *captured) run() { c.r.Run() }

// newCapture makes the subrequest for a URI and options; i counts it for error
// messages.
func (s *state) newCapture(t *vm.Thread, uri, options vm.Value, i int) *captured {
	text, ok := uri.ToString()
	if !ok {
		t.TypeError(i, "string")
	}
	opts := options.Table()
	if opts == nil && !options.IsNil() {
		t.Errorf("expecting table as the 2nd argument for subrequest %d, but got %s", i, options.Kind())
	}
	path, args, ok := s.r.SplitURI([]byte(text))
	if !ok {
		t.Errorf("unsafe uri in argument #%d: %s", i, text)
	}
	get := func(name string) vm.Value {
		if opts == nil {
			return vm.Nil
		}
		return opts.GetStr(name)
	}
	if more := s.captureArgs(t, get("args")); more != "" {
		args = bytes.Clone(args)
		if len(args) > 0 {
			args = append(args, '&')
		}
		args = append(args, more...)
	}
	c := &captured{sub: phases.Subrequest{Capture: true, NoPages: true}}
	sub, se := s.r.NewSubrequest(path, args, &c.sub)
	if se != nil {
		s.r.Errorf(se.Level, "lua %s", se.Reason)
		t.Errorf("failed to issue subrequest: -1")
	}
	c.r = sub
	if s.debugs() {
		s.debugf("lua http subrequest \"%s?%s\"", path, args)
	}
	s.captureVariables(t, sub, get)
	s.captureBody(t, sub, get)
	s.captureFields(t, sub, get("headers"))
	if table := get("ctx"); !table.IsNil() {
		if table.Kind() != vm.KTable {
			t.Errorf("Bad ctx option value type %s, expected a Lua table", table.Kind())
		}
		memoSlot.Ensure(sub).table = table
	}
	return c
}

func (s *state) captureArgs(t *vm.Thread, v vm.Value) string {
	switch v.Kind() {
	case vm.KNil:
		return ""
	case vm.KTable:
		return s.e.encodeArgs(t, v.Table())
	case vm.KString, vm.KNumber:
		text, _ := v.ToString()
		return text
	}
	t.Errorf("Bad args option value")
	return ""
}

// flagOption is a boolean option.
func flagOption(t *vm.Thread, v vm.Value, bad string) bool {
	if v.Kind() != vm.KNil && v.Kind() != vm.KBool {
		t.Errorf("%s", bad)
	}
	return v.Truth()
}

// captureVariables gives the subrequest its variables: its own and empty ones
// unless the options say otherwise.
func (s *state) captureVariables(t *vm.Thread, sub *phases.Request, get func(name string) vm.Value) {
	vars := get("vars")
	if vars.Kind() != vm.KNil && vars.Kind() != vm.KTable {
		t.Errorf("Bad vars option value")
	}
	shared := flagOption(t, get("share_all_vars"), "Bad share_all_vars option value")
	copied := flagOption(t, get("copy_all_vars"), "Bad copy_all_vars option value")
	if !shared {
		sub.OwnVariables(copied)
	}
	list := vars.Table()
	if list == nil {
		return
	}
	for k, v, ok := list.Next(vm.Nil); ok; k, v, ok = list.Next(k) {
		if k.Kind() != vm.KString {
			t.Errorf("attempt to use a non-string key in the \"vars\" option table")
		}
		value, ok := v.ToString()
		if !ok && v.Kind() == vm.KBool {
			value, ok = t.ToString(v), true
		}
		if !ok {
			t.Errorf("attempt to use value of type %s in the \"vars\" option table", v.Kind())
		}
		if err := sub.SetVariable(k.Str(), []byte(value)); err != nil {
			s.logf(phases.LevelError, "%v", err)
			t.Errorf("failed to set the subrequest's variables")
		}
	}
}

// captureBody gives the subrequest its method and body. Without one in the
// options it has the request's when its method is one that comes with a body.
func (s *state) captureBody(t *vm.Thread, sub *phases.Request, get func(name string) vm.Value) {
	if v := get("method"); !v.IsNil() {
		if v.Kind() != vm.KNumber {
			t.Errorf("Bad http request method")
		}
		name, ok := methodName(v)
		if !ok {
			s.logf(phases.LevelError, "unsupported HTTP method: %s", t.ToString(v))
			t.Errorf("failed to adjust the subrequest: -1")
		}
		sub.Method = name
	}
	forward := flagOption(t, get("always_forward_body"), "Bad always_forward_body option value")
	body := get("body")
	switch {
	case body.Kind() == vm.KString:
		setSubBody(sub, []byte(body.Str()))
	case !body.IsNil():
		t.Errorf("Bad http request body")
	case !forward && sub.Method != "POST" && sub.Method != "PUT":
		if sub.Body.Read && sub.Body.Size > 0 {
			sub.SetBody(nil)
		}
		sub.ContentLength = -1
		dropFields(sub, "Content-Length", "Transfer-Encoding")
	case sub.Body.Read && sub.Field("Transfer-Encoding") != nil:
		dropFields(sub, "Transfer-Encoding")
		sub.SetField("Content-Length", strconv.AppendInt(nil, sub.Body.Size, 10))
	}
}

func setSubBody(sub *phases.Request, body []byte) {
	sub.SetBody(body)
	dropFields(sub, "Transfer-Encoding")
	sub.SetField("Content-Length", strconv.AppendInt(nil, int64(len(body)), 10))
}

func dropFields(r *phases.Request, names ...string) {
	for _, name := range names {
		if r.Field(name) != nil {
			r.SetField(name, nil)
		}
	}
}

// captureFields sets the fields of the option headers.
func (s *state) captureFields(t *vm.Thread, sub *phases.Request, v vm.Value) {
	list := v.Table()
	if list == nil {
		if !v.IsNil() {
			t.Errorf("Bad headers option value type %s, expected a Lua table", v.Kind())
		}
		return
	}
	for k, v, ok := list.Next(vm.Nil); ok; k, v, ok = list.Next(k) {
		name, ok := k.ToString()
		if !ok {
			t.Errorf("attempt to use a non-string key in the \"headers\" option table")
		}
		putField(sub, name, fieldValues(t, v, nil), true)
	}
}

// result is the table of the response: status, header, body, truncated.
func (c *captured) result(e *engine) vm.Value {
	r := c.r
	status := r.Out.Status
	if status == 0 {
		status = c.sub.Status
	}
	if status == 0 {
		status = 200
	}
	header := e.vm.NewTable(0, 4)
	for _, f := range r.Out.All() {
		e.addMulti(header, f.Name, vm.String(f.Value))
	}
	o := &r.Out
	if o.ContentType != "" {
		header.Set(keyType, vm.Bytes(o.AppendContentType(nil)))
	}
	if o.ContentLength >= 0 && o.Sent {
		header.Set(keyLength, vm.Number(float64(o.ContentLength)))
	}
	if !o.LastModified.IsZero() {
		header.SetStr("Last-Modified", vm.Bytes(http1.AppendHTTPDate(nil, o.LastModified)))
	}
	header.SetMetatable(e.captureTable)
	res := e.vm.NewTable(0, 4)
	res.Set(keyStatus, vm.Int(status))
	res.Set(keyHeader, header.Value())
	res.Set(keyBody, vm.Bytes(c.sub.Body))
	res.Set(keyTruncated, vm.Bool(!r.Complete() || c.sub.Truncated))
	return res.Value()
}

// The keys of a captured response.
var (
	keyStatus, keyHeader  = vm.String("status"), vm.String("header")
	keyBody, keyTruncated = vm.String("body"), vm.String("truncated")
	keyType, keyLength    = vm.String("Content-Type"), vm.String("Content-Length")
)

// captureIndex finds a field of a captured response in any letters,
// underscores for hyphens.
func captureIndex(t *vm.Thread) int {
	name, ok := t.Arg(2).ToString()
	table := t.Arg(1).Table()
	if !ok || table == nil {
		t.PushNil()
		return 1
	}
	name = strings.ReplaceAll(name, "_", "-")
	for k, v, ok := table.Next(vm.Nil); ok; k, v, ok = table.Next(k) {
		if strings.EqualFold(k.Str(), name) {
			t.Push(v)
			return 1
		}
	}
	t.PushNil()
	return 1
}
