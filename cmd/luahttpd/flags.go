package main

import (
	"fmt"
	"strings"
)

// flags are nginx's, letters that may be joined (-tq), and what follows them.
type flags struct {
	prefix, file, directives, errorLog, signal string
	test, dump, quiet, version, build, help    bool
	args                                       []string
}

const usage = `nginx version: %s
Usage: luahttpd [-?hvVtTq] [-s signal] [-p prefix] [-e filename] [-c filename] [-g directives]
       luahttpd FILE.lua            serve one Lua file as the answer to everything
       luahttpd run [options] FILE.lua [arguments]
                                    run a script with the whole ngx API (-h: options)
       luahttpd run -e 'CODE'       the same for a line of Lua
       luahttpd test [options] [FILES]
                                    run tests in busted's style (-h: options)

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and what is built in, and exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to the running server: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: the working directory)
  -e filename   : set error log file (default: %s)
  -c filename   : set configuration file (default: conf/nginx.conf)
  -g directives : set global directives out of configuration file

Without a configuration file in the prefix a site that is built in is served.
`

// parseFlags reads the command line as nginx does.
func parseFlags(args []string) (*flags, error) {
	f := &flags{}
	valued := map[byte]*string{'p': &f.prefix, 'c': &f.file, 'g': &f.directives, 'e': &f.errorLog, 's': &f.signal}
	switches := map[byte]*bool{'t': &f.test, 'T': &f.dump, 'q': &f.quiet, 'v': &f.version, 'V': &f.build, 'h': &f.help, '?': &f.help}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if !strings.HasPrefix(a, "-") || a == "-" {
			f.args = args[i:]
			return f, nil
		}
		for j := 1; j < len(a); j++ {
			if on := switches[a[j]]; on != nil {
				*on = true
				continue
			}
			to := valued[a[j]]
			if to == nil {
				return nil, fmt.Errorf("invalid option: \"%c\"", a[j])
			}
			switch {
			case j+1 < len(a):
				*to = a[j+1:]
			case i+1 < len(args):
				i++
				*to = args[i]
			default:
				return nil, fmt.Errorf("option \"-%c\" requires %s", a[j], valueName[a[j]])
			}
			break
		}
	}
	return f, nil
}

var valueName = map[byte]string{'p': "directory name", 'c': "file name", 'g': "parameter", 'e': "file name", 's': "parameter"}
