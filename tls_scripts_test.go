package luahttpd

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

// Scripts choose what is shown to clients, look at their hellos and keep their
// sessions.
func TestHandshakeScripts(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	for _, name := range []string{"placeholder", "lua"} {
		ca.issue(name, nil)
	}
	mine := ca.pair("mine", time.Now().Add(time.Hour))
	ts := startServer(t, strings.ReplaceAll(`worker_processes 1; events {} error_log stderr info; http {
	access_log off;
	lua_shared_dict sessions 1m;
	ssl_certificate DIR/placeholder.crt; ssl_certificate_key DIR/placeholder.key;
	ssl_session_tickets off;
	ssl_session_store_by_lua_block {
		local session = require "ngx.ssl.session"
		ngx.shared.sessions:set(session.get_session_id(), session.get_serialized_session())
	}
	ssl_session_fetch_by_lua_block {
		local session = require "ngx.ssl.session"
		ngx.sleep(0.001)
		local found = ngx.shared.sessions:get(session.get_session_id())
		if found then
			assert(session.set_serialized_session(found))
		end
	}
	server {
		listen 127.0.0.1:0 ssl default_server;
		server_name lua.test;
		client_header_timeout 1s;
		ssl_client_hello_by_lua_block {
			local hello = require "ngx.ssl.clienthello"
			ngx.ctx.name = hello.get_client_hello_server_name()
			local name = hello.get_client_hello_ext(0)
			ngx.ctx.named = name and name:sub(6) or "none"
			ngx.ctx.ciphers = #hello.get_client_hello_ciphers() > 0
			ngx.ctx.versions = table.concat(hello.get_supported_versions() or {}, " ")
			if ngx.ctx.name == "old.test" then
				assert(hello.set_protocols({"TLSv1.2"}))
			elseif ngx.ctx.name == "refused.test" then
				ngx.exit(ngx.ERROR)
			elseif ngx.ctx.name == "slow.test" then
				ngx.sleep(60)
			end
		}
		ssl_certificate_by_lua_block {
			local ssl = require "ngx.ssl"
			if ssl.server_name() == "broken.test" then
				error("no such name")
			end
			ngx.sleep(0.001)
			local function read(name)
				local f = assert(io.open("DIR/" .. name))
				local text = f:read("*a")
				f:close()
				return text
			end
			ngx.ctx.version = ssl.get_tls1_version_str()
			ngx.ctx.address = table.concat({ssl.raw_client_addr():byte(1, -1)}, ".")
			if ssl.server_name() == "key.test" then
				assert(ssl.clear_certs())
				return
			end
			assert(ssl.clear_certs())
			assert(ssl.set_der_cert(assert(ssl.cert_pem_to_der(read("lua.crt")))))
			local ok, err = ssl.set_der_priv_key(assert(ssl.priv_key_pem_to_der(read("placeholder.key"))))
			assert(not ok and err == "SSL_use_PrivateKey() failed", err)
			assert(ssl.set_priv_key(assert(ssl.parse_pem_priv_key(read("lua.key")))))
			if ssl.server_name() == "lua.test" then
				assert(ssl.verify_client(assert(ssl.parse_pem_cert(read("ca.crt"))), 1))
			end
		}
		location / { content_by_lua_block {
			local c = ngx.ctx
			ngx.say(c.name, " ", c.named, " ", c.ciphers, " ", c.version, " ", c.address, " ", ngx.var.ssl_client_verify)
			ngx.ctx.name = "changed"
		} }
		location /versions { content_by_lua_block { ngx.say(ngx.ctx.versions) } }
		location /reused { content_by_lua_block { ngx.say(require("ngx.ssl").ssl_session_reused()) } }
	}
	}`, "DIR", dir), dir)
	ts.expected = []string{"no such name", "SSL_do_handshake() failed"}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	client := func(name string) *tls.Config {
		return &tls.Config{ServerName: name, RootCAs: roots, Certificates: []tls.Certificate{mine}, InsecureSkipVerify: name != "lua.test"}
	}
	for _, c := range []struct{ name, path, body string }{
		{"lua.test", "/", "lua.test lua.test true TLSv1.3 127.0.0.1 SUCCESS\n"},
		{"old.test", "/", "old.test old.test true TLSv1.2 127.0.0.1 NONE\n"},
		{"lua.test", "/versions", "TLSv1.3 TLSv1.2\n"},
	} {
		if _, body, state, err := ts.get(t, client(c.name), "lua.test", c.path); err != nil || body != c.body || state.PeerCertificates[0].Subject.CommonName != "lua" {
			t.Errorf("%s%s: %q %v, want %q", c.name, c.path, body, err, c.body)
		}
	}
	for _, name := range []string{"refused.test", "broken.test", "key.test", "slow.test"} {
		if _, _, _, err := ts.get(t, client(name), "lua.test", "/"); err == nil {
			t.Errorf("%s: the handshake was done", name)
		}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := client("lua.test")
		c.ClientSessionCache, c.MaxVersion = tls.NewLRUClientSessionCache(0), version
		for i, want := range []string{"false\n", "true\n"} {
			if _, body, _, err := ts.get(t, c, "lua.test", "/reused"); err != nil || body != want {
				t.Errorf("%s, connection %d: reused is %q %v", tls.VersionName(version), i, body, err)
			}
		}
	}
}

// Scripts choose what is shown to peers, and whether to trust them.
func TestPeerHandshakeScripts(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	ca.issue("peer", nil)
	ca.issue("mine", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	ts := startServer(t, strings.ReplaceAll(`worker_processes 1; events {} error_log stderr info; http {
	access_log off;
	proxy_ssl_verify on; proxy_ssl_trusted_certificate DIR/ca.crt; proxy_ssl_name peer.test; proxy_ssl_session_reuse off;
	server {
		listen 127.0.0.1:0;
		location /show { proxy_pass https://unix:DIR/peer.sock;
			proxy_ssl_certificate_by_lua_block {
				local ssl, show = require "ngx.ssl", require "ngx.ssl.proxysslcert"
				local function read(name)
					local f = assert(io.open("DIR/" .. name))
					local text = f:read("*a")
					f:close()
					return text
				end
				ngx.sleep(0.001)
				assert(show.set_cert(ssl.parse_pem_cert(read("mine.crt"))))
				assert(show.set_priv_key(ssl.parse_pem_priv_key(read("mine.key"))))
			} }
		location /trust { proxy_pass https://unix:DIR/peer.sock; proxy_ssl_name other.test;
			proxy_ssl_verify_by_lua_block { assert(require("ngx.ssl.proxysslverify").get_verify_result() == 0) } }
		location /doubt { proxy_pass https://unix:DIR/peer.sock;
			proxy_ssl_verify_by_lua_block { require("ngx.ssl.proxysslverify").set_verify_result(23) } }
		location /refuse { proxy_pass https://unix:DIR/peer.sock; proxy_ssl_verify_by_lua_block { return ngx.exit(ngx.ERROR) } }
		location /slow { proxy_pass https://unix:DIR/peer.sock; proxy_connect_timeout 20ms;
			proxy_ssl_verify_by_lua_block { ngx.sleep(5) } }
		location /alone { proxy_pass https://unix:DIR/peer.sock; proxy_ssl_trusted_certificate DIR/mine.crt;
			lua_upstream_skip_openssl_default_verify on;
			proxy_ssl_verify_by_lua_block { assert(require("ngx.proxyssl").get_tls1_version_str() == "TLSv1.3") } }
	}
	server {
		listen unix:DIR/peer.sock ssl; ssl_certificate DIR/peer.crt; ssl_certificate_key DIR/peer.key;
		ssl_verify_client optional; ssl_client_certificate DIR/ca.crt;
		return 200 "$ssl_client_s_dn";
	}
	}`, "DIR", dir), dir)
	ts.expected = []string{"does not match \"other.test\"", "(23:certificate revoked)", "certificate verify failed", "while loading proxy ssl verify by lua"}
	for _, c := range []struct{ path, want string }{
		{"/show", "CN=mine"},
		{"/trust", "502 Bad Gateway"},
		{"/doubt", "502 Bad Gateway"},
		{"/refuse", "502 Bad Gateway"},
		{"/slow", "504 Gateway Time-out"},
		{"/alone", "200 OK"},
	} {
		got := ts.exchange(t, "GET "+c.path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 0)
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.path, got, c.want)
		}
	}
}
