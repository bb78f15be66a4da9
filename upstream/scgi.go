package upstream

import (
	"strconv"

	"github.com/luahttpd/luahttpd/phases"
)

type scgiConf struct{ cgiConf }

// SCGI is scgi_pass and its directives.
var SCGI = phases.Define(phases.Spec[scgiConf]{
	Name:       "scgi",
	Default:    func() scgiConf { return scgiConf{cgiConf{Settings: defaultSettings("scgi")}} },
	Directives: cgiRows("scgi_", func(c *scgiConf) *cgiConf { return &c.cgiConf }, parseSocket("scgi")),
	Finish:     func(own *scgiConf, b *phases.Block) error { return own.finish(b, "scgi_") },
	Content: func(r *phases.Request, own *scgiConf) phases.Result {
		return own.carry(r, &scgi{rawCGI{own: &own.cgiConf}})
	},
})

// scgi writes requests as netstrings of variables.
type scgi struct{ rawCGI }

func (c *scgi) request(x *Exchange, b []byte) ([]byte, error) {
	var vars []byte
	vars = append(vars, "CONTENT_LENGTH\x00"...)
	vars = strconv.AppendInt(vars, max(x.bodySize(), 0), 10)
	vars = append(vars, 0)
	c.own.each(x, func(name, value []byte) {
		vars = append(append(vars, name...), 0)
		vars = append(append(vars, value...), 0)
	})
	b = append(strconv.AppendInt(b, int64(len(vars)), 10), ':')
	return append(append(b, vars...), ','), nil
}
