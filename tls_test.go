package luahttpd

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair issues a certificate and loads it.
func (a *authority) pair(name string, until time.Time) tls.Certificate {
	a.t.Helper()
	a.issue(name, func(c *x509.Certificate) { c.NotAfter = until })
	p, err := tls.LoadX509KeyPair(filepath.Join(a.dir, name+".crt"), filepath.Join(a.dir, name+".key"))
	if err != nil {
		a.t.Fatal(err)
	}
	return p
}

// get makes one request on a TLS connection of its own.
func (ts *testServer) get(t *testing.T, c *tls.Config, host, path string) (status int, body string, state tls.ConnectionState, err error) {
	t.Helper()
	d := &net.Dialer{Timeout: 5 * time.Second}
	conn, err := tls.DialWithDialer(d, "tcp", ts.Addr().String(), c)
	if err != nil {
		return 0, "", state, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); err != nil {
		return 0, "", state, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, "", state, err
	}
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), conn.ConnectionState(), err
}

func TestTLS(t *testing.T) {
	dir, otherDir := t.TempDir(), t.TempDir()
	ca, other := newAuthority(t, dir), newAuthority(t, otherDir)
	soon := time.Now().Add(time.Hour)
	for _, name := range []string{"a", "b", "m", "n"} {
		ca.issue(name, nil)
	}
	mine, theirs, expired := ca.pair("mine", soon), other.pair("theirs", soon), ca.pair("expired", time.Now().Add(-time.Minute))
	ts := startServer(t, `events {} error_log stderr info; http {
	access_log off;
	server { listen 127.0.0.1:0 ssl default_server; server_name a.test; ssl_certificate a.crt; ssl_certificate_key a.key;
		location / { return 200 "a $ssl_server_name $ssl_session_reused $ssl_client_verify $scheme $https"; }
		location /protocol { return 200 "$ssl_protocol $ssl_cipher"; }
		location /big { content_by_lua_block { for i = 1, 100 do ngx.print(string.rep("x", 10000)) end } }
	}
	server { listen 127.0.0.1:0 ssl; server_name b.test; ssl_certificate b.crt; ssl_certificate_key b.key; return 200 b; }
	server { listen 127.0.0.1:0 ssl; server_name m.test; ssl_certificate m.crt; ssl_certificate_key m.key;
		ssl_verify_client on; ssl_client_certificate ca.crt; location / { return 200 "$ssl_client_verify $ssl_client_s_dn"; } }
	server { listen 127.0.0.1:0 ssl; server_name n.test; ssl_certificate n.crt; ssl_certificate_key n.key;
		ssl_verify_client optional; ssl_client_certificate `+otherDir+`/ca.crt; return 200 "$ssl_client_verify"; }
	server { listen 127.0.0.1:0 ssl; server_name bare.test; return 200 bare; }
	server { listen 127.0.0.1:0 ssl; server_name refused.test; ssl_reject_handshake on; }
	}`, dir)
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	client := func(name string, certs ...tls.Certificate) *tls.Config {
		return &tls.Config{ServerName: name, RootCAs: roots, Certificates: certs}
	}
	without := &tls.Config{InsecureSkipVerify: true}
	for _, c := range []struct {
		name, host string
		conf       *tls.Config
		status     int
		body       string
	}{
		{"a name", "a.test", client("a.test"), 200, "a a.test . NONE https on"},
		{"another name", "b.test", client("b.test"), 200, "b"},
		{"no name: the default", "a.test", without, 200, "a  . NONE https on"},
		{"no name: the host counts", "b.test", without, 200, "b"},
		{"a host of another server block", "b.test", client("a.test"), 200, "b"},
		{"a server block that shows the default's certificate", "bare.test", &tls.Config{ServerName: "bare.test", InsecureSkipVerify: true}, 200, "bare"},
		{"a client's certificate", "m.test", client("m.test", mine), 200, "SUCCESS CN=mine"},
		{"none though it is required", "m.test", client("m.test"), 400, "No required SSL certificate was sent"},
		{"a certificate of another authority", "m.test", client("m.test", theirs), 400, "The SSL certificate error"},
		{"an expired one", "m.test", client("m.test", expired), 400, "The SSL certificate error"},
		{"none and none is required", "n.test", client("n.test"), 200, "NONE"},
		{"a bad one where it is optional", "n.test", client("n.test", mine), 400, "The SSL certificate error"},
		{"a good one", "n.test", client("n.test", theirs), 200, "SUCCESS"},
		{"a certificate that another server block has asked for", "m.test", client("n.test", theirs), 421, "421"},
		{"and the other way round", "n.test", client("m.test", mine), 421, "421"},
		{"without a name none was asked for", "m.test", without, 400, "No required SSL certificate was sent"},
	} {
		c.conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(c.conf.Certificates) == 0 {
				return &tls.Certificate{}, nil
			}
			return &c.conf.Certificates[0], nil // whatever the server asks for
		}
		if status, body, _, err := ts.get(t, c.conf, c.host, "/"); err != nil || status != c.status || !strings.Contains(body, c.body) {
			t.Errorf("%s: %d %q %v, want %d %q", c.name, status, body, err, c.status, c.body)
		}
	}
	if _, _, _, err := ts.get(t, &tls.Config{ServerName: "refused.test", InsecureSkipVerify: true}, "refused.test", "/"); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("a rejected handshake: %v", err)
	}
	for version, want := range map[uint16]string{tls.VersionTLS12: "TLSv1.2 ECDHE-ECDSA-", tls.VersionTLS13: "TLSv1.3 TLS_"} {
		conf := client("a.test")
		conf.MinVersion, conf.MaxVersion = version, version
		if _, body, _, err := ts.get(t, conf, "a.test", "/protocol"); err != nil || !strings.HasPrefix(body, want) {
			t.Errorf("%q %v, want %s", body, err, want)
		}
		conf.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		for i, reused := range []string{".", "r"} {
			if _, body, _, err := ts.get(t, conf, "a.test", "/"); err != nil || body != "a a.test "+reused+" NONE https on" {
				t.Errorf("connection %d of a session: %q %v", i, body, err)
			}
		}
	}
	if _, body, _, err := ts.get(t, client("a.test"), "a.test", "/big"); err != nil || len(body) != 1000000 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

// TestPlainOnTLS speaks HTTP, and nonsense, to a TLS port.
func TestPlainOnTLS(t *testing.T) {
	dir := t.TempDir()
	newAuthority(t, dir).issue("a", nil)
	ts := startServer(t, `events {} error_log stderr info; http { ssl_certificate a.crt; ssl_certificate_key a.key; client_header_timeout 200ms;
		server { listen 127.0.0.1:0 ssl; return 200 never; }
		server { listen 127.0.0.1:0 ssl; server_name page; error_page 497 =301 https://page$request_uri; return 200 never; } }`, dir)
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":              "HTTP/1.1 400 Bad Request\r\n",
		"GET /x HTTP/1.1\r\nHost: page\r\n\r\n":          "HTTP/1.1 301 Moved Permanently\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nConte":            "",
		"GET /\x00 HTTP/1.1\r\n\r\n":                     "HTTP/1.1 400 Bad Request\r\n",
		"\x16\x03\x01\x00\x05hello":                      "",
		"\x00\x01\x02\x03":                               "",
		"\x16\x03\x01\x40\x00" + strings.Repeat("x", 10): "",
	} {
		got := ts.exchange(t, request, 0)
		if !strings.HasPrefix(got, want) || want == "" && strings.Contains(got, "HTTP/") {
			t.Errorf("%q: %q, want %q", request, got, want)
		}
		if want != "" && strings.Contains(want, "400") && strings.HasPrefix(request, "GET / ") && !strings.Contains(got, "plain HTTP request was sent to HTTPS port") {
			t.Errorf("%q", got)
		}
	}
}

// TestHandshakeDeadline: a handshake that comes byte by byte has no more time
// than one that does not come.
func TestHandshakeDeadline(t *testing.T) {
	dir := t.TempDir()
	newAuthority(t, dir).issue("a", nil)
	ts := startServer(t, `events {} error_log stderr info; http { ssl_certificate a.crt; ssl_certificate_key a.key; client_header_timeout 300ms;
		server { listen 127.0.0.1:0 ssl; } }`, dir)
	c, err := net.Dial("tcp", ts.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := time.Now()
	for i := 0; ; i++ {
		b := []byte("\x16\x03\x01\x20\x00xxxxxx")
		if _, err := c.Write(b[min(i, 5) : min(i, 5)+1]); err != nil {
			break
		}
		if time.Since(start) > 5*time.Second {
			t.Fatal("it goes on")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if got := ts.log.String(); !strings.Contains(got, "client timed out (110: Connection timed out) while SSL handshaking") {
		t.Error(got)
	}
}

// TestTLSDynamicCertificates: certificates whose names depend on the client.
func TestTLSDynamicCertificates(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	ca.issue("a.test", nil)
	ts := startServer(t, `events {} error_log stderr info; http { access_log off;
	map $ssl_server_name $name { default $ssl_server_name; alias.test a.test; }
	server { listen 127.0.0.1:0 ssl; ssl_certificate $name.crt; ssl_certificate_key $name.key; return 200 "$ssl_server_name $ssl_session_reused"; }
	}`, dir)
	ts.expected = []string{"cannot load certificate"}
	c := &tls.Config{ServerName: "alias.test", InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for _, want := range []string{"alias.test .", "alias.test r"} {
		_, body, state, err := ts.get(t, c, "x", "/")
		if err != nil || body != want || state.PeerCertificates[0].Subject.CommonName != "a.test" {
			t.Errorf("%q %v, want %q", body, err, want)
		}
	}
	for _, name := range []string{"none.test", "../" + filepath.Base(dir) + "/a.test"} {
		if _, body, _, err := ts.get(t, &tls.Config{ServerName: name, InsecureSkipVerify: true}, "x", "/"); err == nil {
			t.Errorf("%s: %q", name, body)
		}
	}
}

// TestTLSReload: a connection whose client has shown a certificate stays good
// over a reload, as long as the new configuration trusts it.
func TestTLSReload(t *testing.T) {
	f := startFile(t, "server { listen 127.0.0.1:0; }")
	dir, otherDir := filepath.Dir(f.file), t.TempDir()
	ca := newAuthority(t, dir)
	newAuthority(t, otherDir)
	ca.issue("a", nil)
	mine := ca.pair("mine", time.Now().Add(time.Hour))
	port := freePorts(t, 1)[0]
	text := func(trusted string) string {
		return fmt.Sprintf(`server { listen 127.0.0.1:%d ssl; server_name a.test; ssl_certificate a.crt; ssl_certificate_key a.key;
			ssl_verify_client on; ssl_client_certificate %s; return 200 "$ssl_client_verify"; }`, port, trusted)
	}
	f.reload(t, text("ca.crt"))
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{ServerName: "a.test", InsecureSkipVerify: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &mine, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	d := &dialog{c, bufio.NewReader(c)}
	for range 2 {
		if got := d.get(t, "/"); got != "SUCCESS" {
			t.Fatal(got)
		}
		f.reload(t, text("ca.crt"))
	}
	f.reload(t, text(otherDir+"/ca.crt"))
	if got := d.get(t, "/"); !strings.Contains(got, "The SSL certificate error") {
		t.Error(got)
	}
}
