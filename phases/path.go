package phases

// AppendRoot appends $document_root.
func (r *Request) AppendRoot(dst []byte) []byte {
	c := r.Loc.Core
	from := len(dst)
	dst = c.Root.Append(r, dst)
	if _, isConst := c.Root.Const(); !isConst && (len(dst) == from || dst[from] != '/') {
		p := join(r.Config.Prefix, string(dst[from:]))
		dst = append(dst[:from], p...)
	}
	return dst
}

// AppendPath appends $request_filename: the file that the URI names.
func (r *Request) AppendPath(dst []byte) []byte {
	c := r.Loc.Core
	dst = r.AppendRoot(dst)
	switch {
	case !c.Alias || c.aliased < 0 && r.aliasURI:
		return append(dst, r.URI...)
	case c.aliased >= 0 && c.aliased <= len(r.URI):
		return append(dst, r.URI[c.aliased:]...)
	}
	return dst
}

// FilePath is the file that the URI names and how many bytes of the path are
// the root. It fails, logged, when "alias" has no meaning because the URI was
// changed and the location kept.
func (r *Request) FilePath() (path []byte, root int, ok bool) {
	c := r.Loc.Core
	if c.Alias && r.Moved {
		r.Errorf(LevelAlert, "\"alias\" cannot be used in location \"%s\" where URI was rewritten", r.Loc.Name)
		return nil, 0, false
	}
	path = r.AppendPath(nil)
	root = len(path)
	switch {
	case !c.Alias || c.aliased < 0 && r.aliasURI:
		root -= len(r.URI)
	case c.aliased >= 0 && c.aliased <= len(r.URI):
		root -= len(r.URI) - c.aliased
	}
	return path, root, true
}

// Aliased returns the part of the URI that "alias" replaces: nothing for
// "root". all tells an alias in a regex location, which replaces everything.
func (r *Request) Aliased() (part []byte, all bool) {
	switch c := r.Loc.Core; {
	case !c.Alias || c.aliased > len(r.URI):
		return nil, false
	case c.aliased < 0:
		return nil, true
	default:
		return r.URI[:c.aliased], false
	}
}

// AliasURI appends the URI, which names a file below it, to an alias in a
// regex location.
func (r *Request) AliasURI() { r.aliasURI = true }

// Path returns $request_filename.
func (r *Request) Path() string { return string(r.AppendPath(nil)) }
