package luahttpd

import "github.com/luahttpd/luahttpd/phases"

// Version is luahttpd's own; NginxVersion is the nginx whose behaviour it
// follows and that it names to clients and scripts.
const (
	Version      = "0.1.0"
	NginxVersion = "1.27.1"
)

var build = phases.Build{Name: "nginx", Version: NginxVersion, Number: 1027001}
