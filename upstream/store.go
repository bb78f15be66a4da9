package upstream

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// storeConf is proxy_store: answers become files that later requests may find.
type storeConf struct {
	on   bool
	path *phases.Template // nil: where the URI is mapped to
	mode os.FileMode      // 0600
}

// storeRows are the directives of storeConf.
func storeRows[T any](prefix string, f func(*T) *Settings) []phases.Directive[T] {
	return []phases.Directive[T]{
		phases.Set(prefix+"store", anywhere, conf.Exactly(1), func(own *T, b *phases.Block, s *conf.Stmt) (err error) {
			c := &f(own).store
			c.on, c.path = s.Args[0] != "off", nil
			if c.on && s.Args[0] != "on" {
				c.path, err = b.Template(s, s.Args[0])
			}
			return err
		}),
		phases.Set(prefix+"store_access", anywhere, conf.Between(1, 3), func(own *T, _ *phases.Block, s *conf.Stmt) error {
			mode := os.FileMode(0o600)
			for _, a := range s.Args {
				who, what, _ := strings.Cut(a, ":")
				shift, ok := map[string]int{"user": 6, "group": 3, "all": 0}[who]
				bits, known := map[string]os.FileMode{"r": 4, "rw": 6}[what]
				if !ok || !known {
					return s.Errorf("invalid value \"%s\"", a)
				}
				mode |= bits << shift
				if who == "all" {
					mode |= bits << 3
				}
			}
			f(own).store.mode = mode
			return nil
		}),
	}
}

// stored is the file that an answer is being written to.
type stored struct {
	file *os.File
	path string
}

// startFile begins to store the answer as a file.
func (x *Exchange) startFile() {
	c, r := &x.set.store, x.r
	if !c.on || x.head.Status != 200 || r.IsHead() || x.silent {
		return
	}
	var path string
	if c.path == nil {
		path = r.Path()
	} else if path = c.path.String(r); !strings.HasPrefix(path, "/") {
		path = filepath.Join(r.Config.Prefix, path)
	}
	dir := filepath.Dir(path)
	err := os.MkdirAll(dir, 0o700|c.mode&0o044|c.mode&0o044>>2)
	if err == nil {
		x.saved.file, err = os.CreateTemp(dir, ".store*"+tempSuffix)
		x.saved.path = path
	}
	if err != nil {
		r.Errorf(phases.LevelCrit, "%s while storing an answer", phases.OpenError(err))
	}
}

func (x *Exchange) saveFile(data []byte) {
	if f := x.saved.file; f != nil && len(data) > 0 {
		if _, err := f.Write(data); err != nil {
			x.r.Errorf(phases.LevelCrit, "%s while storing an answer", phases.OpenError(err))
			x.dropFile()
		}
	}
}

// commitFile puts the whole file at its place, as old as the answer says.
func (x *Exchange) commitFile() {
	f := x.saved.file
	if f == nil {
		return
	}
	err := f.Chmod(x.set.store.mode)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if v, ok := x.field("last-modified"); ok && err == nil {
		if t, ok := http1.ParseHTTPDate(v, x.r.Worker.Now()); ok {
			err = os.Chtimes(f.Name(), t, t)
		}
	}
	if err == nil {
		err = os.Rename(f.Name(), x.saved.path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // only a temporary file is left
		x.r.Errorf(phases.LevelCrit, "%s while storing an answer", phases.OpenError(err))
	}
	x.saved = stored{}
}

func (x *Exchange) dropFile() {
	if f := x.saved.file; f != nil {
		f.Close()
		_ = os.Remove(f.Name()) // only a temporary file is left
		x.saved = stored{}
	}
}
