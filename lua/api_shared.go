package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
)

// sharedArea is ngx.shared: a table for each lua_shared_dict, whose methods
// are the metatable's. As in OpenResty the dictionary itself is its field 1.
var sharedArea = area{open: func(e *engine, ngx *vm.Table) {
	methods := e.vm.NewTable(0, 24)
	for _, m := range sharedMethods {
		methods.SetStr(m.name, e.vm.NewFunc(m.name, func(t *vm.Thread) int {
			d, _ := dictOf(t.Arg(1))
			if d == nil {
				t.Errorf("bad \"zone\" argument")
			}
			d.clock.Store(e.now().UnixMilli())
			return m.do(t, d)
		}))
	}
	methods.SetStr("__index", methods.Value())
	shared := e.vm.NewTable(0, len(e.site.http.dicts.Items))
	for _, d := range e.site.http.dicts.Items {
		t := e.vm.NewTable(1, 0)
		t.SetInt(1, e.vm.NewUserdata(d, nil))
		t.SetMetatable(methods)
		shared.SetStr(d.name, t.Value())
	}
	ngx.SetStr("shared", shared.Value())
}}

// sharedMethods are the methods of a dictionary; argument 1 is itself.
var sharedMethods = []struct {
	name string
	do   func(t *vm.Thread, d *dict) int
}{
	{"get", sharedGet},
	{"get_stale", sharedGetStale},
	{"set", sharedStore(storeSet)},
	{"safe_set", sharedStore(storeSafe)},
	{"add", sharedStore(storeAdd)},
	{"safe_add", sharedStore(storeAdd | storeSafe)},
	{"replace", sharedStore(storeReplace)},
	{"delete", sharedDelete},
	{"incr", sharedIncr},
	{"ttl", sharedTTL},
	{"expire", sharedExpire},
	{"lpush", sharedPush(true)},
	{"rpush", sharedPush(false)},
	{"lpop", sharedPop(true)},
	{"rpop", sharedPop(false)},
	{"llen", sharedLen},
	{"get_keys", sharedKeys},
	{"flush_all", func(t *vm.Thread, d *dict) int {
		d.flushAll()
		return 0
	}},
	{"flush_expired", func(t *vm.Thread, d *dict) int {
		t.PushInt(d.flushExpired(t.OptInt(2, 0)))
		return 1
	}},
	{"capacity", func(t *vm.Thread, d *dict) int {
		t.PushNumber(float64(d.size))
		return 1
	}},
	{"free_space", func(t *vm.Thread, d *dict) int {
		t.PushNumber(float64(d.freeSpace()))
		return 1
	}},
}

// dictOf returns the dictionary of a table of ngx.shared.
func dictOf(v vm.Value) (*dict, bool) {
	t := v.Table()
	if t == nil {
		return nil, false
	}
	u := t.GetInt(1).Userdata()
	if u == nil {
		return nil, false
	}
	d, ok := u.Value.(*dict)
	return d, ok
}

// maxKey is the longest key in bytes.
const maxKey = 65535

// sharedKey reads the key; when it is not one, it pushes what the method
// returns then.
func sharedKey(t *vm.Thread) (key string, ok bool) {
	v := t.Arg(2)
	if v.IsNil() {
		fail(t, "nil key")
		return "", false
	}
	if key = v.Str(); v.Kind() != vm.KString {
		key = t.ToString(v)
	}
	switch {
	case key == "":
		fail(t, "empty key")
	case len(key) > maxKey:
		fail(t, "key too long")
	default:
		return key, true
	}
	return "", false
}

// sharedItem reads a value; ok is false for one that cannot be stored.
func sharedItem(v vm.Value) (i item, ok bool) {
	switch v.Kind() {
	case vm.KNil:
		return item{}, true
	case vm.KBool:
		if v.Bool() {
			return item{kind: itemBool, num: 1}, true
		}
		return item{kind: itemBool}, true
	case vm.KNumber:
		return item{kind: itemNumber, num: v.Num()}, true
	case vm.KString:
		return item{kind: itemString, text: v.Str()}, true
	}
	return item{}, false
}

// seconds reads a time of life in seconds as milliseconds.
func seconds(t *vm.Thread, i int, name string) int64 {
	if !t.Arg(i).Truth() {
		return 0
	}
	f := t.CheckNumber(i)
	if !(f >= 0) {
		t.Errorf("bad \"%s\" argument", name)
	}
	return int64(min(f*1000, 1<<53))
}

func sharedGet(t *vm.Thread, d *dict) int {
	key, ok := sharedKey(t)
	if !ok {
		return 2
	}
	v, flags, _, err := d.get(key, false)
	switch {
	case err != "":
		return fail(t, string(err))
	case v.kind == itemNil:
		t.PushNil()
		return 1
	case !t.Arg(3).IsNil() && float64(flags) == t.CheckNumber(3): // the caller has this version
		t.PushNil()
		t.PushNil()
		t.PushBool(true)
		return 3
	}
	t.Push(v.lua())
	if flags == 0 {
		return 1
	}
	t.PushNumber(float64(flags))
	return 2
}

func sharedGetStale(t *vm.Thread, d *dict) int {
	key, ok := sharedKey(t)
	if !ok {
		return 2
	}
	v, flags, stale, err := d.get(key, true)
	switch {
	case err != "":
		return fail(t, string(err))
	case v.kind == itemNil:
		t.PushNil()
		return 1
	case !t.Arg(3).IsNil() && float64(flags) == t.CheckNumber(3):
		t.PushNil()
		t.PushNil()
		t.PushBool(stale)
		t.PushBool(true)
		return 4
	}
	t.Push(v.lua())
	if flags == 0 {
		t.PushNil()
	} else {
		t.PushNumber(float64(flags))
	}
	t.PushBool(stale)
	return 3
}

func sharedStore(mode storeMode) func(t *vm.Thread, d *dict) int {
	return func(t *vm.Thread, d *dict) int {
		ttl := seconds(t, 4, "exptime")
		flags := t.OptNumber(5, 0)
		key, ok := sharedKey(t)
		if !ok {
			return 2
		}
		v, ok := sharedItem(t.Arg(3))
		if !ok {
			return fail(t, "bad value type")
		}
		return pushStored(t)(d.store(mode, key, v, ttl, uint32(int64(flags))))
	}
}

// pushStored pushes what the storing methods return.
func pushStored(t *vm.Thread) func(forcible bool, err dictError) int {
	return func(forcible bool, err dictError) int {
		t.PushBool(err == "")
		if err == "" {
			t.PushNil()
		} else {
			t.PushString(string(err))
		}
		t.PushBool(forcible)
		return 3
	}
}

func sharedDelete(t *vm.Thread, d *dict) int {
	key, ok := sharedKey(t)
	if !ok {
		return 2
	}
	return pushStored(t)(d.store(storeSet, key, item{}, 0, 0))
}

func sharedIncr(t *vm.Thread, d *dict) int {
	key, ok := sharedKey(t)
	if !ok {
		return 2
	}
	by := t.CheckNumber(3)
	init, has := incrNumber(t, 4, "init")
	ttl, hasTTL := incrNumber(t, 5, "init_ttl")
	if hasTTL {
		if !(ttl >= 0) {
			t.Errorf("bad \"init_ttl\" argument")
		}
		if !has {
			t.Errorf("must provide \"init\" when providing \"init_ttl\"")
		}
	}
	var start *float64
	if has {
		start = &init
	}
	n, forcible, err := d.incr(key, by, start, int64(min(ttl*1000, 1<<53)))
	if err != "" {
		return fail(t, string(err))
	}
	t.PushNumber(n)
	if !has {
		return 1
	}
	t.PushNil()
	t.PushBool(forcible)
	return 3
}

// incrNumber reads an optional number.
func incrNumber(t *vm.Thread, i int, name string) (f float64, ok bool) {
	v := t.Arg(i)
	if !v.Truth() {
		return 0, false
	}
	if f, ok = v.ToNumber(); !ok {
		t.Errorf("bad %s arg: number expected, got %s", name, v.Kind())
	}
	return f, true
}

func sharedTTL(t *vm.Thread, d *dict) int {
	key, ok := sharedKey(t)
	if !ok {
		return 2
	}
	ms, err := d.ttl(key)
	if err != "" {
		return fail(t, string(err))
	}
	t.PushNumber(float64(ms) / 1000)
	return 1
}

func sharedExpire(t *vm.Thread, d *dict) int {
	if !t.Arg(3).Truth() {
		t.Errorf("bad \"exptime\" argument")
	}
	ttl := seconds(t, 3, "exptime")
	key, ok := sharedKey(t)
	if !ok {
		return 2
	}
	if err := d.setTTL(key, ttl); err != "" {
		return fail(t, string(err))
	}
	t.PushBool(true)
	return 1
}

func sharedPush(front bool) func(t *vm.Thread, d *dict) int {
	return func(t *vm.Thread, d *dict) int {
		key, ok := sharedKey(t)
		if !ok {
			return 2
		}
		v, _ := sharedItem(t.Arg(3))
		if v.kind != itemNumber && v.kind != itemString {
			return fail(t, "bad value type")
		}
		n, err := d.push(key, v, front)
		if err != "" {
			return fail(t, string(err))
		}
		t.PushInt(n)
		return 1
	}
}

func sharedPop(front bool) func(t *vm.Thread, d *dict) int {
	return func(t *vm.Thread, d *dict) int {
		key, ok := sharedKey(t)
		if !ok {
			return 2
		}
		v, err := d.pop(key, front)
		if err != "" {
			return fail(t, string(err))
		}
		t.Push(v.lua())
		return 1
	}
}

func sharedLen(t *vm.Thread, d *dict) int {
	key, ok := sharedKey(t)
	if !ok {
		return 2
	}
	n, err := d.length(key)
	if err != "" {
		return fail(t, string(err))
	}
	t.PushInt(n)
	return 1
}

// defaultKeys is how many keys get_keys returns when it is not told.
const defaultKeys = 1024

func sharedKeys(t *vm.Thread, d *dict) int {
	keys := d.keys(t.OptInt(2, defaultKeys))
	list := t.VM().NewTable(len(keys), 0)
	for i, key := range keys {
		list.SetInt(i+1, vm.String(key))
	}
	t.Push(list.Value())
	return 1
}
