package resty

import (
	"slices"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/pcre"
)

// route is a route of resty.radixtree for one of its paths.
type route struct {
	id                vm.Value
	full, path        string // with and without parameters
	exact, parameters bool
	methods           uint32 // bits of routeMethods, 0: all
	hosts             []routeHost
	remotes           *addresses
	vars              vm.Value // an expression of resty.expr.v1
	filter            vm.Value
	priority          float64
	metadata, handler vm.Value
	pattern           *pcre.Regex // of full, when it is needed
	names             []string    // of its parameters
}

type routeHost struct {
	suffix bool
	name   string
}

// routeMethods are the methods by which a route can be restricted.
var routeMethods = []string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PURGE"}

func methodBit(name string) uint32 {
	if i := slices.Index(routeMethods, name); i >= 0 {
		return 1 << i
	}
	return 0
}

// newRoute reads a route's table.
func newRoute(t *vm.Thread, path string, from *vm.Table, noParameters bool) *route {
	r := &route{id: from.GetStr("id"), full: path, path: path, exact: true, filter: from.GetStr("filter_fun"),
		metadata: from.GetStr("metadata"), handler: from.GetStr("handler")}
	r.priority, _ = from.GetStr("priority").ToNumber()
	for _, v := range listOf(from.GetStr("methods")) {
		bit := methodBit(v.Str())
		if bit == 0 && from.GetStr("methods").Kind() == vm.KTable {
			t.Errorf("invalid method: %s", t.ToString(v))
		}
		r.methods |= bit
	}
	for _, v := range listOf(from.GetStr("hosts")) {
		name := strings.ToLower(v.Str())
		rest, suffix := strings.CutPrefix(name, "*")
		r.hosts = append(r.hosts, routeHost{suffix, rest})
	}
	if i := strings.IndexByte(path, ':'); i >= 0 && !noParameters {
		r.path, r.exact, r.parameters = path[:i], false, true
	} else if i := strings.IndexByte(path, '*'); i >= 0 {
		r.path, r.exact, r.parameters = path[:i], false, i != len(path)-1
	}
	if v := from.GetStr("remote_addrs"); v.Truth() {
		r.remotes = &addresses{}
		for _, a := range listOf(v) {
			if bad := r.remotes.add(t.ToString(a), vm.Bool(true)); bad != "" {
				t.Errorf("invalid IP address: %s", bad)
			}
		}
	}
	r.readVars(t, from.GetStr("vars"))
	return r
}

// readVars has the conditions on variables compiled by resty.expr.v1.
func (r *route) readVars(t *vm.Thread, v vm.Value) {
	if !v.Truth() {
		return
	}
	if v.Kind() != vm.KTable {
		t.Errorf("invalid argument vars")
	}
	expr := t.Call1(t.VM().Globals().GetStr("require"), vm.String("resty.expr.v1"))
	res := t.CallRaw(t.Index(expr, vm.String("new")), v)
	if len(res) == 0 || !res[0].Truth() {
		why := ""
		if len(res) > 1 {
			why = res[1].Str()
		}
		t.Errorf("failed to handle expression: %s", why)
	}
	r.vars = res[0]
}

// listOf gives the elements of a table, or a value that is none as the only
// element.
func listOf(v vm.Value) (list []vm.Value) {
	t := v.Table()
	if t == nil {
		if v.IsNil() {
			return nil
		}
		return []vm.Value{v}
	}
	for i := 1; !t.GetInt(i).IsNil(); i++ {
		list = append(list, t.GetInt(i))
	}
	return list
}

// before tells whether r is asked before o.
func (r *route) before(o *route) bool {
	if r.priority == o.priority {
		return len(r.full) > len(o.full)
	}
	return r.priority > o.priority
}

// insertRoute puts r in its place in a list.
func insertRoute(list []*route, r *route) []*route {
	i := slices.IndexFunc(list, r.before)
	if i < 0 {
		i = len(list)
	}
	return slices.Insert(list, i, r)
}

// removeRoute takes the route with an id away.
func removeRoute(list []*route, id vm.Value) []*route {
	if i := slices.IndexFunc(list, func(r *route) bool { return vm.RawEqual(r.id, id) }); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// compile makes the pattern of the path: ":name" is the rest of a segment,
// "*name" that of the path.
func (r *route) compile() error {
	segments := strings.Split(r.full, "/")
	for len(segments) > 0 && segments[len(segments)-1] == "" {
		segments = segments[:len(segments)-1]
	}
	r.names = nil
	for i, s := range segments {
		switch {
		case strings.HasPrefix(s, ":"):
			r.names = append(r.names, s[1:])
			segments[i] = `([^\/]+)`
		case s == "*":
			r.names = append(r.names, ":ext")
			segments[i] = `((.|\n)*)`
		case strings.HasPrefix(s, "*"):
			r.names = append(r.names, s[1:])
			segments[i] = `((.|\n)*)`
		}
	}
	pattern := strings.Join(segments, `\/`)
	if strings.HasSuffix(r.full, "/") {
		pattern += `\/`
	}
	re, err := pcre.Compile(pattern, 0)
	r.pattern = re
	return err
}

// matchPath tells whether the whole path is of the route's pattern, and puts
// the parameters into matched.
func (r *route) matchPath(t *vm.Thread, path string, matched *vm.Table) bool {
	if matched == nil && !r.parameters {
		return true
	}
	if r.pattern == nil {
		if err := r.compile(); err != nil {
			t.Errorf("%s", err)
		}
	}
	if len(r.names) == 0 {
		return true
	}
	at, ok, err := r.pattern.MatchPaced(path, 0, nil, t)
	if err != nil || !ok || at[0] != 0 || at[1] != len(path) {
		return false
	}
	for i := 1; matched != nil && 2*i+1 < len(at) && i <= len(r.names); i++ {
		if at[2*i] >= 0 {
			matched.SetStr(r.names[i-1], vm.String(path[at[2*i]:at[2*i+1]]))
		}
	}
	return true
}
