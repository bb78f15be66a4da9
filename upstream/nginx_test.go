package upstream_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startNginx starts the installed nginx with the same blocks that serve takes
// and returns its address; the test is skipped when there is none.
func startNginx(t *testing.T, http, loc string) string {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Skip("no nginx")
		}
	}
	dir := t.TempDir()
	addr := free(t)
	temp := ""
	for _, n := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += n + "_temp_path " + dir + "/" + n + "; "
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root; "
	}
	file := filepath.Join(dir, "nginx.conf")
	text := user + "daemon off; master_process off; worker_processes 1; pid " + dir + "/pid; error_log " + dir + "/log info; events {} http { access_log off; " +
		temp + http + " server { listen " + addr + "; " + loc + " } }"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd := exec.Command(path, "-p", dir, "-e", dir+"/log", "-c", file)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	for range 200 {
		select {
		case err := <-ended:
			ended <- err
			t.Skipf("nginx: %v %s", err, said.String())
		case <-time.After(10 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr
		}
	}
	t.Skip("nginx does not listen")
	return ""
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestSameChoices has nginx and this server choose peers for the same requests,
// some of which stay on their peers while others come, some peers being dead.
func TestSameChoices(t *testing.T) {
	arrived, release := make(chan bool), make(chan bool)
	peers := make([]string, 5)
	for i := range peers {
		peers[i] = answering(t, func(_ int, r *http.Request, _ string) string {
			if r.URL.Path == "/hold" {
				arrived <- true
				<-release
			}
			if r.URL.Path == "/fail" {
				return "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
			}
			return ok + "Connection: close\r\nContent-Length: 2\r\n\r\nhi"
		}).addr
	}
	dead := free(t)
	names := strings.NewReplacer("P1", peers[0], "P2", peers[1], "P3", peers[2], "P4", peers[3], "P5", peers[4], "DEAD", dead)
	for _, c := range []struct{ name, block string }{
		{"round robin", "server P1; server P2; server P3;"},
		{"weights", "server P1 weight=5; server P2 weight=3; server P3; server P4 weight=10 down; server P5 weight=2;"},
		{"a dead peer", "server P1 weight=3; server DEAD weight=4 fail_timeout=1000; server P2 weight=2;"},
		{"a dead peer that may fail", "server P1 weight=3; server DEAD weight=4 max_fails=3 fail_timeout=1000; server P2 weight=2;"},
		{"backups", "server DEAD fail_timeout=1000; server P1 backup weight=2; server P2 backup;"},
		{"max_conns", "server P1 max_conns=1 weight=3; server P2 max_conns=2; server P3;"},
		{"least_conn", "least_conn; server P1; server P2 weight=2; server P3; server P4 backup;"},
		{"least_conn with a dead peer", "least_conn; server P1 weight=3; server DEAD fail_timeout=1000; server P2;"},
		{"ip_hash", "ip_hash; server P1; server P2 weight=3; server P3; server P4 down;"},
		{"ip_hash with a dead peer", "ip_hash; server P1; server DEAD weight=3 fail_timeout=1000; server P3;"},
		{"hash", "hash $arg_k; server P1; server P2 weight=3; server P3; server P4 down;"},
		{"hash with a dead peer", "hash $arg_k$remote_addr; server P1; server DEAD weight=3 max_fails=2 fail_timeout=1000; server P3;"},
		{"ketama", "hash $arg_k consistent; server P1; server P2 weight=3; server P3; server P4; server P5;"},
		{"ketama with dead peers", "hash $arg_k consistent; server P1; server DEAD weight=3 fail_timeout=1000; server P3 down; server P4; server P5 weight=2;"},
	} {
		t.Run(c.name, func(t *testing.T) {
			http := names.Replace("upstream u { " + c.block + " }")
			const loc = "set_real_ip_from 127.0.0.1; real_ip_header X-Client; add_header X-Chosen \"$upstream_addr $upstream_status\" always; " +
				"location / { proxy_pass http://u; proxy_next_upstream error timeout http_500; }"
			theirs := choices(t, startNginx(t, http, loc), arrived, release)
			ours := choices(t, serve(t, nil, "keepalive_timeout 0; "+http, loc).addr, arrived, release)
			if len(ours) != len(theirs) {
				t.Fatalf("%d requests got no peer at once, nginx %d\n%q\n%q", len(ours), len(theirs), ours, theirs)
			}
			for i := range theirs {
				if ours[i] != theirs[i] {
					t.Errorf("request %d: %s, nginx %s", i, ours[i], theirs[i])
				}
			}
		})
	}
}

// TestSameShares: where chance chooses, peers get the shares of the requests
// that nginx gives them.
func TestSameShares(t *testing.T) {
	arrived, release := make(chan bool, 1), make(chan bool)
	busy := answering(t, func(_ int, r *http.Request, _ string) string {
		if r.URL.Path == "/hold" {
			arrived <- true
			<-release
		}
		return ok + "Content-Length: 2\r\n\r\nhi"
	}).addr
	peers := []string{busy}
	for range 3 {
		peers = append(peers, answering(t, func(int, *http.Request, string) string { return ok + "Content-Length: 2\r\n\r\nhi" }).addr)
	}
	names := strings.NewReplacer("P1", peers[0], "P2", peers[1], "P3", peers[2], "P4", peers[3], "DEAD", free(t))
	const requests = 2000
	for _, c := range []struct{ name, block string }{
		{"random", "random; server P1 weight=5; server P2 weight=3; server P3; server P4 down;"},
		{"random with a dead peer", "random; server P1; server DEAD weight=3 fail_timeout=1000; server P3 weight=2;"},
		{"random two", "random two; server P1 weight=2; server P2; server P3; server P4;"},
		{"random two least_conn", "random two least_conn; server P1 weight=4; server P2 weight=2; server P3; server P4;"},
	} {
		t.Run(c.name, func(t *testing.T) {
			shares := func(addr string) map[string]float64 {
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				held := make(chan bool)
				for on := false; !on; { // a connection stays on the first peer meanwhile
					go func() {
						if a, err := client.Get("http://" + addr + "/hold"); err == nil {
							a.Body.Close()
						}
						held <- true
					}()
					select {
					case <-arrived:
						on = true
					case <-held:
					}
				}
				n := map[string]float64{}
				for range requests {
					a, err := client.Get("http://" + addr + "/")
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, a.Body)
					a.Body.Close()
					all := strings.Split(a.Header.Get("X-Chosen"), ", ")
					n[all[len(all)-1]]++
				}
				release <- true
				<-held
				return n
			}
			block := names.Replace("upstream u { " + c.block + " }")
			const loc = "location / { proxy_pass http://u; add_header X-Chosen $upstream_addr; }"
			theirs := shares(startNginx(t, block, loc))
			ours := shares(serve(t, nil, block, loc).addr)
			for _, p := range peers { // five times the standard deviation of the difference
				if a, b := ours[p], theirs[p]; math.Abs(a-b) > 5*math.Sqrt(max(a+b, 1)) {
					t.Errorf("%s: %.0f of %d requests, nginx %.0f", p, a, requests, b)
				}
			}
		})
	}
}

// choices sends a fixed row of requests and returns what each says of its
// peers.
func choices(t *testing.T, addr string, arrived, release chan bool) (chosen []string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func(i int, path string) string {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://%s%s?k=key%d", addr, path, i*7919), nil)
		r.Header.Set("X-Client", fmt.Sprintf("10.%d.%d.7", i%7, i*37%256))
		if i%5 == 4 {
			r.Header.Set("X-Client", fmt.Sprintf("2001:db8::%x", i*77))
		}
		a, err := client.Do(r)
		if err != nil {
			return err.Error()
		}
		io.Copy(io.Discard, a.Body)
		a.Body.Close()
		return a.Header.Get("X-Chosen")
	}
	held := make(chan string)
	waiting := 0
	let := func() {
		for ; waiting > 0; waiting-- {
			release <- true
			<-held
		}
		time.Sleep(20 * time.Millisecond) // the server ends the exchange behind its answer
	}
	for i := range 60 {
		switch {
		case i%6 == 1:
			go func() { held <- ask(i, "/hold") }()
			select {
			case <-arrived:
				waiting++
			case text := <-held: // it got no peer
				chosen = append(chosen, text)
			}
		case i == 41:
			chosen = append(chosen, ask(i, "/fail"))
		default:
			chosen = append(chosen, ask(i, "/"))
		}
		if i%20 == 19 {
			let()
		}
	}
	let()
	return chosen
}
