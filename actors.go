package luahttpd

import (
	"context"
	"fmt"

	"github.com/luahttpd/luahttpd/actor/mailbox"
)

// ActorHandlers is an actor of Go: a function for each command, "" for all others. What it returns
// is the answer of a call. The functions run on coroutines of one worker: they may call other actors
// by m.Strand().Call, and must hand what blocks to Offload of the actor's worker.
type ActorHandlers = mailbox.Handlers

// RegisterActor starts an actor of Go under a name that scripts of every configuration find, with
// actor.whereis and the functions that take a name. The server must have been started. It lives on
// the first worker until the server ends. The error is that of h's Init or of ctx, or that the name
// is taken.
func (s *Server) RegisterActor(ctx context.Context, name string, h ActorHandlers) error {
	workers := s.actors.Workers()
	if len(workers) == 0 {
		return fmt.Errorf("luahttpd: the server does not run")
	}
	_, err := s.actors.Start(ctx, &mailbox.Spec{Name: name, Worker: workers[0], New: func(*mailbox.Actor) mailbox.Behaviour { return h }})
	return err
}

// CallActor calls an actor by its name, of Lua or of Go, and waits for its answer. The error is a
// *mailbox.Error, which says in its Code why there is none. Numbers arrive and come back as float64,
// tables as []any or map[any]any. Without a deadline of ctx it waits as long as the actor lives. It
// blocks the goroutine: what runs on a worker (a module, an actor of Go) calls by its strand instead.
func (s *Server) CallActor(ctx context.Context, name, cmd string, args ...any) ([]any, error) {
	a := s.findActor(name)
	if a == nil {
		return nil, &mailbox.Error{Code: mailbox.ENOACTOR, Addr: name, Cmd: cmd, Msg: "there is no actor of this name"}
	}
	return s.actors.Call(ctx, a, cmd, args...)
}

// SendActor sends an actor a message that is not answered. It does not wait; the error is a
// *mailbox.Error when there is no such actor or its mailbox takes no more.
func (s *Server) SendActor(name, cmd string, args ...any) error {
	a := s.findActor(name)
	if a == nil {
		return &mailbox.Error{Code: mailbox.ENOACTOR, Addr: name, Cmd: cmd, Msg: "there is no actor of this name"}
	}
	return s.actors.Send(a, cmd, args...)
}

// Actors are all actors of the server.
func (s *Server) Actors() *mailbox.System { return s.actors }

// findActor finds a name of the configuration that new requests get, or one that was registered.
func (s *Server) findActor(name string) *mailbox.Actor { return s.cfg.Load().FindActor(name) }
