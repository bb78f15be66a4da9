package phases

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

func selfSigned(t *testing.T, name pkix.Name) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: name, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// connect does a handshake and says whether a session was resumed, and the
// number that the server gave it.
func connect(t *testing.T, ss *sessions, server *tls.Config, client *tls.Config) (resumed bool, id string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := &Handshake{TLS: server.Clone()}
	ss.bind(h, &TLSHooks{})
	done := make(chan error, 1)
	go func() {
		raw, err := l.Accept()
		if err != nil {
			done <- err
			return
		}
		c := tls.Server(raw, h.TLS)
		if err = c.Handshake(); err == nil {
			_, err = c.Write([]byte("x")) // the client reads its ticket before it
		}
		c.Close()
		done <- err
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	resumed = c.ConnectionState().DidResume
	c.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return resumed, h.SessionID
}

func TestSessions(t *testing.T) {
	server := &tls.Config{Certificates: []tls.Certificate{selfSigned(t, pkix.Name{CommonName: "x"})}}
	client := func(version uint16) *tls.Config {
		return &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1), ServerName: "localhost", MaxVersion: version}
	}
	keys := func() *ticketKeys { return &ticketKeys{made: true, life: time.Minute} }
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, c := range []struct {
			name string
			ss   *sessions
			want bool
		}{
			{"tickets", &sessions{keys: keys(), tickets: true, timeout: time.Minute}, true},
			{"a store", &sessions{store: newSessionStore(1 << 20), timeout: time.Minute}, true},
			{"a full store", &sessions{store: newSessionStore(1), timeout: time.Minute}, false},
			{"out of time", &sessions{keys: keys(), tickets: true, timeout: -1}, false},
			{"out of time in a store", &sessions{store: newSessionStore(1 << 20), timeout: -1}, false},
		} {
			cfg := client(version)
			if again, id := connect(t, c.ss, server, cfg); again || len(id) != 64 {
				t.Errorf("%s: resumed at first: %v, %q", c.name, again, id)
			}
			if again, id := connect(t, c.ss, server, cfg); again != c.want || len(id) != 64 {
				t.Errorf("%s in TLS %x: resumed %v, %q", c.name, version, again, id)
			}
		}
	}
}

// TestSessionScope: a session of one server block is no good for another one
// that shares its store or keys.
func TestSessionScope(t *testing.T) {
	server := &tls.Config{Certificates: []tls.Certificate{selfSigned(t, pkix.Name{CommonName: "x"})}}
	cfg := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1), ServerName: "localhost"}
	one := &sessions{keys: &ticketKeys{made: true, life: time.Minute}, tickets: true, timeout: time.Minute}
	two := *one
	two.scope[0] = 1
	connect(t, one, server, cfg)
	if again, _ := connect(t, &two, server, cfg); again {
		t.Error("resumed in another scope")
	}
}

func TestTicketKeysRotate(t *testing.T) {
	ks := &ticketKeys{made: true, life: time.Minute}
	at := time.Now()
	first, err := ks.seal([]byte("one"), at)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		good  bool
	}{{0, true}, {59 * time.Second, true}, {61 * time.Second, true}, {200 * time.Second, false}} {
		if raw := ks.open(first, at.Add(c.after)); (raw != nil) != c.good {
			t.Errorf("after %v: %q", c.after, raw)
		}
	}
	for i := range first {
		bad := append([]byte(nil), first...)
		bad[i] ^= 1
		if ks.open(bad, at) != nil || ks.open(first[:i], at) != nil {
			t.Fatalf("a ticket that is wrong at %d is taken", i)
		}
	}
}

func TestSessionStoreBound(t *testing.T) {
	st := newSessionStore(2 * (storedBytes + 1))
	now := time.Now()
	for i := range 3 {
		st.put([sessionIDSize]byte{byte(i)}, []byte{1}, now.Add(time.Minute))
	}
	if st.get([sessionIDSize]byte{0}, now) != nil || st.get([sessionIDSize]byte{2}, now) == nil || st.taken > st.size {
		t.Errorf("%d of %d bytes, %d sessions", st.taken, st.size, len(st.byID))
	}
	if st.get([sessionIDSize]byte{2}, now.Add(time.Hour)) != nil || len(st.byID) != 1 {
		t.Error("a session that is over is given")
	}
}

func TestDistinguishedNames(t *testing.T) {
	c := selfSigned(t, pkix.Name{Country: []string{"XX"}, Organization: []string{"a, \"b\" <c>"}, CommonName: " é#", ExtraNames: []pkix.AttributeTypeAndValue{
		{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "a@example.org"},
		{Type: asn1.ObjectIdentifier{1, 2, 3}, Value: "v"},
	}})
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if got, want := distinguishedName(leaf.RawSubject), `1.2.3=#130176,emailAddress=a@example.org,CN=\ \C3\A9#,O=a\, \"b\" \<c\>,C=XX`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got, want := legacyName(leaf.RawSubject), `/C=XX/O=a, "b" <c>/CN= \xC3\xA9#/emailAddress=a@example.org/1.2.3=v`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if distinguishedName([]byte{0x30, 1}) != "" {
		t.Error("a broken name")
	}
}

func FuzzDistinguishedName(f *testing.F) {
	f.Add([]byte{0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'x'})
	f.Add([]byte{0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x1e, 0x01, 'x'})
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, s := range []string{distinguishedName(raw), legacyName(raw)} {
			for i := range len(s) {
				if s[i] < 0x20 || s[i] >= 0x7f {
					t.Fatalf("%q", s)
				}
			}
		}
	})
}
