package openssl

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"os"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// publicBits takes the bits of the key out of a SubjectPublicKeyInfo.
func publicBits(spki []byte) []byte {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &info); err != nil {
		return nil
	}
	return info.Key.Bytes
}

func (l *library) openChain() {
	c := l.chain
	c.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int { t.Push(c.wrap(&Chain{})); return 1 },
		"dup": func(t *vm.Thread) int {
			t.Push(c.wrap(&Chain{append([]*x509.Certificate(nil), checkObject[*Chain](t, 1, "chain").Certs...)}))
			return 1
		},
		"add": method(c, func(t *vm.Thread, ch *Chain) int {
			ch.Certs = append(ch.Certs, checkObject[*x509.Certificate](t, 2, "x509"))
			return succeed(t)
		}),
	})
	list(c, func(ch *Chain) int { return len(ch.Certs) }, func(ch *Chain, n int) (key, v vm.Value) {
		if n < 1 || n > len(ch.Certs) {
			return vm.Nil, vm.Nil
		}
		return vm.Nil, l.x509.wrap(ch.Certs[n-1])
	})
	l.ssl.funcs(map[string]func(t *vm.Thread) int{
		"from_socket": func(t *vm.Thread) int {
			certs := l.Socket(t.Arg(1))
			if len(certs) == 0 {
				return refuse(t, "ssl.from_socket: no TLS connection")
			}
			t.Push(l.ssl.wrap(&Chain{certs}))
			return 1
		},
		"get_peer_certificate": method(l.ssl, func(t *vm.Thread, ch *Chain) int { t.Push(l.x509.wrap(ch.Certs[0])); return 1 }),
		"get_peer_cert_chain":  method(l.ssl, func(t *vm.Thread, ch *Chain) int { t.Push(c.wrap(ch)); return 1 }),
	})
}

// The flags of a verification by OpenSSL's names, of which these count.
const (
	flagPartialChain = 0x80000
	flagNoCheckTime  = 0x200000
)

// store is an object of x509.store.
type store struct {
	roots   *x509.CertPool
	certs   []*x509.Certificate
	purpose x509.ExtKeyUsage
	flags   int
	depth   int
}

func (s *store) add(cert *x509.Certificate) {
	s.roots.AddCert(cert)
	s.certs = append(s.certs, cert)
}

// Trusted are the certificates of an object of x509.store, or of the field ctx
// that was taken out of one.
func Trusted(v vm.Value) (roots *x509.CertPool, ok bool) {
	s, ok := object[*store](v)
	if !ok {
		return nil, false
	}
	return s.roots, true
}

// maxFile bounds the files of certificates that are read, in bytes.
const maxFile = 16 << 20

func (s *store) load(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return errNoKey
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	found := false
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			s.add(cert)
			found = true
		}
	}
	if !found {
		return os.ErrInvalid
	}
	return nil
}

func (l *library) openStore() {
	c := l.store
	flags := l.vm.NewTable(0, 4)
	flags.SetStr("X509_V_FLAG_PARTIAL_CHAIN", vm.Int(flagPartialChain))
	flags.SetStr("X509_V_FLAG_NO_CHECK_TIME", vm.Int(flagNoCheckTime))
	c.module.SetStr("verify_flags", flags.Value())
	purposes := map[string]x509.ExtKeyUsage{
		"sslclient": x509.ExtKeyUsageClientAuth, "sslserver": x509.ExtKeyUsageServerAuth, "ssl_client": x509.ExtKeyUsageClientAuth,
		"ssl_server": x509.ExtKeyUsageServerAuth, "smimesign": x509.ExtKeyUsageEmailProtection, "timestampsign": x509.ExtKeyUsageTimeStamping,
		"ocsphelper": x509.ExtKeyUsageOCSPSigning,
	}
	c.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int {
			t.Push(c.wrap(&store{roots: x509.NewCertPool(), purpose: x509.ExtKeyUsageAny, depth: 100}))
			return 1
		},
		"use_default": method(c, func(t *vm.Thread, s *store) int {
			pool, err := x509.SystemCertPool()
			if err != nil {
				return refuse(t, "store:use_default: "+err.Error())
			}
			for _, cert := range s.certs {
				pool.AddCert(cert)
			}
			s.roots = pool
			return succeed(t)
		}),
		"add": method(c, func(t *vm.Thread, s *store) int {
			s.add(checkObject[*x509.Certificate](t, 2, "x509"))
			return succeed(t)
		}),
		"load_file": method(c, func(t *vm.Thread, s *store) int {
			if err := s.load(t.CheckString(2)); err != nil {
				return refuse(t, "store:load_file: "+err.Error())
			}
			return succeed(t)
		}),
		"set_purpose": method(c, func(t *vm.Thread, s *store) int {
			p, ok := purposes[lower(t.CheckString(2))]
			if s.purpose = p; !ok {
				s.purpose = x509.ExtKeyUsageAny
			}
			return succeed(t)
		}),
		"set_depth": method(c, func(t *vm.Thread, s *store) int { s.depth = t.CheckInt(2); return succeed(t) }),
		"set_flags": method(c, func(t *vm.Thread, s *store) int {
			for i := 2; i <= t.NArg(); i++ {
				s.flags |= t.CheckInt(i)
			}
			return succeed(t)
		}),
		"verify": method(c, func(t *vm.Thread, s *store) int {
			cert := checkObject[*x509.Certificate](t, 2, "x509")
			options := x509.VerifyOptions{Roots: s.roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{s.purpose}}
			if p, ok := purposes[lower(t.OptString(6, ""))]; ok && s.purpose == x509.ExtKeyUsageAny {
				options.KeyUsages[0] = p
			}
			if !t.Arg(3).IsNil() {
				for _, between := range checkObject[*Chain](t, 3, "chain").Certs {
					options.Intermediates.AddCert(between)
				}
			}
			if (s.flags|t.OptInt(7, 0))&flagNoCheckTime != 0 {
				options.CurrentTime = cert.NotBefore
			}
			chains, err := cert.Verify(options)
			if err != nil || len(chains[0]) > s.depth+2 {
				why := "certificate chain too long"
				if err != nil {
					why = err.Error()
				}
				return refuse(t, why)
			}
			if t.Arg(4).Truth() {
				t.Push(l.chain.wrap(&Chain{chains[0]}))
				return 1
			}
			return succeed(t)
		}),
	})
}
