package upstream

import (
	"github.com/luahttpd/luahttpd/phases"
)

// notHints are the fields that a 103 is passed on without: they are of a
// connection or of a body.
var notHints = func() (n nameSet) {
	for _, name := range []string{"Connection", "Keep-Alive", "Content-Length", "Transfer-Encoding", "Upgrade", "Trailer", "Proxy-Connection"} {
		n.add(name)
	}
	return n
}()

// hint passes the peer's 103 (RFC 8297) on if early_hints says so. The request
// goes on whatever becomes of it: a client that is gone is noticed elsewhere.
func (x *Exchange) hint() {
	r := x.r
	s, can := r.Stream().(phases.Informer)
	if !can || !r.IsMain() || x.silent || r.Out.Sent || !x.hinted() {
		return
	}
	var fields []phases.Field
	for i := range x.head.Fields {
		if f := &x.head.Fields[i]; !hasName(&x.set.hidden, f.Name) && !hasName(&notHints, f.Name) {
			fields = append(fields, phases.Field{Name: string(f.Name), Value: string(f.Value)})
		}
	}
	s.Inform(103, fields)
}

func (x *Exchange) hinted() bool {
	for _, t := range x.r.Loc.Core.EarlyHints.Items {
		if t.True(x.r) {
			return true
		}
	}
	return false
}
