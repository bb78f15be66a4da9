package phases

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
)

func TestCiphers(t *testing.T) {
	const (
		ec128 = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
		rs128 = tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	)
	for _, c := range []struct {
		list    string
		first   []uint16
		none    []uint16
		unknown string
	}{
		{list: "ECDHE-RSA-AES128-GCM-SHA256", first: []uint16{rs128}},
		{list: "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", first: []uint16{rs128, ec128}},
		{list: "HIGH:!aNULL:!MD5", first: []uint16{ec128}},
		{list: "ECDHE+AESGCM:!ECDSA", first: []uint16{rs128}, none: []uint16{ec128}},
		{list: "ALL:-ECDHE-RSA-AES128-GCM-SHA256", first: []uint16{ec128}, none: []uint16{rs128}},
		{list: "NOPE:ECDHE-RSA-AES128-GCM-SHA256", first: []uint16{rs128}, unknown: "NOPE"},
		{list: "HIGH HIGH,HIGH;HIGH", first: []uint16{ec128}},
		{list: "!HIGH:HIGH"},
		{list: "NOPE", unknown: "NOPE"},
		{list: "@STRENGTH:+RSA:"},
		{list: ""},
	} {
		got, unknown := ParseCiphers(c.list)
		if len(got) < len(c.first) || !slices.Equal(got[:len(c.first)], c.first) || strings.Join(unknown, " ") != c.unknown || len(c.first) == 0 && len(got) > 0 {
			t.Errorf("%s: %v %v", c.list, got, unknown)
		}
		for i, id := range got {
			if slices.Contains(c.none, id) || slices.Contains(got[:i], id) {
				t.Errorf("%s: %s is excluded or there twice", c.list, CipherName(id))
			}
		}
	}
	if CipherName(rs128) != "ECDHE-RSA-AES128-GCM-SHA256" || CipherName(1) == "" {
		t.Error(CipherName(rs128), CipherName(1))
	}
}

func FuzzCiphers(f *testing.F) {
	for _, s := range []string{"HIGH:!aNULL", "ECDHE+AESGCM", "@STRENGTH", "!", "-+", "a b,c;d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		got, _ := ParseCiphers(list)
		for i, id := range got {
			if slices.Contains(got[:i], id) {
				t.Errorf("%q: %s twice", list, CipherName(id))
			}
			if again, unknown := ParseCiphers(CipherName(id)); !slices.Equal(again, []uint16{id}) || unknown != nil {
				t.Errorf("%s is %v %v", CipherName(id), again, unknown)
			}
		}
		ParseCurves(list)
	})
}

func TestCurves(t *testing.T) {
	if c, unknown := ParseCurves("X25519:prime256v1:secp384r1:P-521"); unknown != "" || len(c) != 4 {
		t.Error(c, unknown)
	}
	if c, unknown := ParseCurves("auto"); c != nil || unknown != "" {
		t.Error(c, unknown)
	}
	if _, unknown := ParseCurves("X25519:nope"); unknown != "nope" {
		t.Error(unknown)
	}
}

func TestSSLMistakes(t *testing.T) {
	for _, c := range []struct{ conf, want string }{
		{"listen 1 ssl;", `no "ssl_certificate" is defined for the "listen ... ssl" directive`},
		{"listen 1 ssl; ssl_certificate /none.pem;", `no "ssl_certificate_key" is defined for certificate "/none.pem"`},
		{"listen 1 ssl; ssl_certificate /none.pem; ssl_certificate_key /none.key;", `cannot load certificate "/none.pem": open() "/none.pem" failed (2: No such file or directory)`},
		{"ssl_ciphers NOPE;", `SSL_CTX_set_cipher_list("NOPE") failed`},
		{"ssl_ecdh_curve nope;", `SSL_CTX_set1_curves_list("nope") failed`},
		{"ssl_protocols SSLv9;", `invalid value "SSLv9"`},
		{"ssl_verify_client perhaps;", `invalid value "perhaps"`},
		{"ssl on;", `the "ssl" directive is gone`},
	} {
		if _, err := compile(t, "server { "+c.conf+" }"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.conf, err, c.want)
		}
	}
}
