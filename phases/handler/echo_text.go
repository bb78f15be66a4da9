package handler

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/phases"
)

func echoText(e *echoing, a echoArgs) phases.Result {
	return e.send(phases.Chunk{Bytes: a.text()})
}

// duplicatePiece bounds what echo_duplicate puts together before sending it.
const duplicatePiece = 16 << 10

func echoDuplicate(e *echoing, a echoArgs) phases.Result {
	if len(a.rest) != 2 {
		return e.fail("echo_duplicate: expecting two arguments")
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(a.rest[0], "_", ""), 10, 64)
	if err != nil || n < 0 {
		return e.fail("invalid size specified: \"%s\"", a.rest[0])
	}
	text := a.rest[1]
	if text == "" {
		n = 0
	}
	for n > 0 {
		times := min(n, max(duplicatePiece/int64(len(text)), 1))
		if res := e.send(phases.Chunk{Bytes: bytes.Repeat([]byte(text), int(times))}); res != phases.Next {
			return res
		}
		n -= times
	}
	return e.send(phases.Chunk{})
}

func echoFlush(e *echoing, _ echoArgs) phases.Result {
	return e.send(phases.Chunk{Flush: true})
}

// echoSleep is echo_blocking_sleep too: what a worker's other requests would
// notice of that one is nothing that anybody can want.
func echoSleep(e *echoing, a echoArgs) phases.Result {
	text := strings.Join(a.rest, "")
	d, err := strconv.ParseFloat(text, 64)
	if err != nil || d < 0 || strings.Trim(text, "0123456789.") != "" {
		return e.fail("invalid sleep duration \"%s\"", text)
	}
	e.r.Worker.Current().Sleep(time.Duration(d * float64(time.Second)))
	return phases.Next
}

func echoResetTimer(e *echoing, _ echoArgs) phases.Result {
	e.r.Worker.Update()
	e.since = e.r.Worker.Now()
	return phases.Next
}

func echoReadBody(e *echoing, _ echoArgs) phases.Result {
	if err := e.r.ReadBody(); err != nil {
		return e.r.Result(err)
	}
	return phases.Next
}

// echoBody sends the request's body as far as it was read.
func echoBody(e *echoing, _ echoArgs) phases.Result {
	b := &e.r.Body
	switch {
	case !b.Read || b.Size == 0 && len(b.Data) == 0:
		return phases.Next
	case b.File != nil:
		return e.send(phases.Chunk{File: b.File, Size: b.Size})
	}
	return e.send(phases.Chunk{Bytes: b.Data})
}

// echoForeach begins a loop over the parts of a text; empty ones do not count.
func echoForeach(e *echoing, a echoArgs) phases.Result {
	switch {
	case e.looping:
		return e.fail("Nested echo_foreach_split not supported yet.")
	case len(a.rest) < 2 || a.rest[0] == "":
		return e.fail("echo_foreach_split: should take at least two arguments. (if your delimiter starts with \"-\", you need to insert a \"--\" before it.)")
	}
	e.items = e.items[:0]
	for _, item := range strings.Split(a.rest[1], a.rest[0]) {
		if item != "" {
			e.items = append(e.items, item)
		}
	}
	e.loop, e.looping = e.next, true
	if len(e.items) == 0 {
		for e.next < len(e.own.content.Items) && e.own.content.Items[e.next].name != "echo_end" {
			e.next++
		}
		e.next, e.looping = e.next+1, false
		return phases.Next
	}
	e.it, e.items = e.items[0], e.items[1:]
	return phases.Next
}

func echoEnd(e *echoing, _ echoArgs) phases.Result {
	switch {
	case !e.looping:
		return e.fail("Found a echo_end that has no corresponding echo_foreach_split before it.")
	case len(e.items) == 0:
		e.it, e.looping = "", false
	default:
		e.it, e.items = e.items[0], e.items[1:]
		e.next = e.loop
	}
	return phases.Next
}
