package handler

import (
	"fmt"
	"strconv"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// StubStatus shows how many connections there are and were.
var StubStatus = phases.Define(phases.Spec[struct{}]{
	Name: "stub_status",
	Directives: []phases.Directive[struct{}]{
		phases.Set("stub_status", conf.Server|conf.Location, conf.Between(0, 1), func(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
			return b.UseContent(s)
		}),
	},
	Content: stubStatus,
	Variables: []phases.Variable{
		connections("connections_active", func(t phases.Totals) int64 { return t.Active }),
		connections("connections_reading", func(t phases.Totals) int64 { return t.Reading }),
		connections("connections_writing", func(t phases.Totals) int64 { return t.Writing }),
		connections("connections_waiting", func(t phases.Totals) int64 { return t.Waiting }),
	},
})

func connections(name string, count func(t phases.Totals) int64) phases.Variable {
	return phases.Variable{Name: name, Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		return strconv.AppendInt(dst, count(r.Config.Stats.Total()), 10), true
	}}
}

func stubStatus(r *phases.Request, _ *struct{}) phases.Result {
	if r.Method != "GET" && r.Method != "HEAD" {
		return 405
	}
	if err := r.DiscardBody(); err != nil {
		return r.Result(err)
	}
	t := r.Config.Stats.Total()
	r.Out.Status, r.Out.ContentType = 200, "text/plain"
	return r.SendBytes(fmt.Appendf(nil, "Active connections: %d \nserver accepts handled requests\n %d %d %d \nReading: %d Writing: %d Waiting: %d \n",
		t.Active, t.Accepted, t.Handled, t.Requests, t.Reading, t.Writing, t.Waiting))
}
