package mailbox

import (
	"fmt"
	"strings"
	"time"
)

// A Code says why a call has no answer.
type Code string

const (
	ENOACTOR   Code = "ENOACTOR"   // there is none of that name or address
	EDEAD      Code = "EDEAD"      // it ended before it answered; Msg is the reason
	EERROR     Code = "EERROR"     // the handler raised an error
	ENOREPLY   Code = "ENOREPLY"   // the handler ended and has not answered
	ETIMEOUT   Code = "ETIMEOUT"   // the deadline has passed
	ECANCELLED Code = "ECANCELLED" // nobody waits for the work that the call was part of
	EOVERFLOW  Code = "EOVERFLOW"  // the mailbox is full
	EDEADLOCK  Code = "EDEADLOCK"  // who would have to answer waits for the caller
	EDEPTH     Code = "EDEPTH"     // the call chain is longer than MaxDepth
	ETYPE      Code = "ETYPE"      // a value that cannot be sent
	ECYCLE     Code = "ECYCLE"     // a table that contains itself
	ENOCALL    Code = "ENOCALL"    // the command takes messages only, or is unknown
	EREPLIED   Code = "EREPLIED"   // the message was answered already
	ESHUTDOWN  Code = "ESHUTDOWN"  // the server ends
	EEXIST     Code = "EEXIST"     // the name is taken
)

// Error is why a call has no answer. Its fields but Code may be empty.
type Error struct {
	Code      Code
	Msg       string
	Addr      string // of the callee: ":2a/users"
	Cmd       string
	Session   uint64
	Chain     []string      // addresses of the actors that wait, the first caller first
	Traceback string        // of the handler that raised the error
	After     time.Duration // ETIMEOUT: how long the caller has waited
	Value     any           // EERROR: what was raised, when it was no text; of the callee's language
}

// Error is "actor call :2a/users.get session 77: ETIMEOUT after 5.0s".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("actor call")
	if e.Addr != "" {
		b.WriteString(" " + e.Addr)
		if e.Cmd != "" {
			b.WriteString("." + e.Cmd)
		}
	}
	if e.Session != 0 {
		fmt.Fprintf(&b, " session %d", e.Session)
	}
	b.WriteString(": " + string(e.Code))
	if e.Code == ETIMEOUT {
		fmt.Fprintf(&b, " after %.1fs", e.After.Seconds())
	}
	if e.Msg != "" {
		b.WriteString(": " + e.Msg)
	}
	return b.String()
}

// problem makes the error of a call.
func (m *Message) problem(code Code, msg string) *Error {
	e := &Error{Code: code, Msg: msg, Cmd: m.Cmd, Session: m.Session, Chain: m.Chain()}
	if m.To != nil {
		e.Addr = m.To.short()
	}
	return e
}
