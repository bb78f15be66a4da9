package examples

import (
	"net/http"
	"testing"
	"time"
)

func TestRateLimit(t *testing.T) {
	e := start(t, "ratelimit", nil)
	burst := func() (passed, refused, most int) {
		begin := time.Now()
		for range 20 {
			switch status, _ := e.ask("GET", "/"); status {
			case 200:
				passed++
			case 429:
				refused++
			}
		}
		return passed, refused, 11 + int(5*time.Since(begin).Seconds()) // with the tokens of this time
	}
	if passed, refused, most := burst(); passed < 10 || passed > most || passed+refused != 20 {
		t.Errorf("%d of at most %d passed, %d were refused", passed, most, refused)
	}
	eventually(t, "a refusal", func() bool {
		resp, err := http.Get("http://" + e.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "1"
	})
	time.Sleep(250 * time.Millisecond) // a token's time
	e.want("GET", "/", 200, "hello\n")
	e.crash("limiter") // its successor has new buckets, and what comes meanwhile passes
	if passed, refused, _ := burst(); passed < 10 || passed+refused != 20 {
		t.Errorf("after a restart %d passed, %d were refused", passed, refused)
	}
}
