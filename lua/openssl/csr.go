package openssl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// csr is an object of x509.csr, a request for a certificate (PKCS #10). It is
// one that was read or signed, or one that is being made: then signed is nil.
type csr struct {
	subject *distinguished
	alt     *altnames
	key     any // public
	signed  *x509.CertificateRequest
}

var errUnsigned = errors.New("the request is not signed")

// signing are the algorithms to sign with by the digest, of RSA and ECDSA.
var signing = map[crypto.Hash][2]x509.SignatureAlgorithm{
	crypto.SHA1: {x509.SHA1WithRSA, x509.ECDSAWithSHA1}, crypto.SHA256: {x509.SHA256WithRSA, x509.ECDSAWithSHA256},
	crypto.SHA384: {x509.SHA384WithRSA, x509.ECDSAWithSHA384}, crypto.SHA512: {x509.SHA512WithRSA, x509.ECDSAWithSHA512},
}

// signingAlgorithm is how a key signs with the digest that argument i is or
// names, SHA256 if there is none.
func signingAlgorithm(t *vm.Thread, i int, key any) (a x509.SignatureAlgorithm, err error) {
	h := crypto.SHA256
	if d, ok := object[*digest](t.Arg(i)); ok {
		h = d.id
	} else if name := text(t.Arg(i), ""); name != "" {
		if h, err = hashOf(name); err != nil {
			return 0, err
		}
	}
	switch key.(type) {
	case *rsa.PrivateKey:
		a = signing[h][0]
	case *ecdsa.PrivateKey:
		a = signing[h][1]
	case ed25519.PrivateKey:
		a = x509.PureEd25519
	}
	if a == 0 {
		err = errKeyKind
	}
	return a, err
}

func parseCSR(der []byte) (*csr, error) {
	r, err := x509.ParseCertificateRequest(der)
	if err == nil {
		err = bounded(r.PublicKey)
	}
	if err != nil {
		return nil, err
	}
	subject, err := distinguish(r.RawSubject)
	if err != nil {
		return nil, err
	}
	return &csr{subject, namesOf(r.DNSNames, r.IPAddresses, r.EmailAddresses, r.URIs), r.PublicKey, r}, nil
}

// namesOf are the alternative names of a certificate or a request, nil for
// none.
func namesOf(dns []string, ips []net.IP, emails []string, uris []*url.URL) *altnames {
	a := &altnames{}
	add := func(kind, name string) { a.names = append(a.names, [2]string{kind, name}) }
	for _, n := range dns {
		add("DNS", n)
	}
	for _, n := range ips {
		add("IP", n.String())
	}
	for _, n := range emails {
		add("email", n)
	}
	for _, n := range uris {
		add("URI", n.String())
	}
	if len(a.names) == 0 {
		return nil
	}
	return a
}

// template is the request as crypto/x509 wants it.
func (r *csr) template() (*x509.CertificateRequest, error) {
	p := &x509.CertificateRequest{}
	var sequence pkix.RDNSequence
	if r.subject != nil {
		for _, part := range r.subject.parts {
			sequence = append(sequence, pkix.RelativeDistinguishedNameSET{part})
		}
	}
	var err error
	if p.RawSubject, err = asn1.Marshal(sequence); err != nil || r.alt == nil {
		return p, err
	}
	for _, n := range r.alt.names {
		switch name := n[1]; lower(n[0]) {
		case "dns", "dnsname":
			p.DNSNames = append(p.DNSNames, name)
		case "email", "rfc822", "rfc822name":
			p.EmailAddresses = append(p.EmailAddresses, name)
		case "ip", "ipaddress":
			ip := net.ParseIP(name)
			if ip == nil {
				return nil, errors.New("invalid IP address " + name)
			}
			p.IPAddresses = append(p.IPAddresses, ip)
		case "uri", "uniformresourceidentifier":
			u, err := url.Parse(name)
			if err != nil {
				return nil, err
			}
			p.URIs = append(p.URIs, u)
		default:
			return nil, errors.New("unknown type " + n[0] + " of a name")
		}
	}
	return p, nil
}

// sign makes the request with a private key, whose public one must be that
// which was set.
func (r *csr) sign(t *vm.Thread, l *library) error {
	key := checkObject[*Key](t, 2, "pkey").Key
	if !isPrivate(key) {
		return errPrivate
	}
	if mine, ok := public(key).(interface{ Equal(crypto.PublicKey) bool }); !ok || r.key != nil && !mine.Equal(r.key) {
		return errors.New("key values mismatch")
	}
	algorithm, err := signingAlgorithm(t, 3, key)
	if err != nil {
		return err
	}
	p, err := r.template()
	if err != nil {
		return err
	}
	p.SignatureAlgorithm = algorithm
	var der []byte
	l.Offload(func() { der, err = x509.CreateCertificateRequest(rand.Reader, p, key) })
	if err != nil {
		return err
	}
	r.signed, err = x509.ParseCertificateRequest(der)
	r.key = public(key)
	return err
}

// changed is for the methods that set something: the signature holds no more.
func (r *csr) changed(t *vm.Thread) int {
	r.signed = nil
	return succeed(t)
}

func (l *library) openCSR() {
	c := l.csr
	get := func(do func(t *vm.Thread, r *csr) int) vm.Func { return method(c, do) }
	c.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int { // ([request in PEM or DER [, format]])
			if t.Arg(1).IsNil() {
				t.Push(c.wrap(&csr{}))
				return 1
			}
			der, err := readDER(t.CheckString(1), strings.ToUpper(t.OptString(2, "*")), "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
			var r *csr
			if err == nil {
				r, err = parseCSR(der)
			}
			if err != nil {
				return refuse(t, "x509.csr.new: "+err.Error())
			}
			t.Push(c.wrap(r))
			return 1
		},
		"get_subject_name": get(func(t *vm.Thread, r *csr) int {
			d := &distinguished{}
			if r.subject != nil {
				d.parts = append(d.parts, r.subject.parts...)
			}
			t.Push(l.name.wrap(d))
			return 1
		}),
		"set_subject_name": get(func(t *vm.Thread, r *csr) int {
			r.subject = &distinguished{append([]pkix.AttributeTypeAndValue(nil), checkObject[*distinguished](t, 2, "name").parts...)}
			return r.changed(t)
		}),
		"get_subject_alt_name": get(func(t *vm.Thread, r *csr) int { return l.pushNames(t, r.alt) }),
		"set_subject_alt_name": get(func(t *vm.Thread, r *csr) int {
			r.alt = &altnames{append([][2]string(nil), checkObject[*altnames](t, 2, "altname").names...)}
			return r.changed(t)
		}),
		"get_pubkey": get(func(t *vm.Thread, r *csr) int {
			if r.key == nil {
				return refuse(t, "x509.csr:get_pubkey: there is no key")
			}
			return l.newKey(t, "x509.csr", r.key, nil)
		}),
		"set_pubkey": get(func(t *vm.Thread, r *csr) int {
			r.key = public(checkObject[*Key](t, 2, "pkey").Key)
			return r.changed(t)
		}),
		"get_version": get(func(t *vm.Thread, r *csr) int { t.PushInt(0); return 1 }),
		"set_version": get(func(t *vm.Thread, r *csr) int {
			if t.CheckInt(2) != 0 {
				return refuse(t, "x509.csr:set_version: the only version is 0")
			}
			return succeed(t)
		}),
		"check_private_key": get(func(t *vm.Thread, r *csr) int { return checkPair(t, "x509.csr", r.key) }),
		"sign": get(func(t *vm.Thread, r *csr) int {
			if err := r.sign(t, l); err != nil {
				return unequal(t, "x509.csr:sign", err)
			}
			return succeed(t)
		}),
		"verify": get(func(t *vm.Thread, r *csr) int {
			if r.signed == nil {
				return unequal(t, "x509.csr:verify", errUnsigned)
			}
			return verifySignature(t, "x509.csr", r.signed.SignatureAlgorithm, r.signed.RawTBSCertificateRequest, r.signed.Signature)
		}),
	})
	signedMethods(c, "CERTIFICATE REQUEST", func(r *csr) (der []byte, a x509.SignatureAlgorithm, err error) {
		if r.signed == nil {
			return nil, 0, errUnsigned
		}
		return r.signed.Raw, r.signed.SignatureAlgorithm, nil
	})
	c.mt.SetStr("__tostring", c.module.GetStr("to_PEM"))
}

// pushNames pushes alternative names, or nil.
func (l *library) pushNames(t *vm.Thread, a *altnames) int {
	if a == nil {
		t.PushNil()
	} else {
		t.Push(l.altname.wrap(&altnames{append([][2]string(nil), a.names...)}))
	}
	return 1
}
