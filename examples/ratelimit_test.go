package examples

import (
	"net/http"
	"testing"
	"time"
)

func TestRateLimit(t *testing.T) {
	e := start(t, "ratelimit", nil)
	burst := func() (passed, refused int) {
		for range 20 {
			switch status, _ := e.ask("GET", "/"); status {
			case 200:
				passed++
			case 429:
				refused++
			}
		}
		return
	}
	if passed, refused := burst(); passed < 10 || passed > 12 || passed+refused != 20 {
		t.Errorf("%d passed, %d were refused", passed, refused)
	}
	resp, err := http.Get("http://" + e.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%d, Retry-After: %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	time.Sleep(250 * time.Millisecond) // a token's time
	e.want("GET", "/", 200, "hello\n")
	e.crash("limiter") // its successor has new buckets, and what comes meanwhile passes
	if passed, refused := burst(); passed < 10 || passed > 14 || passed+refused != 20 {
		t.Errorf("after a restart %d passed, %d were refused", passed, refused)
	}
}
