package lua

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

const (
	// handshakes are the phases of a handshake with a client.
	handshakes = "KXFO"
	// clientPhases have a client: its request or its handshake.
	clientPhases = requestPhases + handshakes + "QZ"
)

// sslServerRows are the part of ngx.ssl that is of the client's connection.
var sslServerRows = []row{
	{"server_name", clientPhases, func(t *vm.Thread, s *state) int {
		name, ok := s.askedName()
		if !ok {
			return fail(t, "not ssl connection")
		}
		if name == "" {
			t.PushNil()
		} else {
			t.PushString(name)
		}
		return 1
	}},
	{"server_port", clientPhases, func(t *vm.Thread, s *state) int {
		local := s.peerClient().Local
		if !local.IsValid() {
			return fail(t, "unix domain has no port")
		}
		t.PushInt(int(local.Port()))
		return 1
	}},
	{"raw_server_addr", clientPhases, func(t *vm.Thread, s *state) int {
		c := s.peerClient()
		return pushAddress(t, c.Local, c.Unix)
	}},
	{"raw_client_addr", clientPhases, func(t *vm.Thread, s *state) int { return pushAddress(t, s.peerClient().Addr, "") }},
	{"get_tls1_version", clientPhases, func(t *vm.Thread, s *state) int {
		v, ok := s.clientVersion()
		if !ok {
			return fail(t, "not ssl connection")
		}
		t.PushInt(int(v))
		return 1
	}},
	{"get_tls1_version_str", clientPhases, func(t *vm.Thread, s *state) int {
		v, ok := s.clientVersion()
		if !ok {
			return fail(t, "not ssl connection")
		}
		t.PushString(versionName(v))
		return 1
	}},
	{"clear_certs", "X", func(t *vm.Thread, s *state) int {
		s.entry.arg.client.keys = identities{changed: true}
		t.PushBool(true)
		return 1
	}},
	{"set_der_cert", "X", func(t *vm.Thread, s *state) int { return setChain(t, s, true) }},
	{"set_cert", "X", func(t *vm.Thread, s *state) int { return setChain(t, s, false) }},
	{"set_der_priv_key", "X", func(t *vm.Thread, s *state) int { return setKey(t, s, true) }},
	{"set_priv_key", "X", func(t *vm.Thread, s *state) int { return setKey(t, s, false) }},
	{"verify_client", "X", verifyClient},
	{"ssl_session_reused", requestPhases, func(t *vm.Thread, s *state) int {
		state := s.r.Client.TLS
		if state == nil {
			return fail(t, "not ssl connection")
		}
		t.PushBool(state.DidResume)
		return 1
	}},
	{"export_keying_material", requestPhases, exportKeyingMaterial},
	{"get_client_random", clientPhases, notByCrypto},
	{"get_server_random", clientPhases, notByCrypto},
	{"get_session_master_key", clientPhases, notByCrypto},
	{"export_keying_material_early", clientPhases, notByCrypto},
	{"get_req_ssl_pointer", clientPhases, notByCrypto},
	{"get_upstream_ssl_pointer", clientPhases, notByCrypto},
	{"get_req_shared_ssl_ciphers", clientPhases, notByCrypto},
}

// notByCrypto is a function for which crypto/tls has nothing.
func notByCrypto(t *vm.Thread, s *state) int { return fail(t, "not supported by the TLS library") }

// peerClient is the client of the request or handshake.
func (s *state) peerClient() *phases.Client {
	if shake := s.entry.arg.client; shake != nil {
		return shake.Client
	}
	return s.r.Client
}

// askedName is the name in the client's hello, "" if there is none; ok is
// false without TLS.
func (s *state) askedName() (name string, ok bool) {
	if shake := s.entry.arg.client; shake != nil {
		return shake.Hello.ServerName, true
	}
	if state := s.r.Client.TLS; state != nil {
		return state.ServerName, true
	}
	return "", false
}

// clientVersion is the version of TLS, in a handshake the one that will be
// agreed upon.
func (s *state) clientVersion() (v uint16, ok bool) {
	shake := s.entry.arg.client
	if shake == nil {
		if state := s.r.Client.TLS; state != nil {
			return state.Version, true
		}
		return 0, false
	}
	for _, offered := range shake.Hello.SupportedVersions {
		if c := shake.TLS; offered > v && (c == nil || offered >= c.MinVersion && (c.MaxVersion == 0 || offered <= c.MaxVersion)) && offered <= tls.VersionTLS13 {
			v = offered
		}
	}
	return v, true
}

// pushAddress pushes an address as bytes, and its kind.
func pushAddress(t *vm.Thread, a netip.AddrPort, path string) int {
	ip := a.Addr().Unmap()
	switch {
	case ip.Is4():
		t.PushBytes(ip.AsSlice())
		t.PushString("inet")
	case ip.Is6():
		t.PushBytes(ip.AsSlice())
		t.PushString("inet6")
	default:
		t.PushString(path)
		t.PushString("unix")
	}
	return 2
}

// shown gives the certificates that a script may change and what they were
// before.
func (s *state) shown() (keys *identities, have []tls.Certificate) {
	if peer := s.entry.arg.peer; peer != nil {
		return &peer.keys, peer.Certificates
	}
	shake := s.entry.arg.client
	return &shake.keys, shake.TLS.Certificates
}

func setChain(t *vm.Thread, s *state, der bool) int {
	var chain []*x509.Certificate
	if der {
		chain, _ = x509.ParseCertificates([]byte(t.CheckString(1)))
		if len(chain) == 0 {
			return fail(t, "d2i_X509_bio() failed")
		}
	} else {
		held, ok := userdata[*certChain](t.Arg(1))
		if !ok {
			t.TypeError(1, "cdata")
		}
		chain = held.Certs
	}
	keys, have := s.shown()
	keys.addChain(have, chain)
	t.PushBool(true)
	return 1
}

func setKey(t *vm.Thread, s *state, der bool) int {
	var key any
	if der {
		if key = derKey([]byte(t.CheckString(1))); key == nil {
			return fail(t, "d2i_PrivateKey_bio() failed")
		}
	} else {
		held, ok := userdata[*privateKey](t.Arg(1))
		if !ok {
			t.TypeError(1, "cdata")
		}
		key = held.Key
	}
	keys, have := s.shown()
	if bad := keys.addKey(have, key); bad != "" {
		return fail(t, bad)
	}
	t.PushBool(true)
	return 1
}

// verifyClient is ngx.ssl.verify_client(ca?, depth?, trusted?).
func verifyClient(t *vm.Thread, s *state) int {
	chain := func(i int) []*x509.Certificate {
		if t.Arg(i).IsNil() {
			return nil
		}
		held, ok := userdata[*certChain](t.Arg(i))
		if !ok {
			t.TypeError(i, "cdata")
		}
		return held.Certs
	}
	ca, trusted := chain(1), chain(3)
	depth := t.OptInt(2, -1)
	if depth < 0 {
		depth = 100 // OpenSSL's own limit
	}
	s.entry.arg.client.Trust(ca, trusted, depth)
	t.PushBool(true)
	return 1
}

// maxKeyingMaterial bounds what one call of export_keying_material makes.
const maxKeyingMaterial = 64 << 10

func exportKeyingMaterial(t *vm.Thread, s *state) int {
	state := s.r.Client.TLS
	if state == nil {
		return fail(t, "not ssl connection")
	}
	n, label := t.CheckInt(1), t.CheckString(2)
	if n < 0 || n > maxKeyingMaterial {
		return fail(t, "bad length")
	}
	var context []byte
	if !t.Arg(3).IsNil() {
		context = []byte(t.CheckString(3))
	}
	material, err := state.ExportKeyingMaterial(label, context, n)
	if err != nil {
		return fail(t, "SSL_export_keying_material() failed")
	}
	t.PushBytes(material)
	return 1
}
