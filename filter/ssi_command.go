package filter

import (
	"strings"

	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// ssiCommands are the commands: their parameters, those that must be given with
// a "!", and whether they matter in parts that are not put out.
var ssiCommands = map[string]struct {
	params string
	always bool
}{
	"include":  {"virtual file wait set stub", false},
	"echo":     {"!var default encoding", false},
	"config":   {"timefmt errmsg", false},
	"set":      {"!var !value", false},
	"if":       {"!expr", true},
	"elif":     {"!expr", true},
	"else":     {"", true},
	"endif":    {"", true},
	"block":    {"!name", false},
	"endblock": {"", false},
}

func (z *ssiReading) run(c *ssiCommand) error {
	switch c.name {
	case "include":
		return z.include(c)
	case "echo":
		return z.echo(c)
	case "config":
		return z.config(c)
	case "set":
		return z.set(c)
	case "if":
		return z.beginIf(c)
	case "elif", "else":
		return z.elseIf(c)
	case "endif":
		return z.endIf(c)
	case "block":
		return z.beginBlock(c)
	}
	return z.failed("invalid context of SSI command: \"%s\"", c.name)
}

// command runs a command; raw is how it stands in the page.
func (z *ssiReading) command(c *ssiCommand, raw []byte) error {
	if z.block != nil {
		if c.invalid != "" || c.name != "endblock" {
			return z.extend(raw)
		}
		if z.page.blocks == nil {
			z.page.blocks = map[string][]byte{}
		}
		z.page.blocks[z.block.name] = z.block.text
		z.block = nil
		return nil
	}
	row, known := ssiCommands[c.name]
	if !row.always && !z.visible() {
		return nil
	}
	switch {
	case c.invalid != "":
		return z.failed("%s in SSI command \"%s\"", c.invalid, c.name)
	case !known:
		return z.failed("invalid SSI command: \"%s\"", c.name)
	}
	for i, p := range c.params {
		if !strings.Contains(" "+strings.ReplaceAll(row.params, "!", "")+" ", " "+p.name+" ") {
			return z.failed("invalid parameter name: \"%s\" in \"%s\" SSI command", p.name, c.name)
		}
		for _, q := range c.params[:i] {
			if q.name == p.name {
				return z.failed("duplicate \"%s\" parameter in \"%s\" SSI command", p.name, c.name)
			}
		}
	}
	for _, name := range strings.Fields(row.params) {
		if name, must := strings.CutPrefix(name, "!"); must {
			if _, ok := c.get(name); !ok {
				return z.failed("mandatory \"%s\" parameter is absent in \"%s\" SSI command", name, c.name)
			}
		}
	}
	return z.run(c)
}

func (z *ssiReading) echo(c *ssiCommand) error {
	name, _ := c.get("var")
	value, ok := z.variable(strings.ToLower(name))
	if !ok {
		text, given := c.get("default")
		if value = []byte(text); !given {
			value = []byte("(none)")
		}
	}
	if len(value) == 0 {
		return nil
	}
	switch encoding, _ := c.get("encoding"); encoding {
	case "none":
		return z.out.text(value)
	case "url":
		return z.out.text(http1.AppendEscaped(nil, value, http1.EscapeHTML))
	case "", "entity":
		return z.out.text([]byte(htmlEntities.Replace(string(value))))
	default:
		return z.failed("unknown encoding \"%s\" in the \"echo\" command", encoding)
	}
}

var htmlEntities = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", `"`, "&quot;")

func (z *ssiReading) config(c *ssiCommand) error {
	if v, ok := c.get("timefmt"); ok {
		z.timeFormat = v
	}
	if v, ok := c.get("errmsg"); ok {
		z.errorText = v
	}
	return nil
}

func (z *ssiReading) set(c *ssiCommand) error {
	name, _ := c.get("var")
	text, _ := c.get("value")
	value, err := z.evaluate(text)
	if err != "" {
		return z.failed("%s", err)
	}
	return z.assign(strings.ToLower(name), value)
}

func (z *ssiReading) assign(name string, value []byte) error {
	old, known := z.page.vars[name]
	more := len(value) - len(old)
	if !known {
		more += len(name)
	}
	if !z.page.keep(more) {
		return z.failed("too long value of the variable \"%s\"", name)
	}
	if z.page.vars == nil {
		z.page.vars = map[string][]byte{}
	}
	z.page.vars[name] = value
	return nil
}

func (z *ssiReading) beginBlock(c *ssiCommand) error {
	name, _ := c.get("name")
	z.block = &ssiBlock{name: name}
	return nil
}

// include puts the response to another URI in the page.
func (z *ssiReading) include(c *ssiCommand) error {
	virtual, isVirtual := c.get("virtual")
	file, isFile := c.get("file")
	set, isSet := c.get("set")
	stub, isStub := c.get("stub")
	wait, isWait := c.get("wait")
	switch {
	case isVirtual && isFile:
		return z.failed("inclusion may be either virtual=\"%s\" or file=\"%s\"", virtual, file)
	case !isVirtual && !isFile:
		return z.failed("no parameter in \"include\" SSI command")
	case isSet && isStub:
		return z.failed("\"set\" and \"stub\" cannot be used together in \"include\" SSI command")
	case isWait && isFile:
		return z.failed("\"wait\" cannot be used with file=\"%s\"", file)
	case isWait && wait != "yes" && wait != "no":
		return z.failed("invalid value \"%s\" in the \"wait\" parameter", wait)
	}
	// Every inclusion is waited for: its place in the page is here.
	uri, err := z.evaluate(virtual + file)
	if err != "" {
		return z.failed("%s", err)
	}
	if len(uri) == 0 || uri[0] != '/' {
		dir := z.r.URI[:strings.LastIndexByte(string(z.r.URI), '/')+1]
		uri = append(dir[:len(dir):len(dir)], uri...)
	}
	path, args, ok := z.r.SplitURI(uri)
	if !ok {
		return z.failed("\"%s\" cannot be included", uri)
	}
	sub, se := z.r.NewSubrequest(path, args, &phases.Subrequest{Capture: isSet, Fit: isSet, NoPages: isStub})
	if se != nil {
		return z.failed("%s", se.Reason)
	}
	if err := z.out.pass(phases.Chunk{}); err != nil { // it comes before what the subrequest sends
		return err
	}
	sub.Run()
	switch {
	case isSet:
		return z.assign(strings.ToLower(set), sub.Subrequest().Body)
	case isStub && !sub.Subrequest().Produced:
		return z.stub(sub, stub)
	}
	return nil
}

// stub puts a block out in the place of the empty response to sub.
func (z *ssiReading) stub(sub *phases.Request, name string) error {
	text, ok := z.page.blocks[name]
	if !ok {
		return z.failed("\"stub\"=\"%s\" is not found", name)
	}
	inner := &ssiReading{own: z.own, r: sub, out: z.out, page: z.page, timeFormat: z.timeFormat, errorText: z.errorText}
	inner.enter(sub, z.own.rooms, true)
	defer inner.leave()
	if err := inner.read(text, false); err != nil {
		return err
	}
	return inner.read(nil, true)
}
