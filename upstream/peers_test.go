package upstream_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBind connects from the address that proxy_bind says.
func TestBind(t *testing.T) {
	p := startPeer(t, func(_ int, c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", ok, len(host), host)
	})
	s := serve(t, p, "", "location / { proxy_bind $arg_from; proxy_pass http://PEER; } location /const { proxy_bind 127.0.0.7; proxy_pass http://PEER; }")
	for path, want := range map[string]string{"/?from=127.0.0.5": "127.0.0.5", "/?from=127.0.0.6": "127.0.0.6", "/": "127.0.0.1", "/const": "127.0.0.7"} {
		if _, _, body := split(s.get(t, path)); body != want {
			t.Errorf("%s: %q\n%s", path, body, s.log)
		}
	}
	if _, _, body := split(s.get(t, "/?from=x")); body != "127.0.0.1" || !strings.Contains(s.log.String(), "invalid local address") {
		t.Errorf("%s\n%s", body, s.log)
	}
}

// TestUnixPeer passes to a socket in the file system.
func TestUnixPeer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	up := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Host, " ", r.URL.Path)
	})}}
	up.Start()
	defer up.Close()
	s := serve(t, nil, "upstream u { server unix:"+path+"; }",
		"location / { proxy_pass http://unix:"+path+":/below; } location /u { proxy_pass http://u; add_header X-Addr $upstream_addr; }")
	if _, _, body := split(s.get(t, "/x")); body != "localhost /belowx" {
		t.Errorf("%q", body)
	}
	if _, head, body := split(s.get(t, "/u")); body != "u /u" || !strings.Contains(head, "X-Addr: unix:"+path) {
		t.Errorf("%q %q", head, body)
	}
}

// TestGreeting: a connection begins with a PROXY protocol header that another
// server of ours understands, also before TLS, and stays one client's.
func TestGreeting(t *testing.T) {
	cert, key := keyPair(t, nil, nil, "localhost").files(t)
	seen := "return 200 \"$proxy_protocol_addr:$proxy_protocol_port $connection\";"
	plain := serve(t, nil, "", "return 404; } server { listen 127.0.0.2:0 proxy_protocol; "+seen)
	secure := serve(t, nil, "", "return 404; } server { listen 127.0.0.2:0 ssl proxy_protocol; ssl_certificate "+cert+"; ssl_certificate_key "+key+"; "+seen)
	addr := func(s *server) string { return s.Addrs()[1].String() }
	s := serve(t, nil, "upstream plain { server "+addr(plain)+"; keepalive 4; } upstream secure { server "+addr(secure)+"; keepalive 4; } proxy_protocol on;",
		"location / { proxy_pass http://plain; } location /tls { proxy_pass https://secure; }")
	for _, path := range []string{"/", "/tls"} {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		br := bufio.NewReader(c)
		var bodies []string
		for range 2 {
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
			a, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatalf("%s: %v\n%s", path, err, s.log)
			}
			b, _ := io.ReadAll(a.Body)
			bodies = append(bodies, string(b))
		}
		if !strings.HasPrefix(bodies[0], c.LocalAddr().String()+" ") || bodies[1] != bodies[0] {
			t.Errorf("%s: %q from %s\n%s", path, bodies, c.LocalAddr(), s.log)
		}
		if _, _, other := split(s.get(t, path)); other == bodies[0] || !strings.HasPrefix(other, "127.0.0.1:") {
			t.Errorf("%s: another client got %q", path, other)
		}
	}
}

// pair is a certificate and its key.
type pair struct {
	cert *x509.Certificate
	der  []byte
	key  *ecdsa.PrivateKey
}

// keyPair makes a certificate for a name, signed by ca or by itself.
func keyPair(t *testing.T, ca *pair, edit func(c *x509.Certificate), name string) *pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	if ca == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	}
	if edit != nil {
		edit(c)
	}
	p := &pair{cert: c, key: key}
	by := ca
	if by == nil {
		by = p
	}
	if p.der, err = x509.CreateCertificate(rand.Reader, c, by.cert, &key.PublicKey, by.key); err != nil {
		t.Fatal(err)
	}
	if p.cert, err = x509.ParseCertificate(p.der); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pair) files(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalECPrivateKey(p.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: p.der}, key: {Type: "EC PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestPeerCertificates has peers of several certificates, one of which wants
// one of ours.
func TestPeerCertificates(t *testing.T) {
	ca, stranger := keyPair(t, nil, nil, "ca"), keyPair(t, nil, nil, "stranger")
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	caFile, _ := ca.files(t)
	start := func(p *pair) string {
		up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s", r.TLS.ServerName, r.TLS.PeerCertificates[0].Subject.CommonName)
		}))
		up.Config.ErrorLog = log.New(io.Discard, "", 0)
		up.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{p.der}, PrivateKey: p.key}}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
		up.StartTLS()
		t.Cleanup(up.Close)
		return up.Listener.Addr().String()
	}
	good := start(keyPair(t, ca, nil, "peer.test"))
	expired := start(keyPair(t, ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "peer.test"))
	foreign := start(keyPair(t, stranger, nil, "peer.test"))
	usage := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	cert, key := keyPair(t, ca, usage, "client.test").files(t)
	ours := "proxy_ssl_certificate " + cert + "; proxy_ssl_certificate_key " + key + ";"
	const verify = "proxy_ssl_verify on; proxy_ssl_name peer.test; proxy_ssl_server_name on; "
	s := serve(t, nil, "proxy_ssl_trusted_certificate "+caFile+";", `
		location /good { proxy_pass https://`+good+`; `+verify+ours+` }
		location /tls12 { proxy_pass https://`+good+`; proxy_ssl_protocols TLSv1.2; `+verify+ours+` }
		location /unshown { proxy_pass https://`+good+`; `+verify+` }
		location /name { proxy_pass https://`+good+`; proxy_ssl_verify on; proxy_ssl_name other.test; `+ours+` }
		location /expired { proxy_pass https://`+expired+`; `+verify+ours+` }
		location /foreign { proxy_pass https://`+foreign+`; `+verify+ours+` }
		location /unverified { proxy_pass https://`+foreign+`; `+ours+` }
		location /variable { proxy_pass https://`+good+`; `+verify+` proxy_ssl_certificate $arg_c; proxy_ssl_certificate_key $arg_k; }
		location /plain { proxy_pass http://`+good+`; }`)
	for _, c := range []struct {
		path   string
		status int
		body   string
		log    string
	}{
		{"/good", 200, "peer.test client.test", ""},
		{"/tls12", 200, "peer.test client.test", ""},
		{"/unshown", 502, "", "certificate required"},
		{"/name", 502, "", "upstream SSL certificate does not match \"other.test\""},
		{"/expired", 502, "", "upstream SSL certificate verify error: (10:certificate has expired)"},
		{"/foreign", 502, "", "upstream SSL certificate verify error: (20:unable to get local issuer certificate)"},
		{"/unverified", 200, " client.test", ""},
		{"/variable?c=" + cert + "&k=" + key, 200, "peer.test client.test", ""},
		{"/plain", 400, "", ""},
	} {
		status, _, body := split(s.get(t, c.path))
		if status != c.status || status == 200 && body != c.body || !strings.Contains(s.log.String(), c.log) {
			t.Errorf("%s: %d %q, want %q in the log:\n%s", c.path, status, body, c.log, s.log)
		}
	}
}
