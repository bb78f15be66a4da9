package upstream

import (
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

// A Balancer chooses among an upstream's peers. Workers share it and call it
// at the same time.
type Balancer interface {
	// Pick returns a usable peer that is not in tried and adds it there, or
	// returns nil if there is none.
	Pick(r *phases.Request, tried *Tried) *Peer
	// Report says how the exchange with a picked peer ended and how long its
	// answer's head took, or all of it if there was none. It is called exactly
	// once for each Pick.
	Report(p *Peer, how Outcome, took time.Duration)
}

// Outcome is how an exchange with a peer ended.
type Outcome uint8

const (
	// Answered: the peer answered, whatever it was.
	Answered Outcome = iota
	// Failed: it did not answer, or with what counts as a failure.
	Failed
	// Unasked: nothing is to be learnt of it; the client went away, or a kept
	// connection turned out to be closed.
	Unasked
)

// Tried is what has been tried for one request.
type Tried struct {
	bits [2]uint64
	more []uint64 // of upstreams with more than 128 peers
	// What a method remembers between the tries.
	hash   uint32
	casts  int // of the hash
	rounds int // casts that met no usable peer
	begun  bool
}

func (t *Tried) add(i int) {
	if i < 128 {
		t.bits[i/64] |= 1 << (i % 64)
		return
	}
	for len(t.more) <= i/64 {
		t.more = append(t.more, 0)
	}
	t.more[i/64] |= 1 << (i % 64)
}

func (t *Tried) remove(i int) {
	if i < 128 {
		t.bits[i/64] &^= 1 << (i % 64)
	} else if i/64 < len(t.more) {
		t.more[i/64] &^= 1 << (i % 64)
	}
}

func (t *Tried) has(i int) bool {
	if i < 128 {
		return t.bits[i/64]&(1<<(i%64)) != 0
	}
	return i/64 < len(t.more) && t.more[i/64]&(1<<(i%64)) != 0
}

func (t *Tried) reset() { *t = Tried{more: t.more[:0]} }

// maxRounds is how often a hash or a die is cast before round robin decides.
const maxRounds = 20

// seconds is the clock of passive health: nginx counts whole seconds.
func seconds(r *phases.Request) int64 { return r.Worker.Now().Unix() }

// A Chooser takes the Balancer's place: it is asked for each try, may park,
// and fills in the Try. Any other Result than Next ends the request with it.
type Chooser func(r *phases.Request, t *Try) phases.Result

// Try is what a Chooser decides of one try.
type Try struct {
	// Addr is the peer. The Balancer chooses when it is not set.
	Addr actor.Addr
	// Host is the name for the peer's certificate and for SNI; "": the URL's.
	Host string
	// More is how many tries may follow this one; the first try has 0.
	More int
	// Number is 1 for the first try. Left is how many there would be from this
	// one on, Limit how many there may be in all (0: no limit).
	Number, Left, Limit int
	// The timeouts of this try.
	ConnectTimeout, SendTimeout, ReadTimeout time.Duration
	// Keep: the connection is kept for later use, for KeepIdle and KeepRequests
	// (0: no limit).
	Keep         bool
	KeepIdle     time.Duration
	KeepRequests int
	// Last is how the try before ended; LastStatus is the status it would
	// have been answered with (502, 504, the peer's own).
	Last       Outcome
	LastStatus int
	// Recreate: the request is written anew for this try.
	Recreate bool
	// TLS is spoken with the peer; a change holds for the tries that follow too.
	// It cannot be chosen without the settings for it (MayTLS): the URL of the
	// location names https or leaves it to variables.
	TLS, MayTLS bool
	// Local is the address to connect from; the zero value is what
	// proxy_bind says.
	Local actor.Addr
}
