package lua

// dict is a shared dictionary: one lua_shared_dict, for all workers, kept over
// reloads.
type dict struct {
	name string
	size int64 // bytes
}

func newDict(name string, size int64) *dict { return &dict{name: name, size: size} }
