// Package lua runs scripts in every phase of a request and gives them the ngx
// API of OpenResty's lua-nginx-module.
//
// The nouns: a Conf is what a location says of scripts; a chunk is one script
// of the configuration; an engine is the Lua VM of one worker and
// configuration; a state is one Lua thread's standing, which the functions of
// the API get: its request, phase and engine. The API is a list of areas
// (api.go), each a table of rows in a file of its own (api_*.go).
package lua

import (
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/upstream"
)

// Conf is what one location says of scripts.
type Conf struct {
	settings
	scripts [phaseCount]*chunk
	site    *site
	core    *phases.Core // of the same block
	client  *clientTLS   // of cosockets
	block   *phases.Block
}

// Module is the Lua module for the server's list.
var Module = phases.Define(phases.Spec[Conf]{
	Name:       "lua",
	Default:    func() Conf { return Conf{settings: defaultSettings()} },
	Directives: append(append(scriptRows(), settingRows()...), actorRows()...),
	Active:     (*Conf).active,
	Handlers: []phases.Hook[Conf]{
		phases.At(phases.ServerRewrite, handlerFor(inServerRewrite)),
		phases.At(phases.Rewrite, handlerFor(inRewrite)).FirstIf(func(own *Conf) bool { return own.rewriteFirst }),
		phases.At(phases.Access, handlerFor(inAccess)).FirstIf(func(own *Conf) bool { return own.accessFirst }),
		phases.At(phases.Precontent, handlerFor(inPrecontent)).FirstIf(func(own *Conf) bool { return own.precontentFirst }),
		phases.At(phases.Log, logHandler),
	},
	Content: contentHandler,
	Filter:  filterOf,
	Finish: func(own *Conf, b *phases.Block) error {
		own.site, own.core, own.block = siteSlot.Of(b.Config), b.Core(), b
		own.takePart(b)
		if err := own.takePeers(b); err != nil {
			return err
		}
		var err error
		if k := own.scripts[inBalancer]; k != nil && k.block == b {
			u := upstream.Of(b)
			u.Choose = own.chooser(k)
			if own.balancerPool > 0 {
				u.Keepalive.Idle = own.balancerPool
			}
		}
		if err := own.site.openDirectory(b); err != nil {
			return err
		}
		own.client, err = own.site.clients.ready(&own.tls, b)
		return err
	},
	Init:   openSite,
	Start:  startEngine,
	Stop:   stopEngine,
	Retire: retireEngine,
})

// active tells whether any script runs in the location.
func (c *Conf) active() bool {
	for _, k := range c.scripts {
		if k != nil {
			return true
		}
	}
	return false
}

// scriptRows derives the *_by_lua directives from the table of phases.
func scriptRows() []phases.Directive[Conf] {
	var rows []phases.Directive[Conf]
	for p := range phaseCount {
		row := phaseRows[p]
		name := row.directive + "_by_lua"
		set := func(own *Conf, b *phases.Block, s *conf.Stmt) error { return addScript(own, b, s, p) }
		one, lua, declare := conf.Exactly(1), conf.LuaBlock, phases.Set[Conf]
		if p == inSet {
			set = addSetOp
			one, lua, declare = conf.AtLeast(2), conf.LuaBlockN(1, 1), phases.Add[Conf]
		}
		if p == inBodyFilter { // buffered max=
			one, lua = conf.Between(1, 3), conf.LuaBlockN(0, 2)
		}
		if row.forms&text != 0 {
			rows = append(rows, declare(name, row.in, one, set))
		}
		if row.forms&block != 0 {
			rows = append(rows, declare(name+"_block", row.in, lua, set))
		}
		if row.forms&file != 0 {
			rows = append(rows, declare(name+"_file", row.in, one, set))
		}
	}
	return rows
}

// addScript makes the statement's script that of phase p in its block.
func addScript(own *Conf, b *phases.Block, s *conf.Stmt, p phase) error {
	if old := own.scripts[p]; old != nil && old.block == b {
		return s.Duplicate()
	}
	k, err := newChunk(b, s, p, 0)
	if err != nil {
		return err
	}
	if p == inBodyFilter {
		before := 1
		if s.IsLua {
			before = 0
		}
		if err := k.setBuffered(s, before); err != nil {
			return err
		}
	}
	own.scripts[p] = k
	if p == inContent {
		return b.UseContent(s)
	}
	return nil
}
