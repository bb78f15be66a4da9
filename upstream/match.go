package upstream

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// match is a match block: what the answer to a health check must be.
type match struct {
	name    string // "" for what holds without one: a status of 2xx or 3xx
	status  []statusRange
	not     bool // none of the statuses
	headers []headerTest
	body    *phases.Regex // nil: whatever it is
	bodyNot bool
}

type statusRange struct{ from, to int }

// headerTest is one header line of the block.
type headerTest struct {
	name  string
	not   bool
	value string        // with "="
	equal bool          // the value is compared
	regex *phases.Regex // with "~"
}

var defaultMatch = &match{status: []statusRange{{200, 399}}}

// matchBody bounds how much of an answer's body is looked at.
const matchBody = 256 << 10

func addMatch(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	us := inConfig.Of(b.Config)
	m := &match{name: s.Args[0]}
	if us.match(m.name) != nil {
		return s.Errorf("duplicate match \"%s\"", m.name)
	}
	if err := s.Entries(); err != nil {
		return err
	}
	for _, e := range s.Block {
		var err error
		switch e.Name {
		case "status":
			err = m.addStatus(e)
		case "header":
			err = m.addHeader(b, e)
		case "body":
			err = m.addBody(b, e)
		default:
			err = e.Unknown()
		}
		if err != nil {
			return err
		}
	}
	us.matches = append(us.matches, m)
	return nil
}

func (us *upstreams) match(name string) *match {
	for _, m := range us.matches {
		if m.name == name {
			return m
		}
	}
	return nil
}

func (m *match) addStatus(s *conf.Stmt) error {
	if m.status != nil {
		return s.Duplicate()
	}
	args := s.Args
	if len(args) > 0 && args[0] == "!" {
		m.not, args = true, args[1:]
	}
	if len(args) == 0 {
		return s.Problem("has no status")
	}
	for _, a := range args {
		from, to, is := strings.Cut(a, "-")
		if !is {
			to = from
		}
		n, err := strconv.Atoi(from)
		k, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil || n < 100 || k > 999 || n > k {
			return s.Errorf("invalid status \"%s\"", a)
		}
		m.status = append(m.status, statusRange{n, k})
	}
	return nil
}

func (m *match) addHeader(b *phases.Block, s *conf.Stmt) (err error) {
	t := headerTest{}
	switch a := s.Args; {
	case len(a) == 1:
		t.name = a[0]
	case len(a) == 2 && a[0] == "!":
		t.name, t.not = a[1], true
	case len(a) == 3:
		t.name = a[0]
		t.not = strings.HasPrefix(a[1], "!")
		switch strings.TrimPrefix(a[1], "!") {
		case "=":
			t.equal, t.value = true, a[2]
		case "~", "~*":
			t.regex, err = b.Regex(s, a[2], strings.HasSuffix(a[1], "*"))
		default:
			err = s.Errorf("invalid operator \"%s\"", a[1])
		}
	default:
		err = s.Errorf("invalid number of arguments in \"header\"")
	}
	m.headers = append(m.headers, t)
	return err
}

func (m *match) addBody(b *phases.Block, s *conf.Stmt) (err error) {
	if m.body != nil {
		return s.Duplicate()
	}
	if len(s.Args) != 2 {
		return s.Errorf("invalid number of arguments in \"body\"")
	}
	switch op := s.Args[0]; op {
	case "~", "~*", "!~", "!~*":
		m.bodyNot = op[0] == '!'
		m.body, err = b.Regex(s, s.Args[1], strings.HasSuffix(op, "*"))
	default:
		err = s.Errorf("invalid operator \"%s\"", op)
	}
	return err
}

// head tells what of an answer's head is not as it must be, "" for nothing.
func (m *match) head(h *http1.ResponseHead) (wrong string) {
	if m.status != nil {
		in := false
		for _, r := range m.status {
			in = in || h.Status >= r.from && h.Status <= r.to
		}
		if in == m.not {
			return "checking status code " + strconv.Itoa(h.Status)
		}
	}
	for i := range m.headers {
		if t := &m.headers[i]; t.in(h) == t.not {
			return "checking header \"" + t.name + "\""
		}
	}
	return ""
}

func (t *headerTest) in(h *http1.ResponseHead) bool {
	for i := range h.Fields {
		f := &h.Fields[i]
		if !bytes.EqualFold(f.Name, []byte(t.name)) {
			continue
		}
		switch {
		case t.equal:
			if string(f.Value) == t.value {
				return true
			}
		case t.regex != nil:
			if found, err := t.regex.Match(nil, f.Value); found && err == nil {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// wants tells whether the answer's body is looked at.
func (m *match) wants() bool { return m.body != nil }

func (m *match) checkBody(body []byte) (wrong string) {
	found, err := m.body.Match(nil, body)
	if err != nil || found == m.bodyNot {
		return "checking body"
	}
	return ""
}
