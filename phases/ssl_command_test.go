package phases

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/conf"
)

// TestSSLCommands: a command has its effect, or is refused by name.
func TestSSLCommands(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"MinProtocol", "TLSv1.3", "304 0 [] [] false"},
		{"minprotocol", "None", "302 0 [] [] false"},
		{"MinProtocol", "TLSv1", "302 0 [] [] false"}, // ssl_protocols bounds it too
		{"MaxProtocol", "TLSv1.2", "302 303 [] [] false"},
		{"MaxProtocol", "TLSv1", "no protocol is left"},
		{"MinProtocol", "TLSv9", "unknown protocol"},
		{"MaxProtocol", "SSLv3", "unknown protocol"},
		{"Protocol", "-TLSv1.3", "302 303 [] [] false"},
		{"Protocol", "-ALL,TLSv1.2", "303 303 [] [] false"},
		{"Protocol", "-TLSv1.2", "no unbroken row"},
		{"Protocol", "-ALL", "no unbroken row"},
		{"Protocol", "-x", "unknown protocol \"x\""},
		{"CipherString", "AES128-SHA@SECLEVEL=0", "302 0 [47] [] false"},
		{"CipherString", "AES128-SHA:@SECLEVEL=2", "security level"},
		{"CipherString", "NONE-SUCH", "unknown cipher \"NONE-SUCH\""},
		{"CipherString", "!ALL", "no cipher match"},
		{"Ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "302 0 [] [] false"},
		{"Ciphersuites", "TLS_AES_256_GCM_SHA384", "all ciphers of TLS 1.3 or none"},
		{"Ciphersuites", "TLS_AES_128_CCM_SHA256", "302 303 [] [] false"},
		{"Ciphersuites", "AES128-SHA", "unknown cipher"},
		{"Curves", "P-256:X25519", "302 0 [] [CurveP256 X25519] false"},
		{"Groups", "P-256", "302 0 [] [CurveP256] false"},
		{"Groups", "K-163", "unknown group \"K-163\""},
		{"NumTickets", "0", "302 0 [] [] true"},
		{"NumTickets", "3", "one ticket"},
		{"Options", "-SessionTicket,ServerPreference", "302 0 [] [] true"},
		{"Options", "KTLS", "302 0 [] [] false"},
		{"Options", "-ServerPreference", "always on"},
		{"Options", "+Compression", "never on"},
		{"Options", "Nonsense", "unknown option \"Nonsense\""},
		{"SignatureAlgorithms", "RSA+SHA256", "not possible here"},
		{"VerifyMode", "Require", "ssl_verify_client says that"},
		{"Nonsense", "", "not possible here"},
	} {
		s := &conf.Stmt{Name: "ssl_conf_command", Args: []string{c.name, c.value}, File: "nginx.conf", Line: 3}
		made := &tls.Config{MinVersion: tls.VersionTLS11}
		var commands SSLCommands
		commands.Add(s, s)
		err := ApplySSLCommands(commands, made)
		got := fmt.Sprintf("%x %x %v %v %v", made.MinVersion, made.MaxVersion, made.CipherSuites, made.CurvePreferences, made.SessionTicketsDisabled)
		switch {
		case err == nil && got != c.want:
			t.Errorf("%s %s: %s, want %s", c.name, c.value, got, c.want)
		case err != nil && (!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "SSL_CONF_cmd(\""+c.name+"\", \""+c.value+"\") failed")):
			t.Errorf("%s %s: %v, want %s", c.name, c.value, err, c.want)
		}
	}
}

func TestParseProtocols(t *testing.T) {
	for names, want := range map[string]string{
		"TLSv1.2 TLSv1.3": "303 304", "TLSv1.1": "302 302", "SSLv3 tlsv1.2": "303 303", "SSLv2": "0 0", "": "0 0",
		"None": "invalid value \"None\"", "TLSv1.4": "invalid value \"TLSv1.4\"",
	} {
		least, most, err := ParseProtocols(strings.Fields(names))
		got := fmt.Sprintf("%x %x", least, most)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", names, got, want)
		}
	}
}
