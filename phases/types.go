package phases

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
)

// Types maps file name extensions, lower-case and without dot, to media
// types. It is immutable once compiled.
type Types struct {
	byExt map[string]string
	block *conf.Stmt // whose it is
}

func defaultTypes() *Types {
	return &Types{byExt: map[string]string{"html": "text/html", "gif": "image/gif", "jpg": "image/jpeg"}}
}

// ByExtension returns the media type for ext, "" if there is none.
func (t *Types) ByExtension(ext []byte) string {
	if v, ok := t.byExt[string(ext)]; ok {
		return v
	}
	for _, c := range ext {
		if c >= 'A' && c <= 'Z' {
			return t.byExt[strings.ToLower(string(ext))]
		}
	}
	return ""
}

// setTypes is the types block. It replaces the inherited table; a second one
// adds to the first.
func setTypes(own *Core, b *Block, s *conf.Stmt) error {
	t := own.Types
	if t.block == nil || t.block.Parent != s.Parent {
		t = &Types{map[string]string{}, s}
	}
	for _, row := range s.Block {
		if row.HasBlock || len(row.Args) == 0 {
			return row.Errorf("invalid number of arguments in \"types\" directive")
		}
		for _, ext := range row.Args {
			t.byExt[strings.ToLower(ext)] = row.Name
		}
	}
	own.Types = t
	return nil
}

// SetContentType gives the response the media type of the URI's extension,
// else the location's default_type. One that it has already stays, as when a
// peer redirected the request by X-Accel-Redirect.
func (r *Request) SetContentType() {
	if r.Out.ContentType != "" {
		return
	}
	c := r.Loc.Core
	r.Out.ContentType = c.Types.ByExtension(r.Extension())
	if r.Out.ContentType == "" {
		r.Out.ContentType = c.DefaultType
	}
}
