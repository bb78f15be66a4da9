package luahttpd

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
)

// TestHandshakeScripts has scripts decide about the TLS handshakes of clients.
func TestHandshakeScripts(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	for _, name := range []string{"placeholder", "a", "b", "client"} {
		ca.issue(name, nil)
	}
	client, err := tls.LoadX509KeyPair(dir+"/client.crt", dir+"/client.key")
	if err != nil {
		t.Fatal(err)
	}
	ts := startServer(t, strings.ReplaceAll(`
	worker_processes 1;
	error_log stderr info;
	events {}
	http {
		ssl_certificate DIR/placeholder.crt;
		ssl_certificate_key DIR/placeholder.key;
		init_by_lua_block {
			ssl, hello = require "ngx.ssl", require "ngx.ssl.clienthello"
			function read(name) return assert(io.open("DIR/" .. name)):read("*a") end
		}
		server {
			listen 127.0.0.1:0 ssl;
			ssl_client_hello_by_lua_block {
				ngx.sleep(0.001)
				ngx.ctx.way = ngx.get_phase()
				local name = hello.get_client_hello_server_name()
				if name == "old.test" then assert(hello.set_protocols({"TLSv1.2"})) end
				if name == "no.test" then ngx.exit(ngx.ERROR) end
			}
			ssl_certificate_by_lua_block {
				ngx.sleep(0.001)
				ngx.ctx.way = ngx.ctx.way .. " " .. ngx.get_phase()
				local name = ssl.server_name()
				if name == "a.test" then
					assert(ssl.clear_certs())
					assert(ssl.set_der_cert(assert(ssl.cert_pem_to_der(read("a.crt")))))
					assert(ssl.set_der_priv_key(assert(ssl.priv_key_pem_to_der(read("a.key")))))
				elseif name == "b.test" then
					assert(ssl.clear_certs())
					assert(ssl.set_cert(assert(ssl.parse_pem_cert(read("b.crt")))))
					assert(ssl.set_priv_key(assert(ssl.parse_pem_priv_key(read("b.key")))))
					assert(ssl.verify_client(ssl.parse_pem_cert(read("ca.crt")), 2))
				elseif name == "bad.test" then
					error("ouch")
				end
			}
			location / {
				content_by_lua_block {
					ngx.say(ngx.ctx.way, " ", ssl.server_name() or "-", " ", ssl.get_tls1_version_str(), " ", ngx.var.ssl_client_verify)
				}
			}
		}
	}`, "DIR", dir), dir)
	ts.expected = []string{"ouch", "no.test"}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	for _, c := range []struct{ name, shown, body string }{
		{"placeholder.test", "placeholder", "ssl_client_hello ssl_cert placeholder.test TLSv1.3 NONE\n"},
		{"a.test", "a", "ssl_client_hello ssl_cert a.test TLSv1.3 NONE\n"},
		{"b.test", "b", "ssl_client_hello ssl_cert b.test TLSv1.3 SUCCESS\n"},
		{"old.test", "placeholder", "ssl_client_hello ssl_cert old.test TLSv1.2 NONE\n"},
		{"no.test", "", ""},
		{"bad.test", "", ""},
	} {
		config := &tls.Config{ServerName: c.name, RootCAs: roots, InsecureSkipVerify: true, Certificates: []tls.Certificate{client}}
		_, body, state, err := ts.get(t, config, c.name, "/")
		switch {
		case c.shown == "" && err == nil:
			t.Errorf("%s: no error", c.name)
		case c.shown == "":
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case body != c.body || state.PeerCertificates[0].Subject.CommonName != c.shown:
			t.Errorf("%s: %q by %s", c.name, body, state.PeerCertificates[0].Subject.CommonName)
		}
	}
	for _, want := range []string{"runtime error: ssl_certificate_by_lua(", "context: ssl_certificate_by_lua*, client: 127.0.0.1, server: 127.0.0.1:",
		"callback failed", "cert cb error"} {
		if !strings.Contains(ts.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, ts.log.String())
		}
	}
}
