package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
)

// sslPeerArea is the modules ngx.ssl.proxysslcert, ngx.ssl.proxysslverify and
// ngx.proxyssl: of handshakes with peers.
var sslPeerArea = area{open: func(e *engine, ngx *vm.Table) {
	e.module("ngx.ssl.proxysslcert", []row{
		{"clear_certs", "Q", func(t *vm.Thread, s *state) int {
			s.entry.arg.peer.keys = identities{changed: true}
			t.PushBool(true)
			return 1
		}},
		{"set_der_cert", "Q", func(t *vm.Thread, s *state) int { return setChain(t, s, true) }},
		{"set_cert", "Q", func(t *vm.Thread, s *state) int { return setChain(t, s, false) }},
		{"set_der_priv_key", "Q", func(t *vm.Thread, s *state) int { return setKey(t, s, true) }},
		{"set_priv_key", "Q", func(t *vm.Thread, s *state) int { return setKey(t, s, false) }},
	})
	e.module("ngx.ssl.proxysslverify", []row{
		{"set_verify_result", "Z", func(t *vm.Thread, s *state) int {
			s.entry.arg.peer.Result = t.CheckInt(1)
			t.PushBool(true)
			return 1
		}},
		{"get_verify_result", "Z", func(t *vm.Thread, s *state) int {
			t.PushInt(s.entry.arg.peer.Result)
			return 1
		}},
		{"get_verify_cert", "Z", func(t *vm.Thread, s *state) int {
			return s.pushCerts(t, s.entry.arg.peer.State.PeerCertificates, "X509_STORE_CTX_get0_cert() failed")
		}},
	})
	e.module("ngx.proxyssl", []row{
		{"get_tls1_version", "QZ", func(t *vm.Thread, s *state) int {
			t.PushInt(int(s.entry.arg.peer.Version))
			return 1
		}},
		{"get_tls1_version_str", "QZ", func(t *vm.Thread, s *state) int {
			t.PushString(versionName(s.entry.arg.peer.Version))
			return 1
		}},
	})
}}
