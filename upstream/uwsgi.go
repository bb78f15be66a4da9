package upstream

import (
	"encoding/binary"

	"github.com/luahttpd/luahttpd/phases"
)

type uwsgiConf struct{ cgiConf }

// UWSGI is uwsgi_pass and its directives.
var UWSGI = phases.Define(phases.Spec[uwsgiConf]{
	Name:    "uwsgi",
	Default: func() uwsgiConf { return uwsgiConf{cgiConf{Settings: defaultSettings("uwsgi"), tls: defaultTLS()}} },
	Directives: append(append(cgiRows("uwsgi_", func(c *uwsgiConf) *cgiConf { return &c.cgiConf }, parseSocket("uwsgi")),
		phases.SetInt("uwsgi_modifier1", anywhere, func(c *uwsgiConf) *int { return &c.modifier1 }),
		phases.SetInt("uwsgi_modifier2", anywhere, func(c *uwsgiConf) *int { return &c.modifier2 }),
	), tlsRows("uwsgi_", func(c *uwsgiConf) *tlsConf { return &c.tls })...),
	Finish: func(own *uwsgiConf, b *phases.Block) error {
		if own.modifier1 > 255 || own.modifier2 > 255 {
			return b.Stmt.Errorf("invalid uwsgi modifier")
		}
		return own.finish(b, "uwsgi_")
	},
	Content: func(r *phases.Request, own *uwsgiConf) phases.Result {
		return own.carry(r, &uwsgi{rawCGI{own: &own.cgiConf}})
	},
})

// uwsgi writes requests as packets of the uwsgi protocol.
type uwsgi struct{ rawCGI }

func (c *uwsgi) request(x *Exchange, b []byte) ([]byte, error) {
	b = append(b, byte(c.own.modifier1), 0, 0, byte(c.own.modifier2))
	from := len(b)
	var wrong error
	c.own.each(x, func(name, value []byte) {
		if len(name) > 0xffff || len(value) > 0xffff {
			wrong = errTooLong
			return
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
		b = append(b, name...)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
		b = append(b, value...)
	})
	if len(b)-from > 0xffff {
		wrong = errTooLong
	}
	if wrong != nil {
		return b, wrong
	}
	binary.LittleEndian.PutUint16(b[from-3:], uint16(len(b)-from))
	return b, nil
}

var errTooLong = &phases.StatusError{Status: 500, Level: phases.LevelAlert, Reason: "uwsgi request is too little or too big"}
