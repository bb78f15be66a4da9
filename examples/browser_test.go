package examples

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// tab is one of a browser, spoken to by the Chrome DevTools Protocol.
type tab struct {
	*websocket
	id int
}

func openTab(t *testing.T, address, page string) *tab {
	t.Helper()
	req, _ := http.NewRequest("PUT", "http://"+address+"/json/new?"+url.QueryEscape(page), nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	var target struct{ WebSocketDebuggerURL string }
	if err := json.Unmarshal(b, &target); err != nil {
		t.Fatal(err, string(b))
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(target.WebSocketDebuggerURL, "ws://"), "/")
	return &tab{open(t, address, "/"+path), 0}
}

// call asks for something of the protocol and gives the result.
func (c *tab) call(method string, params map[string]any) json.RawMessage {
	c.t.Helper()
	c.id++
	b, _ := json.Marshal(map[string]any{"id": c.id, "method": method, "params": params})
	c.send(1, string(b))
	for {
		_, data, err := c.receive()
		if err != nil {
			c.t.Fatal(err)
		}
		var answer struct {
			ID     int
			Result json.RawMessage
		}
		if json.Unmarshal([]byte(data), &answer) == nil && answer.ID == c.id {
			return answer.Result
		}
	}
}

func (c *tab) eval(script string) string {
	c.t.Helper()
	var r struct{ Result struct{ Value any } }
	json.Unmarshal(c.call("Runtime.evaluate", map[string]any{"expression": script}), &r)
	return fmt.Sprint(r.Result.Value)
}

func (c *tab) shows(text string) {
	c.t.Helper()
	eventually(c.t, text, func() bool {
		return strings.Contains(c.eval(`document.getElementById("log").innerText`), text)
	})
}

func (c *tab) say(text string) {
	c.eval(fmt.Sprintf(`document.getElementById("text").value = %q; document.querySelector("button").click()`, text))
}

// TestChatBrowser has two tabs of a real browser chat: LUAHTTPD_BROWSER names Chromium, and
// LUAHTTPD_SCREENSHOT where a picture of the second tab is to go.
func TestChatBrowser(t *testing.T) {
	browser := os.Getenv("LUAHTTPD_BROWSER")
	if browser == "" {
		t.Skip("LUAHTTPD_BROWSER does not name a Chromium")
	}
	e := start(t, "chat", nil)
	profile := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--user-data-dir="+profile, "about:blank")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		cmd.Wait()
		time.Sleep(200 * time.Millisecond) // its children leave the profile
	})
	address := ""
	eventually(t, "the browser", func() bool {
		b, err := os.ReadFile(profile + "/DevToolsActivePort")
		port, _, ok := strings.Cut(string(b), "\n")
		address = "127.0.0.1:" + port
		return err == nil && ok
	})
	page := "http://" + e.Addr().String() + "/?room=tea&name="
	ann, bob := openTab(t, address, page+"Ann"), openTab(t, address, page+"Bob")
	ann.shows("Ann joins")
	bob.shows("Bob joins")
	bob.say("hello <b>there</b>")
	ann.shows("Bob: hello <b>there</b>")
	ann.say("grüß dich")
	bob.shows("Ann: grüß dich")
	bob.shows("Bob: hello <b>there</b>")
	e.crash("room tea") // the pages come again by themselves
	for _, c := range []*tab{ann, bob} {
		c.shows("connecting")
	}
	eventually(t, "a new room", func() bool {
		ann.say("still here?")
		return strings.Contains(bob.eval(`document.getElementById("log").innerText`), "Ann: still here?")
	})
	if path := os.Getenv("LUAHTTPD_SCREENSHOT"); path != "" {
		var shot struct{ Data string }
		json.Unmarshal(bob.call("Page.captureScreenshot", nil), &shot)
		png, err := base64.StdEncoding.DecodeString(shot.Data)
		if err == nil {
			err = os.WriteFile(path, png, 0o644)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
