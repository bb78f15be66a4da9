package mailbox

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

func sprintf(format string, a ...any) string { return fmt.Sprintf(format, a...) }

// DeadLetters is the topic of messages that reached nobody.
const DeadLetters = ".deadletter"

// topics are what is published, with who follows it.
type topics struct {
	sync.RWMutex
	m map[string][]*Subscription
}

// A Subscription is an actor that follows a topic: it gets Topic messages, with this as their Ref.
type Subscription struct {
	By    *Actor
	Topic string
	Ref   any
}

// Subscribe has by get a Topic message for everything that is published.
func (sys *System) Subscribe(by *Actor, topic string, ref any) *Subscription {
	f := &Subscription{By: by, Topic: topic, Ref: ref}
	by.mu.Lock()
	defer by.mu.Unlock()
	if by.life >= exiting {
		return f
	}
	by.followed = append(by.followed, f)
	t := &sys.topics
	t.Lock()
	defer t.Unlock()
	if t.m == nil {
		t.m = map[string][]*Subscription{}
	}
	t.m[topic] = append(slices.Clip(t.m[topic]), f)
	return f
}

// Unsubscribe ends a subscription; messages on their way still arrive.
func (sys *System) Unsubscribe(f *Subscription) {
	f.By.mu.Lock()
	f.By.followed = slices.DeleteFunc(f.By.followed, func(o *Subscription) bool { return o == f })
	f.By.mu.Unlock()
	sys.unsubscribe(f)
}

func (sys *System) unsubscribe(f *Subscription) {
	t := &sys.topics
	t.Lock()
	defer t.Unlock()
	rest := slices.DeleteFunc(slices.Clone(t.m[f.Topic]), func(o *Subscription) bool { return o == f })
	if len(rest) == 0 {
		delete(t.m, f.Topic)
	} else {
		t.m[f.Topic] = rest
	}
}

// Publish sends the body to all who follow the topic, in the order of their subscribing, and says
// how many took it. A full mailbox loses it: see dead letters. on is the worker whose goroutine this
// is, or nil.
func (sys *System) Publish(from *Actor, topic string, body Body, on *actor.Worker) int {
	t := &sys.topics
	t.RLock()
	all := t.m[topic]
	t.RUnlock()
	n := 0
	for _, f := range all {
		m := &Message{Kind: Topic, From: from, To: f.By, Cmd: topic, Body: body, Ref: f}
		if on != nil {
			m.sent = on.Now()
		} else {
			m.sent = time.Now()
		}
		if f.By.post(m, on) == nil {
			n++
		}
	}
	return n
}

// letters counts messages that reached nobody.
type letters struct {
	noActor, late, overflow, exit atomic.Uint64

	mu     sync.Mutex
	logged map[uint64]time.Time
	recent []Letter // a ring: next is the oldest
	next   int
}

// Letters are the counts of messages that reached nobody, by reason.
type Letters struct{ NoActor, Late, Overflow, Exit uint64 }

// DeadLetters counts what reached nobody.
func (sys *System) DeadLetters() Letters {
	l := &sys.letters
	return Letters{l.noActor.Load(), l.late.Load(), l.overflow.Load(), l.exit.Load()}
}

// Lost notes a message to a name that nobody has.
func (sys *System) Lost(from *Actor, name, cmd string) {
	sys.letter("noactor", from, 0, name, cmd, 0, time.Time{})
}

func (sys *System) deadLetter(reason string, m *Message) {
	if m.Cmd == DeadLetters { // of a follower that is full or gone
		sys.letters.overflow.Add(1)
		return
	}
	sys.letter(reason, m.From, m.To.ID, m.To.String(), m.Cmd, m.Session, m.sent)
}

func (sys *System) letter(reason string, from *Actor, id uint64, to, cmd string, session uint64, sent time.Time) {
	l := &sys.letters
	switch reason {
	case "noactor":
		l.noActor.Add(1)
	case "late":
		l.late.Add(1)
	case "overflow":
		l.overflow.Add(1)
	default:
		l.exit.Add(1)
	}
	x := Letter{At: time.Now(), Reason: reason, To: to, Cmd: cmd, Session: session}
	if !sent.IsZero() {
		x.Age = x.At.Sub(sent)
	}
	if from != nil {
		x.From = from.String()
	}
	if l.due(id, x) {
		sys.logf("actor: dead letter (%s) from %s to %s.%s session %d after %.3fs", reason, x.From, to, cmd, session, x.Age.Seconds())
	}
	sys.topics.RLock()
	followed := len(sys.topics.m[DeadLetters]) > 0
	sys.topics.RUnlock()
	if followed {
		sys.Publish(nil, DeadLetters, Args{map[any]any{"reason": reason, "from": x.From, "to": to, "cmd": cmd,
			"session": float64(session), "age": x.Age.Seconds()}}, nil)
	}
}

// maxLogged bounds the targets whose last line in the log is remembered.
const maxLogged = 4096

// due remembers a letter and says whether the log may have a line about its target: one a second.
func (l *letters) due(id uint64, x Letter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember(x)
	now := x.At
	if now.Sub(l.logged[id]) < time.Second {
		return false
	}
	if l.logged == nil || len(l.logged) >= maxLogged {
		l.logged = map[uint64]time.Time{}
	}
	l.logged[id] = now
	return true
}
