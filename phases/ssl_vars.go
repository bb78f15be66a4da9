package phases

import (
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// sslVariables are the $ssl_ ones; without TLS they have no value.
func sslVariables() []Variable {
	state := func(name string, f func(s *TLSState) string) Variable {
		return Variable{Name: name, Get: func(r *Request, dst []byte) ([]byte, bool) {
			if r.Client.TLS == nil {
				return dst, false
			}
			return append(dst, f(r.Client.TLS)...), true
		}}
	}
	cert := func(name string, f func(c *x509.Certificate) string) Variable {
		return state(name, func(s *TLSState) string {
			if len(s.PeerCertificates) == 0 {
				return ""
			}
			return f(s.PeerCertificates[0])
		})
	}
	raw := func(c *x509.Certificate) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	date := func(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006 GMT") }
	return []Variable{
		state("ssl_protocol", func(s *TLSState) string { return strings.Replace(tls.VersionName(s.Version), "TLS ", "TLSv", 1) }),
		state("ssl_cipher", func(s *TLSState) string { return CipherName(s.CipherSuite) }),
		state("ssl_curve", func(s *TLSState) string { return curveName(s.CurveID) }),
		state("ssl_server_name", func(s *TLSState) string { return s.ServerName }),
		state("ssl_alpn_protocol", func(s *TLSState) string { return s.NegotiatedProtocol }),
		state("ssl_early_data", func(s *TLSState) string { return "" }),
		state("ssl_session_reused", func(s *TLSState) string {
			if s.DidResume {
				return "r"
			}
			return "."
		}),
		state("ssl_session_id", func(s *TLSState) string { return s.SessionID }),
		state("ssl_ciphers", func(s *TLSState) string { return joinNames(s.Ciphers, CipherName) }),
		state("ssl_curves", func(s *TLSState) string { return joinNames(s.Curves, curveName) }),
		state("ssl_client_verify", func(s *TLSState) string { return s.Verify }),
		cert("ssl_client_raw_cert", raw),
		cert("ssl_client_cert", func(c *x509.Certificate) string {
			return strings.ReplaceAll(strings.TrimSuffix(raw(c), "\n"), "\n", "\n\t")
		}),
		cert("ssl_client_escaped_cert", func(c *x509.Certificate) string {
			return strings.ReplaceAll(url.QueryEscape(raw(c)), "+", "%20")
		}),
		cert("ssl_client_s_dn", func(c *x509.Certificate) string { return distinguishedName(c.RawSubject) }),
		cert("ssl_client_i_dn", func(c *x509.Certificate) string { return distinguishedName(c.RawIssuer) }),
		cert("ssl_client_s_dn_legacy", func(c *x509.Certificate) string { return legacyName(c.RawSubject) }),
		cert("ssl_client_i_dn_legacy", func(c *x509.Certificate) string { return legacyName(c.RawIssuer) }),
		cert("ssl_client_serial", func(c *x509.Certificate) string {
			h := strings.ToUpper(c.SerialNumber.Text(16))
			if len(h)%2 == 1 {
				h = "0" + h
			}
			return h
		}),
		cert("ssl_client_fingerprint", func(c *x509.Certificate) string { sum := sha1.Sum(c.Raw); return hex.EncodeToString(sum[:]) }),
		cert("ssl_client_v_start", func(c *x509.Certificate) string { return date(c.NotBefore) }),
		cert("ssl_client_v_end", func(c *x509.Certificate) string { return date(c.NotAfter) }),
		cert("ssl_client_v_remain", func(c *x509.Certificate) string {
			return strconv.Itoa(max(int(time.Until(c.NotAfter)/(24*time.Hour)), 0))
		}),
	}
}

// joinNames writes what a client offers; what has no name here is a number.
func joinNames[T ~uint16](ids []T, name func(T) string) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(':')
		}
		if n := name(id); n != "" && !strings.ContainsAny(n, "( ") && !strings.HasPrefix(n, "0x") {
			b.WriteString(n)
		} else {
			fmt.Fprintf(&b, "0x%04x", uint16(id))
		}
	}
	return b.String()
}
