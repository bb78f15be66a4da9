// Package filter changes a response on its way out, one filter per file. Each
// file exports one phases.Module; their order is the server's module list.
//
// A filter sees the head of a response once, before its body, and may change
// it; then it sees the chunks of the body. What it remembers of a request is
// in a slot that its header function fills: a body function that finds none
// passes the chunk on.
package filter

import "github.com/luahttpd/luahttpd/conf"

// inLocations is where most directives of filters may stand.
const inLocations = conf.HTTP | conf.Server | conf.Location

// errorText is an error that is a constant.
type errorText string

func (e errorText) Error() string { return string(e) }
