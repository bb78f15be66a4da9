package conf

import "strings"

// A Context is a set of the blocks that a directive may stand in.
type Context uint16

const (
	Main Context = 1 << iota // outside of all blocks
	Events
	HTTP
	Server
	ServerIf // if in server
	Location
	LocationIf // if in location
	LimitExcept
	Upstream

	// Anywhere is every block that passes its settings on to the blocks in it.
	Anywhere = HTTP | Server | ServerIf | Location | LocationIf
)

// String lists the contexts in the words of nginx's manual.
func (c Context) String() string {
	var names []string
	for i, name := range []string{
		"main", "events", "http", "server", "if in server",
		"location", "if in location", "limit_except", "upstream",
	} {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
