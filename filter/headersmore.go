package filter

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// HeadersMore is what OpenResty's headers-more module does to responses: it
// sets and clears any field of any of them, error pages included. A block's
// statements run after those of the blocks around it.
var HeadersMore = phases.Define(phases.Spec[moreResponse]{
	Name: "headers_more",
	Directives: []phases.Directive[moreResponse]{
		phases.Add("more_set_headers", moreIn, conf.AtLeast(1), moreOutput),
		phases.Add("more_clear_headers", moreIn, conf.AtLeast(1), moreOutput),
	},
	Active: func(own *moreResponse) bool { return len(own.commands) > 0 },
	Filter: func(own *moreResponse) phases.Filter {
		return phases.Filter{Header: func(next phases.HeaderFunc) phases.HeaderFunc {
			return func(r *phases.Request) error {
				for i := range own.commands {
					own.commands[i].respond(r)
				}
				return next(r)
			}
		}}
	},
})

// HeadersMoreInput is what the module does to requests before they are
// answered, at the end of the rewrite phase.
var HeadersMoreInput = phases.Define(phases.Spec[moreRequest]{
	Name: "headers_more_input",
	Directives: []phases.Directive[moreRequest]{
		phases.Add("more_set_input_headers", moreIn, conf.AtLeast(1), moreInput),
		phases.Add("more_clear_input_headers", moreIn, conf.AtLeast(1), moreInput),
	},
	Active:   func(own *moreRequest) bool { return len(own.commands) > 0 },
	Handlers: []phases.Hook[moreRequest]{phases.At(phases.Rewrite, moreRewrite)},
})

const moreIn = inLocations | conf.LocationIf

// The statements that apply, outermost first. The slices are never appended
// to in place.
type (
	moreResponse struct{ commands []moreCommand }
	moreRequest  struct{ commands []moreCommand }
)

// moreCommand is one statement.
type moreCommand struct {
	fields   []moreField
	statuses []int    // -s: only these
	types    []string // -t: only these
	replace  bool     // -r: only fields that are there
	add      bool     // -a: beside fields that are there
}

// moreField is one field of a statement. One without a value is cleared.
type moreField struct {
	name  string
	any   bool // name is only how the field's name begins
	value *phases.Template
}

func moreOutput(own *moreResponse, b *phases.Block, s *conf.Stmt) error {
	c, err := parseMore(b, s, "sta")
	own.commands = append(slices.Clip(own.commands), c)
	return err
}

func moreInput(own *moreRequest, b *phases.Block, s *conf.Stmt) error {
	c, err := parseMore(b, s, "tr")
	own.commands = append(slices.Clip(own.commands), c)
	return err
}

// parseMore reads the arguments of a statement: options and fields. allowed
// are the letters of the options.
func parseMore(b *phases.Block, s *conf.Stmt, allowed string) (c moreCommand, err error) {
	clearing := strings.HasPrefix(s.Name, "more_clear")
	for i := 0; i < len(s.Args); i++ {
		a := s.Args[i]
		if !strings.HasPrefix(a, "-") {
			f, err := parseMoreField(b, s, a, clearing)
			if err != nil {
				return c, err
			}
			if f.name != "" {
				c.fields = append(c.fields, f)
			}
			continue
		}
		if len(a) != 2 || !strings.Contains(allowed, a[1:]) || clearing && a != "-s" && a != "-t" {
			return c, s.Errorf("%s: invalid option name: \"%s\"", s.Name, a)
		}
		switch a {
		case "-r":
			c.replace = true
			continue
		case "-a":
			c.add = true
			continue
		}
		if i++; i == len(s.Args) {
			return c, s.Errorf("%s: option %s takes an argument.", s.Name, a)
		}
		for _, v := range strings.Fields(s.Args[i]) {
			if a == "-t" {
				c.types = append(c.types, v)
				continue
			}
			status, err := strconv.Atoi(v)
			if err != nil || status < 0 {
				return c, s.Errorf("%s: invalid status \"%s\"", s.Name, v)
			}
			c.statuses = append(c.statuses, status)
		}
	}
	if c.add {
		for _, f := range c.fields {
			if single(f.name) {
				return c, s.Errorf("%s: can not append builtin headers \"%s\"", s.Name, f.name)
			}
		}
	}
	return c, nil
}

func parseMoreField(b *phases.Block, s *conf.Stmt, text string, clearing bool) (f moreField, err error) {
	name, value, _ := strings.Cut(text, ":")
	f.name = strings.TrimSpace(name)
	if clearing {
		f.name, f.any = strings.CutSuffix(f.name, "*")
		return f, nil
	}
	if value = strings.TrimLeft(value, " \t"); value != "" {
		f.value, err = b.Template(s, value)
	}
	return f, err
}

// single tells the fields that a response has once.
func single(name string) bool {
	switch strings.ToLower(name) {
	case "server", "date", "content-type", "content-length", "content-encoding", "location", "refresh", "last-modified",
		"content-range", "accept-ranges", "www-authenticate", "expires", "etag":
		return true
	}
	return false
}

// matches tells whether the statement applies to a message of this type.
func (c *moreCommand) matches(contentType string) bool {
	if len(c.types) == 0 {
		return true
	}
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.TrimSpace(t)
	for _, want := range c.types {
		if strings.EqualFold(t, want) {
			return true
		}
	}
	return false
}

func (c *moreCommand) respond(r *phases.Request) {
	if len(c.statuses) > 0 {
		found := false
		for _, s := range c.statuses {
			found = found || s == r.Out.Status
		}
		if !found {
			return
		}
	}
	if !c.matches(r.Out.ContentType) {
		return
	}
	for i := range c.fields {
		f := &c.fields[i]
		value := ""
		if f.value != nil {
			value = f.value.String(r)
		}
		switch {
		case f.any:
			clearPrefix(&r.Out, f.name)
		case c.add && value != "":
			r.Out.Add(f.name, value)
		default:
			setResponseField(r, f.name, value)
		}
	}
}

func clearPrefix(o *phases.Response, prefix string) {
	for _, f := range slices.Clone(o.All()) {
		if len(f.Name) >= len(prefix) && strings.EqualFold(f.Name[:len(prefix)], prefix) {
			o.Del(f.Name)
		}
	}
}

// setResponseField makes value the only one of a response's field, those that
// the server computes included; "" clears.
func setResponseField(r *phases.Request, name, value string) {
	o := &r.Out
	switch strings.ToLower(name) {
	case "server":
		o.Server = &value
	case "date":
		o.Date = &value
	case "content-type":
		o.ContentType = value
		if value == "" || strings.Contains(value, ";") {
			o.Charset = ""
		}
	case "content-length":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			n = -1
		}
		o.ContentLength = n
	case "last-modified":
		o.LastModified = time.Time{}
		o.Del(name)
		if t, ok := http1.ParseHTTPDate(value, r.Worker.Now()); ok {
			o.LastModified = t
		} else if value != "" {
			o.Set(name, value)
		}
	case "accept-ranges":
		o.AllowRanges = o.AllowRanges && value != ""
		fallthrough
	default:
		if value == "" {
			o.Del(name)
		} else {
			o.Set(name, value)
		}
	}
}

// moreRewrite changes the request at the end of the rewrite phase.
func moreRewrite(r *phases.Request, own *moreRequest) phases.Result {
	for i := range own.commands {
		c := &own.commands[i]
		if !c.matches(string(r.Field("Content-Type"))) {
			continue
		}
		for j := range c.fields {
			c.fields[j].request(r, c.replace)
		}
	}
	return phases.Declined
}

func (f *moreField) request(r *phases.Request, replace bool) {
	if f.any {
		for _, field := range slices.Clone(r.Fields) {
			if len(field.Name) >= len(f.name) && strings.EqualFold(string(field.Name[:len(f.name)]), f.name) {
				r.SetField(string(field.Name), nil)
			}
		}
		return
	}
	if replace && r.Field(f.name) == nil {
		return
	}
	var value []byte
	if f.value != nil {
		if value = f.value.Bytes(r); len(value) == 0 {
			value = nil
		}
	}
	r.SetField(f.name, value)
}
