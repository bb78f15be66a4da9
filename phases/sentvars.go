package phases

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/phases/http1"
)

// appendSent is $sent_http_NAME: a field of the response's head, those that
// the server generates included.
func appendSent(r *Request, rest string, dst []byte) ([]byte, bool) {
	o := &r.Out
	switch rest {
	case "content_type":
		if o.ContentType == "" {
			return dst, false
		}
		return o.AppendContentType(dst), true
	case "content_length":
		if o.ContentLength >= 0 {
			return strconv.AppendInt(dst, o.ContentLength, 10), true
		}
		return dst, false
	case "last_modified":
		if !o.LastModified.IsZero() {
			return http1.AppendHTTPDate(dst, o.LastModified), true
		}
	case "connection":
		if r.Out.Status == 101 {
			return append(dst, "upgrade"...), true
		}
		if r.Main.KeepAlive {
			return append(dst, "keep-alive"...), true
		}
		return append(dst, "close"...), true
	case "keep_alive":
		if d := r.Loc.Core.KeepaliveHeader; d > 0 && r.Main.KeepAlive {
			return strconv.AppendInt(append(dst, "timeout="...), int64(d.Seconds()), 10), true
		}
	case "transfer_encoding":
		if r.Main.Out.Chunking {
			return append(dst, "chunked"...), true
		}
	}
	return joinFields(o.All(), rest, dst)
}

// joinFields joins the values of the fields that a variable names.
func joinFields(fields []Field, rest string, dst []byte) ([]byte, bool) {
	found := false
	for _, f := range fields {
		if sameName(f.Name, rest) {
			if found {
				dst = append(dst, ", "...)
			}
			dst, found = append(dst, f.Value...), true
		}
	}
	return dst, found
}

// AppendContentType appends the media type with its charset, unless the type
// was given with parameters of its own.
func (o *Response) AppendContentType(dst []byte) []byte {
	dst = append(dst, o.ContentType...)
	if o.Charset != "" && indexByte(o.ContentType, ';') < 0 {
		dst = append(append(dst, "; charset="...), o.Charset...)
	}
	return dst
}

func decodeBase64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

func cutBytes(raw []byte) (user, password string, ok bool) {
	return strings.Cut(string(raw), ":")
}
