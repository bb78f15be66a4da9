package phases

import (
	"crypto/tls"
	"strings"
)

// cipherNames maps OpenSSL's names of the suites that Go has (those of TLS 1.3
// are not configurable).
var cipherNames = []struct {
	name string
	id   uint16
}{
	{"ECDHE-ECDSA-AES128-GCM-SHA256", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	{"ECDHE-RSA-AES128-GCM-SHA256", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	{"ECDHE-ECDSA-AES256-GCM-SHA384", tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
	{"ECDHE-RSA-AES256-GCM-SHA384", tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
	{"ECDHE-ECDSA-CHACHA20-POLY1305", tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
	{"ECDHE-RSA-CHACHA20-POLY1305", tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
	{"ECDHE-ECDSA-AES128-SHA256", tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256},
	{"ECDHE-RSA-AES128-SHA256", tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256},
	{"ECDHE-ECDSA-AES128-SHA", tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA},
	{"ECDHE-RSA-AES128-SHA", tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA},
	{"ECDHE-ECDSA-AES256-SHA", tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA},
	{"ECDHE-RSA-AES256-SHA", tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA},
	{"AES128-GCM-SHA256", tls.TLS_RSA_WITH_AES_128_GCM_SHA256},
	{"AES256-GCM-SHA384", tls.TLS_RSA_WITH_AES_256_GCM_SHA384},
	{"AES128-SHA256", tls.TLS_RSA_WITH_AES_128_CBC_SHA256},
	{"AES128-SHA", tls.TLS_RSA_WITH_AES_128_CBC_SHA},
	{"AES256-SHA", tls.TLS_RSA_WITH_AES_256_CBC_SHA},
	{"TLS_AES_128_GCM_SHA256", tls.TLS_AES_128_GCM_SHA256},
	{"TLS_AES_256_GCM_SHA384", tls.TLS_AES_256_GCM_SHA384},
	{"TLS_CHACHA20_POLY1305_SHA256", tls.TLS_CHACHA20_POLY1305_SHA256},
}

// cipherGroups are the words of OpenSSL's cipher lists that stand for many,
// with what the names of theirs contain.
var cipherGroups = map[string]string{
	"ALL": "", "DEFAULT": "", "HIGH": "", "COMPLEMENTOFDEFAULT": "", "ECDHE": "ECDHE-", "EECDH": "ECDHE-", "kEECDH": "ECDHE-",
	"AESGCM": "-GCM-", "AES": "AES", "AES128": "AES128", "AES256": "AES256", "CHACHA20": "CHACHA20", "ECDSA": "ECDSA", "aECDSA": "ECDSA",
	"aRSA": "RSA", "RSA": "RSA", "SHA256": "SHA256", "SHA384": "SHA384", "SHA": "SHA", "SHA1": "SHA",
}

// ParseCiphers reads an OpenSSL cipher list. unknown are names of suites that
// do not exist here; exclusions of what does not exist mean nothing.
func ParseCiphers(list string) (suites []uint16, unknown []string) {
	refused := map[uint16]bool{}
	for _, item := range strings.FieldsFunc(list, func(c rune) bool { return strings.ContainsRune(":, ;", c) }) {
		out := item[0] == '!' || item[0] == '-'
		name := strings.TrimLeft(item, "!-+")
		if strings.HasPrefix(name, "@") || item[0] == '+' {
			continue
		}
		found := matchCiphers(name)
		if len(found) == 0 && !out {
			unknown = append(unknown, name)
		}
		for _, id := range found {
			if out {
				refused[id] = true
			} else {
				suites = append(suites, id)
			}
		}
	}
	kept := suites[:0]
	for _, id := range suites {
		if !refused[id] {
			refused[id] = true // once only
			kept = append(kept, id)
		}
	}
	return kept, unknown
}

func matchCiphers(name string) (ids []uint16) {
	parts := strings.Split(name, "+")
	for _, c := range cipherNames {
		ok := true
		for _, part := range parts {
			if want, group := cipherGroups[part]; group {
				ok = ok && strings.Contains(c.name, want)
			} else {
				ok = ok && c.name == part
			}
		}
		if ok {
			ids = append(ids, c.id)
		}
	}
	return ids
}

// CipherName is OpenSSL's name of a suite.
func CipherName(id uint16) string {
	for _, c := range cipherNames {
		if c.id == id {
			return c.name
		}
	}
	return tls.CipherSuiteName(id)
}

// ParseCurves reads an OpenSSL list of groups; unknown names the first that
// does not exist here.
func ParseCurves(list string) (curves []tls.CurveID, unknown string) {
	if list == "auto" {
		return nil, ""
	}
	for name := range strings.SplitSeq(list, ":") {
		switch name {
		case "X25519", "x25519":
			curves = append(curves, tls.X25519)
		case "prime256v1", "P-256", "secp256r1":
			curves = append(curves, tls.CurveP256)
		case "secp384r1", "P-384":
			curves = append(curves, tls.CurveP384)
		case "secp521r1", "P-521":
			curves = append(curves, tls.CurveP521)
		case "X25519MLKEM768":
			curves = append(curves, tls.X25519MLKEM768)
		default:
			return nil, name
		}
	}
	return curves, ""
}

func curveName(id tls.CurveID) string {
	switch id {
	case tls.CurveP256:
		return "prime256v1"
	case tls.CurveP384:
		return "secp384r1"
	case tls.CurveP521:
		return "secp521r1"
	}
	return id.String()
}
