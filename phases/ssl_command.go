package phases

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
)

// SSLCommands are the uses of a directive that hands a configuration command to
// OpenSSL: ssl_conf_command, proxy_ssl_conf_command, lua_ssl_conf_command.
type SSLCommands = conf.List[*conf.Stmt]

// AddSSLCommand makes the row of such a directive. A command that nobody could
// obey is refused where it stands.
func AddSSLCommand[T any](name string, in conf.Context, of func(*T) *SSLCommands) Directive[T] {
	return Add(name, in, conf.Exactly(2), func(own *T, b *Block, s *conf.Stmt) error {
		of(own).Add(s, s)
		if strings.EqualFold(s.Args[0], "Options") && strings.Contains(strings.ToLower(s.Args[1]), "ktls") {
			b.Config.Notice(s, "option KTLS is accepted and ignored: TLS is not the kernel's here")
		}
		return applySSLCommand(s, &sslConfig{Config: &tls.Config{}, peer: true})
	})
}

// ApplySSLCommands gives commands their effect on a server's configuration,
// whose versions and ciphers are those of the other directives. Versions are
// bounded by both, as in nginx.
func ApplySSLCommands(commands SSLCommands, c *tls.Config) error {
	return applySSLCommands(commands, &sslConfig{Config: c})
}

// ApplyPeerSSLCommands does so for the configuration of connections to peers.
// VerifyConnection may be set then, and has to be kept; verify: peers are to be
// verified in any case.
func ApplyPeerSSLCommands(commands SSLCommands, c *tls.Config) (verify bool, err error) {
	to := &sslConfig{Config: c, peer: true}
	err = applySSLCommands(commands, to)
	return to.verify, err
}

// sslConfig is what commands are for; peer: the other end is a server, whose
// certificate is to be verified by VerifyMode if verify.
type sslConfig struct {
	*tls.Config
	peer, verify bool
}

func applySSLCommands(commands SSLCommands, c *sslConfig) error {
	for _, s := range commands.Items {
		if err := applySSLCommand(s, c); err != nil {
			return err
		}
	}
	return nil
}

// sslCommands are OpenSSL's commands (SSL_CONF_cmd) that crypto/tls can obey, in
// lower case. What they return is why not.
var sslCommands = map[string]func(c *sslConfig, value string) (wrong string){
	"minprotocol": func(c *sslConfig, value string) string {
		v, ok := sslProtocol(value)
		if !ok {
			return "unknown protocol"
		}
		c.MinVersion = max(c.MinVersion, v)
		return boundsOf(c)
	},
	"maxprotocol": func(c *sslConfig, value string) string {
		switch v, ok := sslProtocol(value); {
		case !ok || v == 0 && !strings.EqualFold(value, "None"):
			return "unknown protocol"
		case v != 0 && (c.MaxVersion == 0 || v < c.MaxVersion):
			c.MaxVersion = v
		}
		return boundsOf(c)
	},
	"protocol": sslProtocols,
	"cipherstring": func(c *sslConfig, value string) string {
		list, level, leveled := strings.Cut(value, "@SECLEVEL=")
		if leveled && level != "0" && level != "1" { // those ask for less than Go does anyway
			return "no security level above 1 can be chosen"
		}
		suites, unknown := ParseCiphers(list)
		if len(unknown) > 0 {
			return "unknown cipher \"" + unknown[0] + "\""
		}
		if len(suites) == 0 {
			return "no cipher match"
		}
		c.CipherSuites = suites
		return ""
	},
	"ciphersuites": sslSuites,
	"curves":       sslCurves,
	"groups":       sslCurves,
	"options":      sslOptions,
	"verifymode": func(c *sslConfig, value string) string {
		if !c.peer {
			return "ssl_verify_client says that"
		}
		if !strings.EqualFold(value, "Peer") {
			return "only Peer means something for a client"
		}
		c.verify = true
		return ""
	},
	"numtickets": func(c *sslConfig, value string) string {
		switch value {
		case "0":
			c.SessionTicketsDisabled = true
		case "1":
		default:
			return "one ticket is sent or none"
		}
		return ""
	},
}

func applySSLCommand(s *conf.Stmt, c *sslConfig) error {
	name, value := s.Args[0], s.Args[1]
	wrong := "not possible here"
	if command := sslCommands[strings.ToLower(name)]; command != nil {
		wrong = command(c, value)
	}
	if wrong == "" {
		return nil
	}
	return s.Errorf("SSL_CONF_cmd(\"%s\", \"%s\") failed (%s)", name, value, wrong)
}

// boundsOf checks that some version is left.
func boundsOf(c *sslConfig) string {
	if c.MaxVersion != 0 && c.MinVersion > c.MaxVersion {
		return "no protocol is left"
	}
	return ""
}

// sslProtocol is a version by OpenSSL's name, 0 for those below TLS 1.0 and None.
func sslProtocol(name string) (v uint16, ok bool) {
	switch strings.ToLower(name) {
	case "none", "sslv2", "sslv3":
		return 0, true
	case "tlsv1":
		return tls.VersionTLS10, true
	case "tlsv1.1":
		return tls.VersionTLS11, true
	case "tlsv1.2":
		return tls.VersionTLS12, true
	case "tlsv1.3":
		return tls.VersionTLS13, true
	}
	return 0, false
}

// sslProtocols is the command Protocol: all but what is taken away.
func sslProtocols(c *sslConfig, value string) string {
	on := map[uint16]bool{tls.VersionTLS10: true, tls.VersionTLS11: true, tls.VersionTLS12: true, tls.VersionTLS13: true}
	for item := range strings.SplitSeq(value, ",") {
		item, off := sslSign(item)
		if strings.EqualFold(item, "ALL") {
			for v := range on {
				on[v] = !off
			}
			continue
		}
		v, ok := sslProtocol(item)
		if !ok {
			return "unknown protocol \"" + item + "\""
		}
		if v != 0 {
			on[v] = !off
		}
	}
	least, most, n := uint16(0), uint16(0), uint16(0)
	for v := uint16(tls.VersionTLS10); v <= tls.VersionTLS13; v++ {
		if !on[v] {
			continue
		}
		if n++; least == 0 {
			least = v
		}
		most = v
	}
	if n == 0 || most-least != n-1 {
		return "the versions are no unbroken row"
	}
	c.MinVersion = max(c.MinVersion, least)
	if c.MaxVersion == 0 || most < c.MaxVersion {
		c.MaxVersion = most
	}
	return boundsOf(c)
}

// sslSign cuts the sign off an item of a list: one with "-" is switched off.
func sslSign(item string) (name string, off bool) {
	item = strings.TrimSpace(item)
	if name, off = strings.CutPrefix(item, "-"); off {
		return name, true
	}
	return strings.TrimPrefix(item, "+"), false
}

// sslSuites is the command Ciphersuites. crypto/tls chooses among its three of
// TLS 1.3 by itself: a server has them all or, without TLS 1.3, none. To a peer
// all are offered, and when it takes another the handshake fails.
func sslSuites(c *sslConfig, value string) string {
	var wanted []uint16
	for name := range strings.SplitSeq(value, ":") {
		switch name {
		case "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256":
			suite, _ := ParseCiphers(name)
			wanted = append(wanted, suite...)
		case "", "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256":
		default:
			return "unknown cipher \"" + name + "\""
		}
	}
	switch {
	case len(wanted) >= 3:
	case len(wanted) == 0 && c.MinVersion < tls.VersionTLS13:
		if c.MaxVersion == 0 || c.MaxVersion > tls.VersionTLS12 {
			c.MaxVersion = tls.VersionTLS12
		}
	case !c.peer:
		return "a server has all ciphers of TLS 1.3 or none"
	default:
		c.VerifyConnection = func(state tls.ConnectionState) error {
			if state.Version == tls.VersionTLS13 && !slices.Contains(wanted, state.CipherSuite) {
				return errors.New("no shared cipher")
			}
			return nil
		}
	}
	return ""
}

func sslCurves(c *sslConfig, value string) string {
	curves, unknown := ParseCurves(value)
	if unknown != "" {
		return "unknown group \"" + unknown + "\""
	}
	c.CurvePreferences = curves
	return ""
}

// sslAlways says what crypto/tls always does (true) or never (false) of the
// options that can be switched in OpenSSL.
var sslAlways = map[string]bool{
	"bugs": true, "emptyfragments": true, "dhsingle": true, "ecdhsingle": true, "serverpreference": true, "prioritizechacha": true,
	"noresumptiononrenegotiation": true, "norenegotiation": true, "unsafelegacyserverconnect": true, "extendedmastersecret": true,
	"canames": true, "middleboxcompat": true, "antireplay": true,
	"compression": false, "unsafelegacyrenegotiation": false, "unsaferenegotiation": false, "encryptthenmac": false, "allownodhekex": false,
	"prefernodhekex": false, "txcertificatecompression": false, "rxcertificatecompression": false,
}

func sslOptions(c *sslConfig, value string) string {
	for item := range strings.SplitSeq(value, ",") {
		name, off := sslSign(item)
		switch {
		case strings.EqualFold(name, "SessionTicket"):
			c.SessionTicketsDisabled = off
			continue
		case strings.EqualFold(name, "KTLS"): // a wish in OpenSSL too
			continue
		}
		always, known := sslAlways[strings.ToLower(name)]
		switch {
		case !known:
			return "unknown option " + strconv.Quote(name)
		case always == off:
			return fmt.Sprintf("%s is %s", name, map[bool]string{true: "always on", false: "never on"}[always])
		}
	}
	return ""
}

// ParseProtocols reads the names of a directive like ssl_protocols as the bounds
// of what may be spoken. Versions that nobody speaks any more count for nothing.
func ParseProtocols(names []string) (least, most uint16, err error) {
	for _, name := range names {
		v, ok := sslProtocol(name)
		if !ok || strings.EqualFold(name, "None") {
			return 0, 0, fmt.Errorf("invalid value \"%s\"", name)
		}
		if v == 0 {
			continue
		}
		if least == 0 || v < least {
			least = v
		}
		most = max(most, v)
	}
	return least, most, nil
}
