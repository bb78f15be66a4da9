package handler

import (
	"bytes"
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strconv"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// SecureLinkConf is what a link's checksum is compared with: in the new form
// link and sum, in the old one secret.
type SecureLinkConf struct {
	link, sum *phases.Template
	secret    string
}

// SecureLink checks that links were made by who knows a secret.
var SecureLink = phases.Define(phases.Spec[SecureLinkConf]{
	Name: "secure_link",
	Directives: []phases.Directive[SecureLinkConf]{
		phases.Set("secure_link", inFiles, conf.Exactly(1), setLink(func(c *SecureLinkConf) **phases.Template { return &c.link })),
		phases.Set("secure_link_md5", inFiles, conf.Exactly(1), setLink(func(c *SecureLinkConf) **phases.Template { return &c.sum })),
		phases.Set("secure_link_secret", conf.Location, conf.Exactly(1), func(own *SecureLinkConf, b *phases.Block, s *conf.Stmt) error {
			*own = SecureLinkConf{secret: s.Args[0]}
			return nil
		}),
	},
	Variables: []phases.Variable{
		{Name: "secure_link", Cache: true, Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			v, ok := phases.ConfOf[SecureLinkConf](r.Loc).check(r)
			return append(dst, v...), ok
		}},
		{Name: "secure_link_expires", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			// Not by check: the text of secure_link_md5 most often has it.
			_, expires, until, ok := phases.ConfOf[SecureLinkConf](r.Loc).parts(r)
			if !ok || until == 0 {
				return dst, false
			}
			return append(dst, expires...), true
		}},
	},
})

// setLink is a directive of the new form, which takes the place of the old.
func setLink(f func(*SecureLinkConf) **phases.Template) func(*SecureLinkConf, *phases.Block, *conf.Stmt) error {
	return func(own *SecureLinkConf, b *phases.Block, s *conf.Stmt) error {
		own.secret = ""
		t, err := b.Template(s, s.Args[0])
		*f(own) = t
		return err
	}
}

// check returns "1" for a good link, "0" for one that was good until a time
// that has passed; in the old form, what the link stands for.
func (own *SecureLinkConf) check(r *phases.Request) (value []byte, ok bool) {
	if own.secret != "" {
		return own.old(r)
	}
	given, _, until, ok := own.parts(r)
	if !ok {
		return nil, false
	}
	sum, err := base64.RawURLEncoding.DecodeString(string(bytes.TrimRight(given, "=")))
	want := md5.Sum(own.sum.Bytes(r))
	if err != nil || subtle.ConstantTimeCompare(sum, want[:]) == 0 {
		return nil, false
	}
	if until != 0 && until < r.Worker.Now().Unix() {
		return []byte("0"), true
	}
	return []byte("1"), true
}

// parts takes what secure_link says apart: a checksum and, behind a comma, the
// time until which the link is good; until is 0 without one.
func (own *SecureLinkConf) parts(r *phases.Request) (given, expires []byte, until int64, ok bool) {
	if own.link == nil || own.sum == nil {
		return nil, nil, 0, false
	}
	given, expires, timed := bytes.Cut(own.link.Bytes(r), []byte(","))
	if timed {
		var err error
		if until, err = strconv.ParseInt(string(expires), 10, 64); err != nil || until <= 0 {
			return nil, nil, 0, false
		}
	}
	return given, expires, until, true
}

// old checks /prefix/sum/link.
func (own *SecureLinkConf) old(r *phases.Request) ([]byte, bool) {
	parts := bytes.SplitN(r.Main.Target, []byte("/"), 4)
	if len(parts) < 4 || len(parts[3]) == 0 {
		return nil, false
	}
	sum := md5.Sum(append(bytes.Clone(parts[3]), own.secret...))
	given, err := hex.DecodeString(string(parts[2]))
	if err != nil || subtle.ConstantTimeCompare(given, sum[:]) == 0 {
		return nil, false
	}
	return parts[3], true
}
