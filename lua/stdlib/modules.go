package stdlib

import (
	"os"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// Modules are what require has loaded out of files, with who uses what: a module that has changed is loaded again, and
// those that have kept it since their own loading too.
type Modules struct {
	loaded *vm.Table
	files  map[string]moduleFile          // by module
	users  map[string]map[string]struct{} // by module, those that required it while they were loaded
}

type moduleFile struct {
	path  string
	stamp Stamp
}

// Stamp is by what a changed file is told: its time and size. The zero Stamp is that of a file that is not there.
type Stamp struct {
	modified, size int64
}

// StampOf looks at a file now.
func StampOf(path string) Stamp {
	st, err := os.Stat(path)
	if err != nil {
		return Stamp{}
	}
	return Stamp{st.ModTime().UnixNano(), st.Size()}
}

func (m *Modules) found(name, path string) { m.files[name] = moduleFile{path, StampOf(path)} }

// noteUsers notes that the modules which t is loading use the one called name.
func (s *state) noteUsers(t *vm.Thread, name string) {
	for user, by := range s.loading {
		if by == t || by != nil && by.SameRun(t) {
			if s.modules.users[name] == nil {
				s.modules.users[name] = map[string]struct{}{}
			}
			s.modules.users[name][user] = struct{}{}
		}
	}
}

// Refresh looks at the file of each module and forgets those that have changed, so that require loads them again.
func (m *Modules) Refresh() {
	for name, f := range m.files {
		if StampOf(f.path) != f.stamp {
			m.forget(name)
		}
	}
}

// forget also drops those that have the module in their locals.
func (m *Modules) forget(name string) {
	users := m.users[name]
	delete(m.users, name)
	if _, ok := m.files[name]; ok {
		delete(m.files, name)
		m.loaded.SetStr(name, vm.Nil)
	}
	for user := range users {
		m.forget(user)
	}
}
