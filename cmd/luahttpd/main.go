// Command luahttpd is the server; its flags are nginx's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"github.com/luahttpd/luahttpd"
)

func main() {
	prefix := flag.String("p", ".", "prefix")
	file := flag.String("c", "conf/nginx.conf", "file")
	directives := flag.String("g", "", "directives")
	errorLog := flag.String("e", "", "error log")
	test := flag.Bool("t", false, "test")
	flag.Parse()
	debug.SetGCPercent(400)
	path := *file
	if !filepath.IsAbs(path) {
		path = filepath.Join(*prefix, path)
	}
	srv, err := luahttpd.New(path, luahttpd.WithPrefix(*prefix), luahttpd.WithDirectives(*directives), luahttpd.WithErrorLog(*errorLog))
	if err != nil {
		fmt.Fprintf(os.Stderr, "nginx: [emerg] %v\n", err)
		os.Exit(1)
	}
	if *test {
		return
	}
	if err := srv.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "nginx: [emerg] %v\n", err)
		os.Exit(1)
	}
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	go func() {
		<-sig
		srv.Shutdown(context.Background())
	}()
	if err := srv.Wait(); err != nil && !errors.Is(err, luahttpd.ErrClosed) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
