package resty

import (
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// radixTree is a router of resty.radixtree: routes by exact path, and by the
// prefix before their first parameter.
type radixTree struct {
	exact    map[string][]*route
	prefixes prefixTree
}

func openRadixTree(m *vm.VM) *vm.Table {
	c := newClass(m, "", map[string]func(t *vm.Thread, x *radixTree) int{
		"match":        matchRoute,    // (path, opts)
		"dispatch":     dispatchRoute, // (path, opts, ...)
		"add_route":    addRoute,      // (route, opts)
		"update_route": updateRoute,   // (old route, route, opts)
		"delete_route": deleteRoute,   // (route, opts)
		"free":         func(*vm.Thread, *radixTree) int { return 0 },
	})
	c.module.SetStr("_VERSION", vm.Number(1.7))
	c.module.SetStr("new", m.NewFunc("new", func(t *vm.Thread) int {
		if !t.Arg(1).Truth() {
			return refuse(t, "missing argument route")
		}
		x := &radixTree{exact: map[string][]*route{}}
		for _, v := range listOf(t.CheckTable(1).Value()) {
			from := v.Table()
			if from == nil {
				t.Errorf("invalid argument routes")
			}
			x.add(t, from, paths(t, from), noParameters(t, 2))
		}
		t.Push(c.object(m, x))
		return 1
	}))
	return c.module
}

// noParameters tells whether ':' in paths is nothing special.
func noParameters(t *vm.Thread, i int) bool {
	o := t.Arg(i).Table()
	return o != nil && o.GetStr("no_param_match").Truth()
}

// paths gives the paths of a route.
func paths(t *vm.Thread, from *vm.Table) (list []string) {
	v := from.GetStr("paths")
	if v.IsNil() {
		t.Errorf("bad argument #1 to 'ipairs' (table expected, got nil)")
	}
	for _, p := range listOf(v) {
		if p.Kind() != vm.KString {
			t.Errorf("invalid argument path")
		}
		list = append(list, p.Str())
	}
	return list
}

func (x *radixTree) add(t *vm.Thread, from *vm.Table, paths []string, noParameters bool) {
	for _, path := range paths {
		if from.GetStr("metadata").IsNil() && from.GetStr("handler").IsNil() {
			t.Errorf("missing argument metadata or handler")
		}
		r := newRoute(t, path, from, noParameters)
		x.change(r, func(list []*route) []*route { return insertRoute(list, r) })
	}
}

// change changes the list of routes that r is or will be in.
func (x *radixTree) change(r *route, f func(list []*route) []*route) {
	if r.exact {
		x.exact[r.path] = f(x.exact[r.path])
		return
	}
	n := x.prefixes.at(r.path)
	n.routes = f(n.routes)
}

func addRoute(t *vm.Thread, x *radixTree) int {
	from := t.Arg(2).Table()
	if from == nil {
		t.PushString("illegal route")
		return 1
	}
	x.add(t, from, paths(t, from), noParameters(t, 3))
	t.PushNil()
	return 1
}

// updateRoute replaces a route by one with the same id.
func updateRoute(t *vm.Thread, x *radixTree) int {
	old, from := t.Arg(2).Table(), t.Arg(3).Table()
	if old == nil || from == nil {
		t.PushString("illegal argument.")
		return 1
	}
	plain := noParameters(t, 4)
	now := map[string]bool{}
	for _, p := range paths(t, from) {
		now[p] = true
	}
	was := map[string]bool{}
	for _, p := range paths(t, old) {
		was[p] = true
		if !now[p] {
			r := newRoute(t, p, old, plain)
			x.change(r, func(list []*route) []*route { return removeRoute(list, r.id) })
			continue
		}
		r := newRoute(t, p, from, plain)
		x.change(r, func(list []*route) []*route { return insertRoute(removeRoute(list, r.id), r) })
	}
	for _, p := range paths(t, from) {
		if !was[p] {
			x.add(t, from, []string{p}, plain)
		}
	}
	return 0
}

func deleteRoute(t *vm.Thread, x *radixTree) int {
	from := t.Arg(2).Table()
	if from == nil {
		t.PushString("illegal route")
		return 1
	}
	for _, p := range paths(t, from) {
		r := newRoute(t, p, from, noParameters(t, 3))
		x.change(r, func(list []*route) []*route { return removeRoute(list, r.id) })
	}
	t.PushNil()
	return 1
}

func matchRoute(t *vm.Thread, x *radixTree) int {
	r := x.find(t, t.CheckString(2), t.Arg(3), nil)
	if r == nil {
		t.PushNil()
		return 1
	}
	t.Push(r.metadata)
	return 1
}

// dispatchRoute calls the handler of the route with the further arguments.
func dispatchRoute(t *vm.Thread, x *radixTree) int {
	if t.Arg(2).Kind() != vm.KString {
		t.Errorf("invalid argument path")
	}
	var args []vm.Value
	for i := 4; i <= t.NArg(); i++ {
		args = append(args, t.Arg(i))
	}
	r := x.find(t, t.Arg(2).Str(), t.Arg(3), args)
	if r == nil {
		t.PushNil()
		return 1
	}
	if r.handler.Kind() != vm.KFunction {
		return refuse(t, "missing handler")
	}
	return t.CallThen(&vm.Continuation{Then: func(t *vm.Thread) int { t.PushBool(true); return 1 }}, r.handler, args...)
}

// find gives the route of a path: exact ones come first, then those with
// longer prefixes.
func (x *radixTree) find(t *vm.Thread, path string, opts vm.Value, args []vm.Value) *route {
	q := &query{t: t, path: path, opts: opts.Table(), args: args}
	if q.opts != nil {
		if h := q.opts.GetStr("host"); h.Truth() {
			q.host = strings.ToLower(h.Str())
			q.opts.SetStr("host", vm.String(q.host))
		}
		if q.matched = q.opts.GetStr("matched").Table(); q.matched != nil {
			for k, _, ok := q.matched.Next(vm.Nil); ok; k, _, ok = q.matched.Next(vm.Nil) {
				q.matched.Set(k, vm.Nil)
			}
		}
	}
	for _, r := range x.exact[path] {
		if q.allowed(r) {
			q.note("_path", path)
			return r
		}
	}
	nodes := x.prefixes.prefixes(path, nil)
	for i := len(nodes) - 1; i >= 0; i-- {
		for _, r := range nodes[i].routes {
			if q.allowed(r) && r.matchPath(t, path, q.matched) {
				q.note("_path", r.full)
				return r
			}
		}
	}
	return nil
}

// query is what a route is looked for with.
type query struct {
	t       *vm.Thread
	path    string
	host    string
	opts    *vm.Table // may be nil
	matched *vm.Table // where to tell what has matched, may be nil
	args    []vm.Value
}

func (q *query) option(name string) vm.Value {
	if q.opts == nil {
		return vm.Nil
	}
	return q.opts.GetStr(name)
}

func (q *query) note(name, value string) {
	if q.matched != nil {
		q.matched.SetStr(name, vm.String(value))
	}
}

// allowed tells whether a route's conditions are met, the path apart.
func (q *query) allowed(r *route) bool {
	q.t.Pause(1)
	method := q.option("method")
	if r.methods != 0 && methodBit(method.Str())&r.methods == 0 {
		return false
	}
	if q.matched != nil {
		q.matched.SetStr("_method", method)
	}
	if r.remotes != nil {
		addr, ok := parseAddr(q.option("remote_addr").Str())
		if !ok {
			return false
		}
		if _, ok := r.remotes.find(addr); !ok {
			return false
		}
	}
	if len(r.hosts) > 0 && !q.hostOf(r) {
		return false
	}
	vars := q.option("vars")
	var opts vm.Value
	if q.opts != nil {
		opts = q.opts.Value()
	} else {
		opts = q.t.VM().NewTable(0, 0).Value()
	}
	if !r.vars.IsNil() && !q.t.Call1(q.t.Index(r.vars, vm.String("eval")), r.vars, vars, opts).Truth() {
		return false
	}
	if !r.filter.Truth() {
		return true
	}
	if !vars.Truth() {
		vars = q.t.Index(q.t.VM().Globals().GetStr("ngx"), vm.String("var"))
	}
	return q.t.Call1(r.filter, append([]vm.Value{vars, opts}, q.args...)...).Truth()
}

// hostOf looks for the host among those of the route. One with a port is
// compared with the Host header.
func (q *query) hostOf(r *route) bool {
	if q.host == "" {
		return false
	}
	for _, h := range r.hosts {
		host := q.host
		if vars := q.option("vars"); strings.Contains(h.name, ":") && vars.Truth() {
			if v := q.t.Index(vars, vm.String("http_host")); v.Truth() {
				host = v.Str()
			}
		}
		switch {
		case h.suffix && strings.HasSuffix(host, h.name):
			q.note("_host", "*"+h.name)
		case !h.suffix && host == h.name:
			q.note("_host", q.host)
		default:
			continue
		}
		return true
	}
	return false
}
