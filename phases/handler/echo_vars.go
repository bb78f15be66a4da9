package handler

import (
	"strconv"

	"github.com/luahttpd/luahttpd/phases"
)

var echoVariables = []phases.Variable{
	{Name: "echo_it", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		if e := echoings.Get(r); e != nil && e.looping {
			return append(dst, e.it...), true
		}
		return dst, false
	}},
	{Name: "echo_timer_elapsed", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		since := r.Start
		if e := echoings.Get(r); e != nil && !e.since.IsZero() {
			since = e.since
		}
		r.Worker.Update()
		return phases.AppendSeconds(dst, r.Worker.Now().Sub(since)), true
	}},
	{Name: "echo_request_method", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		return append(dst, r.Method...), true
	}},
	{Name: "echo_client_request_method", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		return append(dst, r.Main.Method...), true
	}},
	{Name: "echo_client_request_headers", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		return append(dst, r.Main.RawHead...), len(r.Main.RawHead) > 0
	}},
	{Name: "echo_request_uri", Get: echoURI},
	{Name: "echo_cacheable_request_uri", Cache: true, Get: echoURI},
	{Name: "echo_request_body", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		b := &r.Body
		return append(dst, b.Data...), b.Read && b.File == nil && len(b.Data) > 0
	}},
	{Name: "echo_response_status", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		if r.Out.Status == 0 {
			return dst, false
		}
		return strconv.AppendInt(dst, int64(r.Out.Status), 10), true
	}},
	{Name: "echo_incr", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		e := echoings.Ensure(r.Main)
		e.count++
		return strconv.AppendInt(dst, int64(e.count), 10), true
	}},
}

func echoURI(r *phases.Request, dst []byte) ([]byte, bool) { return append(dst, r.URI...), true }
