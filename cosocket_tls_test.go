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
