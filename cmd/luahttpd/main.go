// Command luahttpd serves an nginx configuration with Lua in every phase. Its
// flags, signals, files and exit codes are nginx's.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/luahttpd/luahttpd"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	f, err := parseFlags(args)
	if err != nil {
		return emerg(err)
	}
	switch {
	case f.help:
		fmt.Fprintf(os.Stderr, usage, versionText(), defaultErrorLog)
		return 0
	case f.version:
		fmt.Fprintln(os.Stderr, "nginx version: "+versionText())
		return 0
	case f.build:
		fmt.Fprint(os.Stderr, buildText())
		return 0
	}
	defer tuneRuntime()()
	if len(f.args) > 0 {
		return runScript(f)
	}
	return serve(f)
}

const defaultErrorLog = "logs/error.log"

// versionText has no slash after nginx's version: programs that read it take
// what follows the last one.
func versionText() string {
	return "nginx/" + luahttpd.NginxVersion + " (luahttpd " + luahttpd.Version + ")"
}

// buildText is -V. Scripts and test suites look in it for what is built in,
// in the words of nginx's configure script; the version of OpenSSL is the one
// whose features TLS has.
func buildText() string {
	return "nginx version: " + versionText() + "\n" +
		"built with " + runtime.Version() + "\n" +
		"built with OpenSSL 3.0.2 in its interfaces: crypto/tls\n" +
		"TLS SNI support enabled\n" +
		"configure arguments: " + strings.Join(luahttpd.BuiltIn(), " ") + "\n"
}

func emerg(err error) int {
	fmt.Fprintf(os.Stderr, "nginx: [emerg] %v\n", err)
	return 1
}

// serve runs the configuration that the flags name, or the built-in site.
func serve(f *flags) int {
	prefix, err := filepath.Abs(f.prefix)
	if err != nil {
		return emerg(err)
	}
	file := f.file
	if file == "" {
		file = "conf/nginx.conf"
		if _, err := os.Stat(filepath.Join(prefix, file)); errors.Is(err, fs.ErrNotExist) && f.signal == "" && !f.test && !f.dump && f.prefix == "" {
			return serveSite()
		}
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(prefix, file)
	}
	errorLog := f.errorLog
	if errorLog == "" {
		errorLog = defaultErrorLog
	}
	opts := []luahttpd.Option{luahttpd.WithPrefix(prefix), luahttpd.WithDirectives(f.directives), luahttpd.WithErrorLog(errorLog)}
	if f.test || f.dump || f.signal != "" {
		opts = append(opts, luahttpd.ForTest())
	}
	srv, err := luahttpd.New(file, opts...)
	switch {
	case f.signal != "":
		if err != nil {
			return emerg(err)
		}
		return sendSignal(srv, f.signal)
	case f.test || f.dump:
		return testConfiguration(f, file, srv, err)
	case err != nil:
		if errorLog != "stderr" {
			logEmerg(prefix, errorLog, err)
		}
		return emerg(err)
	}
	return serveProcess(srv)
}

// testConfiguration is -t and -T.
func testConfiguration(f *flags, file string, srv *luahttpd.Server, err error) int {
	if err == nil {
		if !f.quiet {
			fmt.Fprintf(os.Stderr, "nginx: the configuration file %s syntax is ok\n", file)
		}
		for _, n := range srv.Config().Notices() {
			if strings.HasPrefix(n, "[warn]") || strings.HasPrefix(n, "[alert]") {
				fmt.Fprintln(os.Stderr, "nginx: "+n)
			}
		}
		err = srv.Test()
	}
	if err != nil {
		emerg(err)
		fmt.Fprintf(os.Stderr, "nginx: configuration file %s test failed\n", file)
		return 1
	}
	if !f.quiet {
		fmt.Fprintf(os.Stderr, "nginx: configuration file %s test is successful\n", file)
	}
	if f.dump {
		if err := luahttpd.Dump(file, os.Stdout); err != nil {
			return emerg(err)
		}
	}
	return 0
}
