package filter

import (
	"strings"

	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// NotModified applies the request's conditions to the response (RFC 9110
// section 13, as far as nginx does): 304 when the client has it already, 412
// when it is not what the client expects.
var NotModified = phases.Define(phases.Spec[struct{}]{
	Name: "not_modified",
	Filter: func(*struct{}) phases.Filter {
		return phases.Filter{Header: func(next phases.HeaderFunc) phases.HeaderFunc {
			return func(r *phases.Request) error {
				if r.Out.Status != 200 || !r.IsMain() || r.Out.Unconditional {
					return next(r)
				}
				return applyConditions(r, next)
			}
		}}
	},
})

func applyConditions(r *phases.Request, next phases.HeaderFunc) error {
	if v := r.Field("If-Unmodified-Since"); v != nil && !unmodifiedSince(r, v) {
		return preconditionFailed(r)
	}
	if v := r.Field("If-Match"); v != nil && !matchesTag(r, string(v), false) {
		return preconditionFailed(r)
	}
	since, tags := r.Field("If-Modified-Since"), r.Field("If-None-Match")
	if since == nil && tags == nil || since != nil && modifiedSince(r, since) || tags != nil && !matchesTag(r, string(tags), true) {
		return next(r)
	}
	o := &r.Out
	o.Status, o.Line, o.ContentType = 304, "", ""
	o.ClearLength()
	o.Del("Content-Encoding")
	return next(r)
}

func preconditionFailed(r *phases.Request) error {
	r.Out.Clear()
	return &phases.StatusError{Status: 412}
}

func unmodifiedSince(r *phases.Request, v []byte) bool {
	t, ok := http1.ParseHTTPDate(v, r.Worker.Now())
	return ok && !r.Out.LastModified.IsZero() && t.Unix() >= r.Out.LastModified.Unix()
}

func modifiedSince(r *phases.Request, v []byte) bool {
	mode := r.Loc.Core.IfModifiedSince
	if r.Out.LastModified.IsZero() || mode == phases.ModifiedOff {
		return true
	}
	t, ok := http1.ParseHTTPDate(v, r.Worker.Now())
	if !ok {
		return true
	}
	if mode == phases.ModifiedExact {
		return t.Unix() != r.Out.LastModified.Unix()
	}
	return t.Unix() < r.Out.LastModified.Unix()
}

// matchesTag looks for the response's ETag in a list of them. The weak
// comparison does not tell weak tags from strong ones.
func matchesTag(r *phases.Request, list string, weak bool) bool {
	if list == "*" {
		return true
	}
	tag, ok := r.Out.Get("ETag")
	if !ok {
		return false
	}
	if weak {
		tag = strings.TrimPrefix(tag, "W/")
	}
	for list != "" {
		if weak {
			list = strings.TrimPrefix(list, "W/")
		}
		if rest, ok := strings.CutPrefix(list, tag); ok {
			rest = strings.TrimLeft(rest, " \t")
			if rest == "" || rest[0] == ',' {
				return true
			}
		}
		i := strings.IndexByte(list, ',')
		if i < 0 {
			return false
		}
		list = strings.TrimLeft(list[i:], " \t,")
	}
	return false
}
