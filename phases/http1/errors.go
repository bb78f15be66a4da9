package http1

import (
	"errors"
	"strconv"
)

// ErrShort says that the bytes so far are a good prefix of a head: call again with more.
var ErrShort = errors.New("http1: incomplete head")

// ParseError refuses a message. The connection it came on cannot be used any further.
type ParseError struct {
	// Status is what a client is told. 494 is nginx's own "request header too large":
	// it can be an error_page's key and is sent as 400.
	Status int
	// Reason is the line for the error log, in nginx's words and printable whatever was sent.
	Reason string
}

func (e *ParseError) Error() string { return e.Reason }

const (
	whileLine     = " while reading client request line"
	whileHeaders  = " while reading client request headers"
	whileUpstream = " while reading response header from upstream"
)

// maxQuoted bounds how many bytes of a message an error quotes.
const maxQuoted = 256

// quoted renders s between double quotes for a log line: printable ASCII as it is, all else as \xNN.
func quoted(s []byte) string {
	const hex = "0123456789ABCDEF"
	q := make([]byte, 0, len(s)+2)
	q = append(q, '"')
	for i, c := range s {
		if i == maxQuoted {
			q = append(q, "..."...)
			break
		}
		if c < 0x20 || c > 0x7e {
			q = append(q, '\\', 'x', hex[c>>4], hex[c&15])
			continue
		}
		q = append(q, c)
	}
	return string(append(q, '"'))
}

func errLine(status int, what string) error {
	return &ParseError{Status: status, Reason: what + whileLine}
}

func errField(status int, what string) error {
	return &ParseError{Status: status, Reason: what + whileHeaders}
}

func errUpstream(what string) error {
	return &ParseError{Status: 502, Reason: what + whileUpstream}
}

func errStatusLine(line []byte) error {
	return errUpstream("upstream sent invalid status line " + quoted(line))
}

func errDuplicate(who string, f Field) string {
	return who + " sent duplicate header line: \"" + unquoted(f.Name) + ": " + unquoted(f.Value) + "\""
}

func unquoted(s []byte) string {
	q := quoted(s)
	return q[1 : len(q)-1]
}

func errTooMany(who string, limit int) string {
	return who + " sent too many header lines (" + strconv.Itoa(limit) + " allowed)"
}
