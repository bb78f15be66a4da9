package console

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Metrics is the directive metrics: the server's numbers in Prometheus' text format, version 0.0.4.
// As with stub_status, it is allow, deny and auth_* that say who may read them.
var Metrics = phases.Define(phases.Spec[struct{}]{
	Name: "metrics",
	Directives: []phases.Directive[struct{}]{
		phases.Set("metrics", conf.Location, conf.Exactly(0), func(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
			return b.UseContent(s)
		}),
	},
	Content: metricsContent,
})

func metricsContent(r *phases.Request, _ *struct{}) phases.Result {
	if r.Method != "GET" && r.Method != "HEAD" {
		return 405
	}
	if err := r.DiscardBody(); err != nil {
		return r.Result(err)
	}
	r.Out.Status, r.Out.ContentType = 200, "text/plain; version=0.0.4; charset=utf-8"
	return r.SendBytes(exposition(r.Config))
}

// maxSeries bounds the actors whose mailboxes are told apart.
const maxSeries = 1000

// exporter writes metrics.
type exporter struct{ b strings.Builder }

func (x *exporter) family(name, kind, help string) {
	fmt.Fprintf(&x.b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (x *exporter) one(name, kind, help string, value int64) {
	x.family(name, kind, help)
	x.value(name, value)
}

// value writes one line; labels are names and values in turn.
func (x *exporter) value(name string, value int64, labels ...string) {
	x.b.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		x.b.WriteString(sep + labels[i] + "=\"" + labelEscapes.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")) + "\"")
	}
	if len(labels) > 0 {
		x.b.WriteByte('}')
	}
	x.b.WriteString(" " + strconv.FormatInt(value, 10) + "\n")
}

var labelEscapes = strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n")

func exposition(cfg *phases.Config) []byte {
	const counter, gauge = "counter", "gauge"
	x := &exporter{}
	t := cfg.Stats.Total()
	x.one("luahttpd_requests_total", counter, "Requests that have begun.", t.Requests)
	x.one("luahttpd_connections_accepted_total", counter, "Connections that were accepted.", t.Accepted)
	x.one("luahttpd_connections_handled_total", counter, "Connections that were served.", t.Handled)
	x.family("luahttpd_connections", gauge, "Connections that are open, and what they do.")
	x.value("luahttpd_connections", t.Active, "state", "active")
	x.value("luahttpd_connections", t.Reading, "state", "reading")
	x.value("luahttpd_connections", t.Writing, "state", "writing")
	x.value("luahttpd_connections", t.Waiting, "state", "waiting")

	c := cfg.Actors.Counts()
	x.one("luahttpd_actors", gauge, "Actors that live.", int64(c.Actors))
	x.one("luahttpd_actors_started_total", counter, "Actors that were started, again ones included.", int64(c.Started))
	x.one("luahttpd_actor_restarts_total", counter, "Actors that were started again after a failure.", int64(c.Restarts))
	x.one("luahttpd_actor_messages_total", counter, "Messages that were handled.", int64(c.Handled))
	x.one("luahttpd_actor_handler_errors_total", counter, "Handlers that raised an error.", int64(c.Errors))
	x.one("luahttpd_actor_calls_total", counter, "Calls that were made.", int64(c.Calls))
	x.family("luahttpd_actor_call_errors_total", counter, "Calls that ended with an error, by its code.")
	for _, code := range slices.Sorted(maps.Keys(c.Failed)) {
		x.value("luahttpd_actor_call_errors_total", int64(c.Failed[code]), "code", string(code))
	}
	l := cfg.Actors.DeadLetters()
	const letters = "luahttpd_actor_dead_letters_total"
	x.family(letters, counter, "Messages that reached nobody, by the reason.")
	x.value(letters, int64(l.NoActor), "reason", "noactor")
	x.value(letters, int64(l.Late), "reason", "late")
	x.value(letters, int64(l.Overflow), "reason", "overflow")
	x.value(letters, int64(l.Exit), "reason", "exit")
	x.mailboxes(cfg)

	all := zones(cfg)
	x.family("luahttpd_zone_capacity_bytes", gauge, "Size of shared memory zones.")
	for _, z := range all {
		x.value("luahttpd_zone_capacity_bytes", z.capacity, "zone", z.name, "kind", z.kind)
	}
	x.family("luahttpd_zone_free_bytes", gauge, "Free bytes of shared memory zones.")
	for _, z := range all {
		x.value("luahttpd_zone_free_bytes", z.free, "zone", z.name, "kind", z.kind)
	}
	m := readMetrics()
	x.one("luahttpd_memory_heap_bytes", gauge, "Memory in use by the heap, that of Lua included.", int64(m["heap in use"]))
	x.one("luahttpd_memory_total_bytes", gauge, "Memory that the runtime has mapped.", int64(m["from the system"]))
	x.one("luahttpd_gc_cycles_total", counter, "Garbage collections.", int64(m["collections"]))
	return []byte(x.b.String())
}

// mailboxes writes the lengths of the mailboxes by name: actors of one name count together.
func (x *exporter) mailboxes(cfg *phases.Config) {
	lengths, running := map[string]int64{}, map[string]int64{}
	for _, a := range cfg.Actors.Actors() {
		name := a.Name
		if _, known := lengths[name]; !known && len(lengths) >= maxSeries {
			name = ""
		}
		st := a.Stat()
		lengths[name] += int64(st.Mailbox)
		running[name] += int64(st.Running)
	}
	names := slices.Sorted(maps.Keys(lengths))
	const waiting, handled = "luahttpd_actor_mailbox_messages", "luahttpd_actor_running_messages"
	x.family(waiting, "gauge", "Messages that wait, by the actor's name; those without one together.")
	for _, name := range names {
		x.value(waiting, lengths[name], "actor", name)
	}
	x.family(handled, "gauge", "Messages that are being handled, by the actor's name.")
	for _, name := range names {
		x.value(handled, running[name], "actor", name)
	}
}
