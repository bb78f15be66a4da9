package main

import (
	"context"
	"io"
	"net/http"
	"testing"
)

func TestEmbed(t *testing.T) {
	srv, err := start()
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	for _, c := range []struct{ path, want string }{
		{"/hello", "hello from Lua\n"}, {"/count", "asked 1 times\n"}, {"/count", "asked 2 times\n"},
		{"/shop", "Ann asks 7.5\n"},
	} {
		resp, err := client.Get("http://" + srv.Addr().String() + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != c.want {
			t.Errorf("%s: %q, want %q", c.path, body, c.want)
		}
	}
	client.CloseIdleConnections()
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
