package phases

import (
	"crypto/tls"
	"errors"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
)

// keyPair is the names of a certificate and its key; with variables they are
// known when a client has said hello, and the files are read then.
type keyPair struct{ cert, key *Template }

func (p keyPair) dynamic() bool {
	_, fixed := p.cert.Const()
	_, fixedKey := p.key.Const()
	return !fixed || !fixedKey
}

func addSSLName(to *conf.List[*Template], b *Block, s *conf.Stmt) error {
	t, err := b.Template(s, s.Args[0])
	to.Add(s, t)
	return err
}

// pairs are the certificates of the block, each with its key.
func (own *SSL) pairs() []keyPair {
	var all []keyPair
	for i, cert := range own.Certificates.Items {
		all = append(all, keyPair{cert, own.Keys.Items[i]})
	}
	return all
}

var (
	errServerName  = errors.New("the server name that the client sent is no host name")
	errCertificate = errors.New("cert cb error") // as OpenSSL says it
)

// certificates loads those of own for the client of the handshake, off the
// worker.
func (h *Handshake) certificates(own *SSL) ([]tls.Certificate, error) {
	// A file must not be one that the client points at.
	if strings.ContainsAny(h.Hello.ServerName, "/\x00") {
		return nil, errServerName
	}
	client := *h.Client
	client.TLS = &TLSState{ConnectionState: tls.ConnectionState{ServerName: h.Hello.ServerName}, Ciphers: h.Hello.CipherSuites, Curves: h.Hello.SupportedCurves}
	r := &Request{}
	r.Init(h.Config, h.Worker, &client, nil)
	r.Server, r.Loc = h.Server, h.Server.Loc
	type names struct{ cert, key string }
	var files []names
	for _, p := range own.pairs() {
		files = append(files, names{p.cert.String(r), p.key.String(r)})
	}
	var all []tls.Certificate
	var err error
	h.Worker.Offload(func() {
		for _, f := range files {
			var pair tls.Certificate
			if pair, err = LoadKeyPair(h.Config, f.cert, f.key, own.passwords); err != nil {
				return
			}
			all = append(all, pair)
		}
	})
	if err != nil { // a mistake of this side, which the handshake's own line would hide
		h.Server.Core.ErrorLog.Logf(LevelError, h.Client.ID, "%v while SSL handshaking, client: %s, server: %s", err, h.Client.Name, h.Origin)
		return nil, errCertificate
	}
	return all, nil
}
