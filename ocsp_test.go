package luahttpd

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// responder answers every question about certificates of ca with status, or
// with nonsense when that is negative.
func responder(t *testing.T, ca *authority, status *atomic.Int32) (address string, asked *atomic.Int32) {
	asked = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		text, err := url.QueryUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
		if err != nil {
			t.Error(err)
		}
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Error(err)
		}
		question, err := ocsp.ParseRequest(der)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			return
		}
		now := time.Now()
		answer, err := ocsp.CreateResponse(ca.cert, ca.cert, ocsp.Response{Status: int(max(status.Load(), 0)), SerialNumber: question.SerialNumber,
			ThisUpdate: now, NextUpdate: now.Add(time.Hour), RevokedAt: now}, ca.key)
		if err != nil {
			t.Error(err)
		}
		if status.Load() < 0 {
			answer = answer[:len(answer)-1]
		}
		w.Write(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// TestOCSP has clients' certificates asked for and the server's own shown.
func TestOCSP(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	var status atomic.Int32
	at, asked := responder(t, ca, &status)
	ca.issue("s", func(c *x509.Certificate) { c.OCSPServer = []string{at} })
	mine := ca.pair("mine", time.Now().Add(time.Hour))
	ts := startServer(t, `events {} error_log stderr info; http { access_log off;
	ssl_certificate s.crt; ssl_certificate_key s.key; ssl_trusted_certificate ca.crt;
	server { listen 127.0.0.1:0 ssl; ssl_stapling on; ssl_stapling_verify on; return 200 s; }
	server { listen 127.0.0.1:0 ssl; server_name asks.test; ssl_verify_client on; ssl_client_certificate ca.crt; ssl_ocsp leaf; ssl_ocsp_responder `+at+`/;
		location / { return 200 "$ssl_client_verify"; } error_page 495 =403 /why; location /why { return 403 "$ssl_client_verify"; } }
	server { listen 127.0.0.1:0 ssl; server_name keeps.test; ssl_verify_client on; ssl_client_certificate ca.crt; ssl_ocsp on; ssl_ocsp_cache shared:o:1m; ssl_ocsp_responder `+at+`;
		location / { return 200 "$ssl_client_verify"; } }
	}`, dir)
	ts.expected = []string{"while requesting certificate status"}
	client := func(name string) *tls.Config {
		return &tls.Config{ServerName: name, InsecureSkipVerify: true, Certificates: []tls.Certificate{mine}}
	}
	for _, c := range []struct {
		host   string
		status int32
		want   string
	}{
		{"asks.test", ocsp.Good, "SUCCESS"},
		{"asks.test", ocsp.Revoked, "FAILED:certificate revoked"},
		{"asks.test", ocsp.Unknown, "FAILED:certificate status request failed"},
		{"asks.test", -1, "FAILED:certificate status request failed"},
		{"keeps.test", ocsp.Good, "SUCCESS"},
		{"keeps.test", ocsp.Revoked, "SUCCESS"}, // as was known before
	} {
		status.Store(c.status)
		if _, body, _, err := ts.get(t, client(c.host), c.host, "/"); err != nil || body != c.want {
			t.Errorf("%s, status %d: %q %v, want %q", c.host, c.status, body, err, c.want)
		}
	}
	status.Store(ocsp.Good)
	was := asked.Load()
	for i := range 200 {
		_, _, state, err := ts.get(t, client("x"), "x", "/")
		if err != nil || i == 0 && state.OCSPResponse != nil {
			t.Fatalf("%x %v", state.OCSPResponse, err)
		}
		if state.OCSPResponse != nil {
			if r, err := ocsp.ParseResponse(state.OCSPResponse, ca.cert); err != nil || r.Status != ocsp.Good {
				t.Errorf("%+v %v", r, err)
			}
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if n := asked.Load() - was; n != 1 {
		t.Errorf("the responder was asked %d times for the server's certificate", n)
	}
}
