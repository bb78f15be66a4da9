package luahttpd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority makes certificates for tests.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t testing.TB, dir string) *authority {
	a := &authority{t: t, dir: dir}
	a.issue("ca", func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	})
	return a
}

// issue writes name.crt and name.key; the first certificate signs the others,
// and itself.
func (a *authority) issue(name string, change func(c *x509.Certificate)) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.next++
	c := &x509.Certificate{SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name + ".test"}}
	if change != nil {
		change(c)
	}
	parent, signer := a.cert, a.key
	if parent == nil || name == "self" {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.cert == nil {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			a.t.Fatal(err)
		}
		a.key = key
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".crt", "CERTIFICATE", der)
	a.write(name+".key", "PRIVATE KEY", secret)
}

func (a *authority) write(name, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// TestCosocketTLS has scripts talk TLS to the server itself.
func TestCosocketTLS(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	ca.issue("good", nil)
	ca.issue("old", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	ca.issue("self", nil)
	ca.issue("client", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	servers := ""
	for _, name := range []string{"good", "old", "self"} {
		servers += `
		server {
			listen unix:DIR/` + name + `.sock ssl;
			ssl_certificate DIR/` + name + `.crt;
			ssl_certificate_key DIR/` + name + `.key;
			ssl_verify_client optional;
			ssl_client_certificate DIR/ca.crt;
			location / { return 200 "$ssl_client_s_dn $ssl_session_reused\n"; }
		}`
	}
	config := strings.ReplaceAll(`
	worker_processes 1;
	events {}
	http {
		lua_ssl_trusted_certificate DIR/ca.crt;
		server {
			listen 127.0.0.1:0;
			location / {
				content_by_lua_block {
					local function open(name)
						local sock = ngx.socket.tcp()
						assert(sock:connect("unix:DIR/" .. name .. ".sock"))
						return sock
					end
					local function get(sock)
						sock:send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
						sock:receiveuntil("\r\n\r\n")()
						return sock:receive()
					end
					local function try(name, ...)
						local sock = open(name)
						local session, err = sock:sslhandshake(...)
						if not session then
							ngx.say(name, ": ", err, " ", sock:send("x"))
							return
						end
						ngx.say(name, ": ", type(session), " ", get(sock))
						return session, sock
					end
					local session, sock = try("good", nil, "good.test", true)
					ngx.say(sock:setkeepalive())
					sock = open("good")
					ngx.say(sock:getreusedtimes(), " ", sock:sslhandshake(false), " ", get(sock))
					sock:close()
					try("good", session, "good.test")
					try("good", false)
					try("good", nil, "bad.test", true)
					try("good", nil, "bad.test")
					try("old", nil, nil, true)
					try("self", nil, nil, true)
					sock = ngx.socket.connect("127.0.0.1", ngx.var.server_port)
					ngx.say(sock:sslhandshake())

					local ssl = require "ngx.ssl"
					local function file(name) local f = io.open("DIR/" .. name) local s = f:read("*a") f:close() return s end
					sock = open("good")
					ngx.say(sock:setclientcert(ssl.parse_pem_cert(file "client.crt")))
					ngx.say(sock:setclientcert("x", "y"))
					ngx.say(sock:setclientcert(ssl.parse_pem_cert(file "client.crt"), ssl.parse_pem_priv_key(file "client.key")))
					sock:sslhandshake()
					ngx.say(get(sock))
					ngx.say(ssl.parse_pem_cert("x"))
				}
			}
		}`+servers+`
	}`, "DIR", dir)
	ts := startServer(t, config, dir)
	ts.expected = []string{"lua ssl certificate", "SSL_do_handshake() failed", "closed socket"}
	got := ts.exchange(t, "GET / HTTP/1.0\r\n\r\n", 0)
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	want := `good: cdata  .
1
1 true  .
good: cdata  r
good: boolean  .
good: certificate host mismatch nilclosed
good: cdata  .
old: 10: certificate has expired nilclosed
self: 18: self-signed certificate nilclosed
nilhandshake failed
nilclient certificate must be supplied with corresponding private key
nilbad cert arg: cdata expected, got string
true
CN=client .
nilPEM_read_bio_X509_AUX() failed
`
	if body != want {
		t.Errorf("got\n%s\nwant\n%s", body, want)
	}
}

// TestCosocketTLSPool: a connection from the pool is as good as a new one, or
// it is not used. And settrustedstore.
func TestCosocketTLSPool(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	ca.issue("good", nil)
	ca.issue("client", nil)
	config := strings.ReplaceAll(`
	worker_processes 1;
	events {}
	http {
		server {
			listen 127.0.0.1:0;
			location / {
				content_by_lua_block {
					local ssl = require "ngx.ssl"
					local store = require "resty.openssl.x509.store".new()
					store:load_file("DIR/ca.crt")
					local function file(name) local f = io.open("DIR/" .. name) local s = f:read("*a") f:close() return s end
					local cert, key = ssl.parse_pem_cert(file "client.crt"), ssl.parse_pem_priv_key(file "client.key")
					local sock = ngx.socket.tcp()
					local function try(what, name, verify, prepare)
						assert(sock:connect("unix:DIR/s.sock"))
						if prepare then ngx.say("  ", prepare(sock)) end
						local ok, err = sock:sslhandshake(false, name, verify)
						if not ok then return ngx.say(what, ": ", err) end
						sock:send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
						sock:receiveuntil("\r\n\r\n")()
						ngx.say(what, ": ", sock:receive(), ", used ", sock:getreusedtimes())
						sock:setkeepalive()
					end
					ngx.say(sock:settrustedstore(store.ctx))
					try("first", "good.test")
					try("again", "good.test")
					try("other name", "other.test")
					try("verified", "other.test", true)
					try("new", "good.test")
					local trust = function(s) return s:settrustedstore(store.ctx) end
					try("trusted", "good.test", true, trust)
					try("new", "good.test", nil, function(s) return s:setclientcert(cert, key) end)
					try("again", "good.test")
					try("new", "good.test", nil, function(s) return s:setclientcert() end)
					try("again", "good.test", true, trust)
					try("verified", "good.test", true)
					try("bad", "good.test", nil, function(s) return s:settrustedstore("x") end)
					assert(sock:connect("unix:DIR/s.sock"))
					ngx.say(trust(sock))
					ngx.say(sock:sslhandshake(false, "good.test", true))
					ngx.say(sock:settrustedstore(store))
				}
			}
		}
		server {
			listen unix:DIR/s.sock ssl;
			ssl_certificate DIR/good.crt;
			ssl_certificate_key DIR/good.key;
			ssl_verify_client optional_no_ca;
			location / { return 200 "$ssl_server_name $ssl_client_s_dn\n"; }
		}
	}`, "DIR", dir)
	ts := startServer(t, config, dir)
	ts.expected = []string{"lua ssl certificate verify error"}
	_, body, _ := strings.Cut(ts.exchange(t, "GET / HTTP/1.0\r\n\r\n", 0), "\r\n\r\n")
	want := `nilclosed
first: good.test , used 0
again: good.test , used 1
other name: other.test , used 0
verified: 20: unable to get local issuer certificate
new: good.test , used 0
  true
trusted: good.test , used 1
  true
new: good.test CN=client, used 0
again: good.test CN=client, used 1
  true
new: good.test , used 0
  true
again: good.test , used 1
verified: good.test , used 2
  nilbad store arg: cdata expected, got string
bad: good.test , used 3
true
true
nilssl handshake already done; trusted store cannot be changed on an established TLS connection
`
	if body != want {
		t.Errorf("got\n%s\nwant\n%s", body, want)
	}
}

// TestConfCommands: what is handed to OpenSSL elsewhere has its effect.
func TestConfCommands(t *testing.T) {
	dir := t.TempDir()
	newAuthority(t, dir).issue("good", nil)
	config := strings.ReplaceAll(`
	worker_processes 1;
	events {}
	http {
		ssl_certificate DIR/good.crt;
		ssl_certificate_key DIR/good.key;
		server {
			listen 127.0.0.1:0;
			location /lua {
				lua_ssl_conf_command MaxProtocol TLSv1.2;
				lua_ssl_conf_command Curves P-256;
				content_by_lua_block {
					local sock = ngx.socket.tcp()
					sock:connect("unix:DIR/new.sock")
					assert(sock:sslhandshake())
					sock:send("GET / HTTP/1.0\r\n\r\n")
					ngx.print(sock:receive("*a"):match("\r\n\r\n(.*)"))
				}
			}
			location /verify {
				lua_ssl_conf_command VerifyMode Peer;
				content_by_lua_block {
					local sock = ngx.socket.tcp()
					sock:connect("unix:DIR/new.sock")
					ngx.say(select(2, sock:sslhandshake()))
				}
			}
			location /proxy {
				proxy_ssl_conf_command Protocol -TLSv1.3;
				proxy_ssl_conf_command Curves P-521;
				proxy_ssl_key_log DIR/keys;
				proxy_pass https://unix:DIR/new.sock:/;
			}
			location /suite { proxy_ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256; proxy_pass https://unix:DIR/new.sock:/; }
			location /old { proxy_pass https://unix:DIR/old.sock:/; }
			location /plain { proxy_pass https://unix:DIR/new.sock:/; }
		}
		server { listen unix:DIR/new.sock ssl; location / { return 200 "$ssl_protocol $ssl_curve\n"; } }
		server {
			listen unix:DIR/old.sock ssl;
			ssl_conf_command MaxProtocol TLSv1.2;
			ssl_conf_command Groups P-384;
			location / { return 200 "$ssl_protocol $ssl_curve\n"; }
		}
	}`, "DIR", dir)
	ts := startServer(t, config, dir)
	ts.expected = []string{"no shared cipher", "certificate verify error"}
	for path, want := range map[string]string{"/lua": "TLSv1.2 prime256v1\n", "/proxy": "TLSv1.2 secp521r1\n", "/old": "TLSv1.2 secp384r1\n",
		"/verify": "20: unable to get local issuer certificate\n",
		"/plain":  "TLSv1.3 X25519MLKEM768\n"} {
		if _, body, _ := strings.Cut(ts.exchange(t, "GET "+path+" HTTP/1.0\r\n\r\n", 0), "\r\n\r\n"); body != want {
			t.Errorf("%s: %q, want %q", path, body, want)
		}
	}
	if got := ts.exchange(t, "GET /suite HTTP/1.0\r\n\r\n", 0); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("a suite that was not wanted: %q", got)
	}
	if keys, err := os.ReadFile(filepath.Join(dir, "keys")); !strings.Contains(string(keys), "CLIENT_RANDOM ") {
		t.Errorf("the key log: %q %v", keys, err)
	}
}

// TestCiphers: every list of ciphers is read alike.
func TestCiphers(t *testing.T) {
	for _, name := range []string{"ssl_ciphers", "proxy_ssl_ciphers", "uwsgi_ssl_ciphers", "lua_ssl_ciphers"} {
		for list, want := range map[string]string{"DEFAULT": "", "AES128-SHA": "", "NULL-MD5": "SSL_CTX_set_cipher_list(\"NULL-MD5\") failed"} {
			srv, err := Parse(strings.NewReader("events {} http { " + name + " " + list + "; server { listen 127.0.0.1:0; } }"))
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: %v", name, list, err)
			}
			if err == nil {
				srv.Close()
			}
		}
	}
}

// TestBalancerTLS: set_upstream_tls says of each try whether TLS is spoken.
func TestBalancerTLS(t *testing.T) {
	dir := t.TempDir()
	newAuthority(t, dir).issue("good", nil)
	config := strings.ReplaceAll(`
	worker_processes 1;
	events {}
	http {
		upstream u {
			server 0.0.0.1;
			keepalive 4;
			balancer_by_lua_block {
				local b = require "ngx.balancer"
				local plain = ngx.var.arg_plain or b.get_last_failure()
				assert(b.set_current_peer(plain and "unix:DIR/plain.sock" or "unix:DIR/tls.sock"))
				if ngx.var.arg_twice and not b.get_last_failure() then
					b.set_more_tries(1)
					b.set_current_peer("unix:DIR/none.sock")
				end
				assert(b.set_upstream_tls(not plain))
			}
		}
		server {
			listen 127.0.0.1:0;
			location / { proxy_pass https://u; }
			location = /var { set $s http; if ($arg_s) { set $s $arg_s; } proxy_pass $s://u; }
		}
		server { listen unix:DIR/plain.sock; location / { return 200 "plain\n"; } }
		server {
			listen unix:DIR/tls.sock ssl;
			ssl_certificate DIR/good.crt;
			ssl_certificate_key DIR/good.key;
			location / { return 200 "tls\n"; }
		}
	}`, "DIR", dir)
	ts := startServer(t, config, dir)
	ts.expected = []string{"none.sock failed (2: No such file or directory)"}
	for range 2 { // kept connections, too
		for path, want := range map[string]string{"/": "tls\n", "/?plain=1": "plain\n", "/?twice=1": "plain\n",
			"/var": "tls\n", "/var?plain=1": "plain\n", "/var?plain=1&s=https": "plain\n"} {
			if _, body, _ := strings.Cut(ts.exchange(t, "GET "+path+" HTTP/1.0\r\n\r\n", 0), "\r\n\r\n"); body != want {
				t.Errorf("%s: %q, want %q", path, body, want)
			}
		}
	}
}
