package filter

import (
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

type expiresKind uint8

const (
	expiresOff expiresKind = iota
	expiresEpoch
	expiresMax
	expiresAccess
	expiresModified
	expiresDaily
)

// expires is the directive's value.
type expires struct {
	modified bool
	value    *phases.Template // nil: the rest is known
	kind     expiresKind
	in       time.Duration
	negative bool
}

func setExpires(own *headers, b *phases.Block, s *conf.Stmt) error {
	e := &expires{}
	text := s.Args[0]
	if len(s.Args) == 2 {
		if text != "modified" {
			return s.Errorf("invalid value \"%s\"", text)
		}
		e.modified, text = true, s.Args[1]
	}
	own.expires = e
	if phases.HasVariables(text) {
		var err error
		e.value, err = b.Template(s, text)
		return err
	}
	if err := e.parse(text); err != "" {
		return s.Problem(err)
	}
	if e.kind == expiresOff {
		own.expires = nil
	}
	return nil
}

// parse reads a value; it returns what is wrong with it.
func (e *expires) parse(text string) (problem string) {
	if !e.modified {
		switch text {
		case "epoch":
			e.kind = expiresEpoch
			return ""
		case "max":
			e.kind = expiresMax
			return ""
		case "off":
			e.kind = expiresOff
			return ""
		}
	}
	e.kind, e.negative = expiresAccess, false
	if e.modified {
		e.kind = expiresModified
	}
	switch {
	case strings.HasPrefix(text, "@"):
		if e.modified {
			return "daily time cannot be used with \"modified\" parameter"
		}
		e.kind, text = expiresDaily, text[1:]
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	case strings.HasPrefix(text, "-"):
		e.negative, text = true, text[1:]
	}
	d, ok := conf.Sec(text)
	if !ok {
		return "invalid value"
	}
	if e.kind == expiresDaily && d > 24*time.Hour {
		return "daily time value must be less than 24 hours"
	}
	e.in = d
	if e.negative {
		e.in = -d
	}
	return ""
}

// apply sets Expires and Cache-Control in place of what the response has.
func (e *expires) apply(r *phases.Request) {
	if e.value != nil {
		v := expires{modified: e.modified}
		if v.parse(e.value.String(r)) != "" || v.kind == expiresOff {
			return
		}
		e = &v
	}
	now := r.Worker.Now()
	switch e.kind {
	case expiresEpoch:
		setCaching(r, "Thu, 01 Jan 1970 00:00:01 GMT", "no-cache")
		return
	case expiresMax:
		setCaching(r, "Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000")
		return
	}
	at := now.Add(e.in)
	switch {
	case e.kind == expiresDaily:
		at = nextDaily(now, e.in)
	case e.kind == expiresModified && e.in != 0 && !r.Out.LastModified.IsZero():
		at = r.Out.LastModified.Add(e.in)
	}
	age := at.Unix() - now.Unix()
	control := "no-cache"
	if !e.negative && age >= 0 {
		control = "max-age=" + strconv.FormatInt(age, 10)
	}
	setCaching(r, string(http1.AppendHTTPDate(nil, at)), control)
}

// nextDaily is when the clock shows the time of day the next time.
func nextDaily(now time.Time, ofDay time.Duration) time.Time {
	y, m, d := now.Date()
	s := int(ofDay / time.Second)
	at := time.Date(y, m, d, 0, 0, s, 0, now.Location())
	if !at.After(now) {
		at = time.Date(y, m, d+1, 0, 0, s, 0, now.Location())
	}
	return at
}

func setCaching(r *phases.Request, expires, control string) {
	r.Out.Set("Expires", expires)
	r.Out.Set("Cache-Control", control)
}
