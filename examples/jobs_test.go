package examples

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func (e *example) put(path, body string) (int, string) {
	e.t.Helper()
	req, _ := http.NewRequest("PUT", "http://"+e.Addr().String()+path, strings.NewReader(body))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestJobs(t *testing.T) {
	e := start(t, "jobs", nil, "delay=0.5", "delay=0.02")
	type job struct {
		State, Error string
		Tries        int
	}
	state := func(id string) (j job) {
		t.Helper()
		status, body := e.ask("GET", "/jobs/"+id)
		if err := json.Unmarshal([]byte(body), &j); err != nil || status != 200 {
			t.Errorf("%s: %d %q", id, status, body)
		}
		return j
	}
	for i := range 10 {
		if status, body := e.put(fmt.Sprintf("/jobs/%d", i), fmt.Sprintf(`{"to":"u%d"}`, i)); status != 200 || !strings.Contains(body, `"state":"`) {
			t.Errorf("%d %q", status, body)
		}
	}
	e.put("/jobs/twice", `{"to":"ann","fail":2}`)
	e.put("/jobs/twice", `{"to":"nobody","fail":9}`) // it is there
	e.put("/jobs/never", `{"to":"bob","fail":99}`)
	for i := range 10 {
		eventually(t, "a job's end", func() bool { return state(fmt.Sprint(i)) == job{"done", "", 1} })
	}
	eventually(t, "a third try", func() bool { return state("twice") == job{"done", "", 3} })
	eventually(t, "a last try", func() bool { return state("never") == job{"failed", "no mail to bob today", 5} })
	e.put("/jobs/never", `{"to":"bob"}`)
	if got := state("never"); got.State != "failed" {
		t.Errorf("%+v", got)
	}
	// What an end of the queue interrupts is done by its successor, once.
	e.put("/jobs/more", `{"to":"carl","fail":1}`)
	eventually(t, "a run", func() bool { return state("more").State == "running" })
	e.crash("jobs")
	eventually(t, "its end", func() bool {
		status, body := e.ask("GET", "/jobs/more")
		return status == 200 && strings.Contains(body, `"state":"done"`)
	})
	if got := state("0"); got.Tries != 1 {
		t.Errorf("%+v", got)
	}
	e.want("GET", "/jobs/none", 404, "\"no such job\"\n")
	if status, _ := e.put("/jobs/bad", "{"); status != 400 {
		t.Errorf("%d", status)
	}
	var ids []string
	_, body := e.ask("GET", "/jobs")
	if json.Unmarshal([]byte(body), &ids); len(ids) != 13 {
		t.Errorf("%q", body)
	}
}
