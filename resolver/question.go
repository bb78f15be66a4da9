package resolver

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/luahttpd/luahttpd/actor"
)

// question is one name that is being asked for, and who waits for it.
type question struct {
	r       *Resolver
	name    string
	key     string // in the Resolver's maps
	service bool
	until   time.Time
	wake    []func()

	done   bool
	answer Answer
	code   int
	logged string    // the call whose error was logged last
	next   time.Time // when the same one is worth a line again
}

// wait parks until the question is answered or the time is up.
func (q *question) wait(timeout time.Duration) {
	co := q.r.w.Current()
	token := co.Token()
	q.wake = append(q.wake, func() { co.ResumeIf(token) })
	t := q.r.w.AfterFunc(timeout, func() { co.ResumeIf(token) })
	defer t.Stop()
	co.ParkOn(token)
}

const (
	// aliasLimit bounds how many names one after the other an answer may send
	// us to.
	aliasLimit = 50
	// attemptTime is how long one server is waited for before the next is
	// asked, unless Config.Attempt says otherwise.
	attemptTime = 5 * time.Second
)

// ask is the life of the question, on a coroutine of its own.
func (q *question) ask() {
	r := q.r
	defer func() {
		q.done = true
		delete(r.asking, q.key)
		for _, wake := range q.wake {
			wake()
		}
	}()
	if r.servers == nil {
		r.open()
	}
	target, lives := q.name, time.Duration(-1)
	for range aliasLimit {
		m, err := q.exchange(target)
		if err != nil {
			q.code = codeTimeout
			return
		}
		if m.ttl >= 0 && (lives < 0 || m.ttl < lives) {
			lives = m.ttl
		}
		if m.code != 0 { // of one kind of address: what the others say is not remembered
			q.code = m.code
			return
		}
		if len(m.addrs) > 0 || len(m.services) > 0 || m.alias == "" {
			q.answer = Answer{Addrs: m.addrs, Services: m.services}
			r.remember(q.key, &q.answer, lives)
			return
		}
		target = m.alias
	}
	q.code = codeServer
}

var errNoAnswer = errors.New("no answer")

// exchange asks one server after the other for all addresses of a name, until
// the time of the question is up.
func (q *question) exchange(name string) (merged, error) {
	r := q.r
	qs, err := newQueries(name, r.config, q.service)
	if err != nil {
		return merged{code: codeNotFound, ttl: -1}, nil
	}
	next := r.next
	if !r.config.InOrder {
		r.next++ // the next question begins with another server
	}
	for first := next; ; next++ {
		left := q.until.Sub(r.w.Now())
		if n := r.config.Rounds; left <= 0 || n > 0 && next-first >= n*len(r.servers) {
			return merged{}, errNoAnswer
		}
		attempt := min(left, r.config.Attempt)
		if len(r.servers) == 0 {
			r.w.Current().Sleep(attempt)
			continue
		}
		server := r.servers[next%len(r.servers)]
		m, err := q.askServer(server, qs, attempt)
		if err == nil {
			return m, nil
		}
		if !errors.Is(err, actor.ErrTimeout) {
			// Not there at all: leave it some time before it is asked again.
			r.w.Current().Sleep(min(q.until.Sub(r.w.Now()), 100*time.Millisecond))
		}
	}
}

// askServer sends all questions to one server and collects the answers.
func (q *question) askServer(server actor.Addr, qs []*query, limit time.Duration) (merged, error) {
	w := q.r.w
	fd, err := w.DialUDP(server, actor.DialOptions{})
	if err != nil {
		q.log("connect", err)
		return merged{}, err
	}
	defer fd.Close()
	fd.SetDeadline(w.Now().Add(limit))
	left := 0
	for _, query := range qs {
		if query.answered {
			continue
		}
		left++
		if _, err := fd.Write(query.packet); err != nil {
			q.log("send", err)
			return merged{}, err
		}
	}
	buf := make([]byte, maxDatagram)
	for left > 0 {
		n, err := fd.Read(buf)
		if err != nil {
			q.log("recv", err)
			return merged{}, err
		}
		for _, query := range qs {
			if query.answered || !query.take(buf[:n]) {
				continue
			}
			if query.code == codeFormat { // this server does not understand; another may
				query.answered = false
				return merged{}, errNoAnswer
			}
			if query.truncated {
				if err := q.askStream(server, query, limit); err != nil {
					return merged{}, err
				}
			}
			left--
			break
		}
	}
	return merge(qs), nil
}

func (q *question) log(call string, err error) {
	if q.r.config.Log != nil && !errors.Is(err, actor.ErrTimeout) && (q.logged != call || q.r.w.Now().After(q.next)) {
		q.logged, q.next = call, q.r.w.Now().Add(attemptTime)
		q.r.config.Log(call, err)
	}
}

// askStream asks over TCP, for an answer that does not fit in a datagram.
func (q *question) askStream(server actor.Addr, query *query, limit time.Duration) error {
	w := q.r.w
	fd, err := w.Dial(server, actor.DialOptions{Timeout: limit})
	if err != nil {
		return err
	}
	defer fd.Close()
	fd.SetDeadline(w.Now().Add(limit))
	n := len(query.packet)
	if _, err := fd.Write(append([]byte{byte(n >> 8), byte(n)}, query.packet...)); err != nil {
		return err
	}
	var size [2]byte
	if err := readFull(fd, size[:]); err != nil {
		return err
	}
	buf := make([]byte, int(size[0])<<8|int(size[1]))
	if err := readFull(fd, buf); err != nil {
		return err
	}
	query.answered = false
	if !query.take(buf) {
		return errNoAnswer
	}
	return nil
}

func readFull(fd *actor.FD, p []byte) error {
	for len(p) > 0 {
		n, err := fd.Read(p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// maxDatagram is the largest answer that is taken from a datagram.
const maxDatagram = 4096

// query is one packet: a name and a type.
type query struct {
	id     uint16
	q      dnsmessage.Question
	packet []byte

	addrs     []netip.Addr
	services  []Service
	answered  bool
	truncated bool
	code      int
	alias     string
	ttl       time.Duration // -1: no record
}

// merged is what all queries for a name have brought.
type merged struct {
	addrs    []netip.Addr
	services []Service
	alias    string
	code     int
	ttl      time.Duration
}

func newQueries(name string, c Config, service bool) ([]*query, error) {
	n, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, err
	}
	var qs []*query
	add := func(t dnsmessage.Type) error {
		q := &query{id: uint16(rand.Uint32()), ttl: -1, q: dnsmessage.Question{Name: n, Type: t, Class: dnsmessage.ClassINET}}
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: q.id, RecursionDesired: true}, Questions: []dnsmessage.Question{q.q}}
		q.packet, err = m.Pack()
		qs = append(qs, q)
		return err
	}
	if service {
		err := add(dnsmessage.TypeSRV)
		return qs, err
	}
	if c.IPv4 {
		if err := add(dnsmessage.TypeA); err != nil {
			return nil, err
		}
	}
	if c.IPv6 {
		if err := add(dnsmessage.TypeAAAA); err != nil {
			return nil, err
		}
	}
	return qs, nil
}

// merge puts the answers together: IPv4 addresses first. Without addresses the
// last answer says whether there is an alias: a name is one for all types or
// none.
func merge(qs []*query) merged {
	m := merged{ttl: -1}
	for _, q := range qs {
		m.addrs = append(m.addrs, q.addrs...)
		m.services = append(m.services, q.services...)
		m.alias = q.alias
		if q.code != 0 {
			m.code = q.code
		}
		if q.ttl >= 0 && (m.ttl < 0 || q.ttl < m.ttl) {
			m.ttl = q.ttl
		}
	}
	return m
}
