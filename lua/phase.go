package lua

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
)

// phase is when a script runs. Each has one letter, which the API's rows use.
type phase uint8

const (
	inInit phase = iota
	inInitWorker
	inExitWorker
	inSet
	inServerRewrite
	inRewrite
	inAccess
	inPrecontent
	inContent
	inHeaderFilter
	inBodyFilter
	inLog
	inTimer
	inBalancer
	inClientHello
	inCertificate
	inSessionFetch
	inSessionStore
	inProxyCertificate
	inProxyVerify
	inThread
	inActor
	phaseCount
)

// form is how the script of a directive is written.
type form uint8

const (
	text  form = 1 << iota // X_by_lua 'script'
	block                  // X_by_lua_block { script }
	file                   // X_by_lua_file path
)

const (
	httpOnly  = conf.HTTP
	httpSrv   = conf.HTTP | conf.Server
	httpLoc   = conf.HTTP | conf.Server | conf.Location | conf.LocationIf
	locations = conf.Location | conf.LocationIf
)

// phaseRows is the table of phases: what ngx.get_phase calls it, what the
// directives are called ("" for a phase without any), where they may stand and
// in which forms.
var phaseRows = [phaseCount]struct {
	letter    byte
	name      string
	directive string
	in        conf.Context
	forms     form
}{
	inInit:             {'I', "init", "init", httpOnly, text | block | file},
	inInitWorker:       {'W', "init_worker", "init_worker", httpOnly, text | block | file},
	inExitWorker:       {'E', "exit_worker", "exit_worker", httpOnly, block | file},
	inSet:              {'S', "set", "set", conf.Server | conf.ServerIf | locations, text | block | file},
	inServerRewrite:    {'V', "server_rewrite", "server_rewrite", httpSrv, block | file},
	inRewrite:          {'R', "rewrite", "rewrite", httpLoc, text | block | file},
	inAccess:           {'A', "access", "access", httpLoc, text | block | file},
	inPrecontent:       {'P', "precontent", "precontent", httpLoc, block | file},
	inContent:          {'C', "content", "content", locations, text | block | file},
	inHeaderFilter:     {'H', "header_filter", "header_filter", httpLoc, text | block | file},
	inBodyFilter:       {'B', "body_filter", "body_filter", httpLoc, text | block | file},
	inLog:              {'L', "log", "log", httpLoc, text | block | file},
	inTimer:            {'T', "timer", "", 0, 0},
	inBalancer:         {'U', "balancer", "balancer", conf.Upstream, block | file},
	inClientHello:      {'K', "ssl_client_hello", "ssl_client_hello", httpSrv, block | file},
	inCertificate:      {'X', "ssl_cert", "ssl_certificate", httpSrv, block | file},
	inSessionFetch:     {'F', "ssl_session_fetch", "ssl_session_fetch", httpOnly, block | file},
	inSessionStore:     {'O', "ssl_session_store", "ssl_session_store", httpOnly, block | file},
	inProxyCertificate: {'Q', "proxy_ssl_cert", "proxy_ssl_certificate", locations, block | file},
	inThread:           {'D', "worker_thread", "", 0, 0},
	inActor:            {'N', "actor", "", 0, 0},
	inProxyVerify:      {'Z', "proxy_ssl_verify", "proxy_ssl_verify", locations, block | file},
}

// String is what ngx.get_phase returns.
func (p phase) String() string { return phaseRows[p].name }

// context is the phase in log lines and error messages: "content_by_lua*".
func (p phase) context() string {
	switch p {
	case inTimer:
		return "ngx.timer"
	case inThread:
		return "ngx.run_worker_thread"
	case inActor:
		return "actor"
	}
	return phaseRows[p].directive + "_by_lua*"
}

// phaseSet is a set of phases.
type phaseSet uint32

func (s phaseSet) has(p phase) bool { return s&(1<<p) != 0 }

// The sets that most functions of the API are allowed in.
const (
	anyPhase = "IWESVRAPCHBLTNUKXFOQZD"
	// requestPhases have a client's request.
	requestPhases = "SVRAPCHBLU"
	// waiting phases may be parked, in OpenResty too. It is also how the rows of
	// functions that wait are told: those may be called in patient phases as well.
	waiting = "VRAPCTQZKXF"
	// patient phases may be parked here, unless lua_strict_phases is on.
	patient = "IWESHBLU"
	// handlers may write a response.
	handlers = "VRAPC"
)

// phasesOf reads a set written in letters; an unknown letter panics when the
// API's tables are built.
func phasesOf(letters string) (set phaseSet) {
	for _, c := range []byte(letters) {
		p := strings.IndexByte(phaseLetters, c)
		if p < 0 {
			panic("lua: no phase has the letter " + string(c))
		}
		set |= 1 << p
		if phase(p) == inTimer { // what a timer may do, an actor may
			set |= 1 << inActor
		}
	}
	return set
}

var phaseLetters = func() string {
	var b strings.Builder
	for _, row := range phaseRows {
		b.WriteByte(row.letter)
	}
	return b.String()
}()
