package upstream_test

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSameAnswers sends the same requests through the installed nginx and
// through this server, to a peer that answers what the request's X-Answer says,
// or with the request itself. Clients of both must see the same.
func TestSameAnswers(t *testing.T) {
	p := answering(t, func(_ int, r *http.Request, body string) string {
		a := r.Header.Get("X-Answer")
		if a == "" {
			var head strings.Builder
			r.Header.Write(&head)
			a = answerOf("", r.Method+" "+r.RequestURI+" "+r.Host+"|"+head.String()+body)
		}
		return strings.NewReplacer("|", "\r\n", "PEER", r.Host).Replace(a)
	})
	dead := free(t)
	const location = "location / { proxy_pass http://PEER; } "
	cookies := func(all ...string) string {
		return "GET / X-Answer: " + answerOf("Set-Cookie: "+strings.Join(all, "|Set-Cookie: ")+"|", "")
	}
	moved := func(path, to string) string {
		return "GET " + path + " X-Answer: HTTP/1.1 302 Found|Location: " + to + "|Content-Length: 0||"
	}
	status := func(path, line string) string {
		return "GET " + path + " X-Answer: HTTP/1.1 " + line + "|WWW-Authenticate: Basic realm=q|X-K: 1|Content-Length: 2||zz"
	}
	for _, c := range []struct {
		name, http, loc string
		requests        []string // "METHOD uri [Name: value [~ Name: value]]"
	}{
		{"URIs", "", "location /a/ { proxy_pass http://PEER/b/; } location /c { proxy_pass http://PEER/d; } location = /e { proxy_pass http://PEER/f?x=1; } " +
			"location /n { proxy_pass http://PEER; } location /rw/ { rewrite ^/rw/(.*) /new/$1?a=b break; proxy_pass http://PEER; } " +
			"location /v/ { set $q /z; proxy_pass http://PEER$q$is_args$args; } location ~ ^/re/(.*)$ { proxy_pass http://PEER/$1?k=$arg_k; }",
			[]string{"GET /a/x%20y?q=1", "GET /a/../a/z", "GET /ce", "GET /e?b=2", "GET /n%2f/../n/x?y", "GET /n//b", "GET /rw/x%20?c", "GET /v/?c=d", "GET /v/", "GET /re/ab?k=v&z=1"}},
		{"fields of requests", "proxy_set_header X-H http;", "proxy_set_header A \"$host:$http_x\"; proxy_set_header Empty \"\"; proxy_set_header X-Y \"\"; " + location +
			"location /h { proxy_set_header Host foo; proxy_pass http://PEER; } location /b { proxy_pass http://PEER; proxy_set_body \"x=$arg_a\"; } ",
			[]string{"GET / X: 1 ~ X-Y: 2 ~ TE: trailers ~ Keep-Alive: 3 ~ Upgrade: h2c", "GET /h", "POST /b?a=1 Content-Length: 0"}},
		{"Location", "", "location /a/ { proxy_pass http://PEER/b/; } location /n/ { proxy_pass http://PEER/n/; proxy_redirect off; } location /rel { proxy_pass http://PEER; } " +
			"location /r/ { proxy_pass http://PEER; proxy_redirect http://x.y/(z) /q; proxy_redirect ~^http://([^/]+)/re(.*) /w/$1$2; proxy_redirect ~*^HTTP://ci/ http://$host/; }",
			[]string{moved("/a/1", "http://PEER/b/c"), moved("/a/1", "http://127.0.0.1/b/c"), moved("/n/1", "http://PEER/n/c"), moved("/r/", "http://x.y/(z)k"),
				moved("/r/", "http://h/re/1?2"), moved("/r/", "http://CI/1"), moved("/rel", "/abc"), moved("/rel", "rel"), moved("/a/", "/b/x")}},
		{"Set-Cookie", "", "location / { proxy_pass http://PEER; proxy_cookie_domain a.com b.com; proxy_cookie_domain ~\\.?c\\.org $host; proxy_cookie_path /x /y; " +
			"proxy_cookie_path ~^/p(.*) /q$1; proxy_cookie_flags one secure samesite=strict; proxy_cookie_flags ~t.o httponly nosecure; }",
			[]string{cookies("one=1; domain=a.com; path=/x/1"), cookies("two=2; Domain=.c.org; Path=/p2; Secure"), cookies("one=3", "two=; HttpOnly"), cookies("x=4; path=/x; domain=.A.com"),
				cookies("a;b;c"), cookies("one=5; path=\"/x\"")}},
		{"X-Accel-Redirect", "", location + "location /int/ { internal; add_header X-I 1; return 200 internal:$uri?$args; } location @n { return 200 named:$uri; }",
			[]string{"GET / X-Answer: " + answerOf("X-Accel-Redirect: /int/x%20y?z|Content-Type: a/b|Set-Cookie: q=1|X-Z: 1|Cache-Control: max-age=3|", "up"),
				"GET / X-Answer: " + answerOf("X-Accel-Redirect: @n|", "up"), "GET / X-Answer: " + answerOf("X-Accel-Redirect: /int/../a|", "up"),
				"GET / X-Answer: " + answerOf("X-Accel-Redirect: |", "up"), "POST / Content-Length: 0 ~ X-Answer: " + answerOf("X-Accel-Redirect: /int/x|", "up")}},
		{"error pages", "error_page 404 /nf; error_page 502 503 =200 /page; error_page 401 =403 @x;", "proxy_intercept_errors on; " + location +
			"location @x { return 403 \"x $upstream_status\\n\"; } location /off { proxy_intercept_errors off; proxy_pass http://PEER; } " +
			"location /nf { return 200 \"nf $status $upstream_status\\n\"; } location /dead { proxy_pass http://" + dead + "; }",
			[]string{status("/", "404 X"), status("/", "502 X"), status("/", "500 X"), status("/", "401 X"), status("/off", "404 X"), status("/", "299 X"), "GET /dead"}},
		{"an address to bind to", "", "location / { proxy_bind $arg_b; proxy_pass http://PEER; }", []string{"GET /?b=127.0.0.7", "GET /", "GET /?b=junk"}},
		{"tries", "upstream u { server " + dead + " max_fails=0; server PEER; keepalive 2; }", "location / { add_header X-U $upstream_status always; proxy_pass http://u; } " +
			"location /one { add_header X-U $upstream_status always; proxy_next_upstream_tries 1; proxy_pass http://u; }",
			[]string{"GET /", "GET /", "GET /one", "GET /one", "GET /", "GET /one", "GET /one"}},
		{"auth_request", "", "location / { auth_request /auth; auth_request_set $u $upstream_http_x_user; proxy_pass http://PEER; proxy_set_header X-User $u; add_header X-S $u; } " +
			"location = /auth { internal; proxy_pass http://PEER/check; proxy_pass_request_body off; proxy_set_header Content-Length \"\"; proxy_set_header X-Orig $request_uri; }",
			[]string{"GET /p X-Answer: " + answerOf("X-User: bob|", "hi"), status("/p", "401 U"), status("/p", "403 F"), status("/p", "500 F"), moved("/p", "/x")}},
		{"sub_filter", "", "sub_filter hello bye; sub_filter_types text/plain; " + location + "location /m { sub_filter a b; sub_filter BC \"$arg_x\"; sub_filter_once off; proxy_pass http://PEER; }",
			[]string{"GET / X-Answer: " + answerOf("Content-Type: text/html|ETag: \"x\"|", "say Hello hello"), "GET /m?x=zz X-Answer: " + answerOf("Content-Type: text/html; charset=x|", "aAbcbbcabc"),
				"GET / X-Answer: " + answerOf("Content-Type: image/png|", "hello"), "HEAD / X-Answer: " + answerOf("Content-Type: text/html|", "")}},
		{"charset", "charset_map windows-1251 utf-8 { E0 D0B0; C0 D090; }", "charset utf-8; source_charset windows-1251; charset_types text/plain; " + location,
			[]string{"GET / X-Answer: " + answerOf("Content-Type: text/plain|", "x\xe0\xc0\xff"), "GET / X-Answer: " + answerOf("Content-Type: text/html; charset=koi8-r|", "x\xe0")}},
		{"conditions and ranges of a cache", "proxy_cache_path cache keys_zone=z:1m;", "proxy_cache z; proxy_cache_key $uri; add_header X-C $upstream_cache_status; " + location,
			[]string{"GET /1 X-Answer: " + answerOf("Cache-Control: max-age=99|ETag: \"x\"|Last-Modified: Mon, 28 Sep 1970 06:00:00 GMT|Age: 3|", "0123456789"),
				"GET /1 If-None-Match: \"x\"", "GET /1 If-None-Match: \"y\"", "GET /1 If-Modified-Since: Mon, 28 Sep 1970 06:00:00 GMT", "GET /1 Range: bytes=1-2", "GET /1 Range: bytes=9-",
				"GET /1 Range: bytes=10-", "GET /1 Range: bytes=1-2 ~ If-Range: \"x\"", "GET /1 Range: bytes=1-2 ~ If-Range: \"y\"", "HEAD /1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := strings.NewReplacer("PEER", p.addr)
			http, loc := names.Replace(c.http), names.Replace("proxy_set_header Connection \"\"; "+c.loc)
			theirs, ours := startNginx(t, "proxy_http_version 1.1; "+http, loc), serve(t, nil, http, loc).addr
			for _, r := range c.requests {
				if want, got := answerTo(t, theirs, r), answerTo(t, ours, r); got != want {
					t.Errorf("%s\n got %s\nwant %s", r, got, want)
				}
			}
		})
	}
}

// answerOf is an answer with "|" for line breaks.
func answerOf(fields, body string) string {
	return "HTTP/1.1 200 OK|" + fields + "Content-Length: " + strconv.Itoa(len(body)+strings.Count(body, "|")) + "||" + body
}

// answerTo sends a request and returns the answer without what differs between
// servers: the order of the fields, the date, the name in built-in pages.
func answerTo(t *testing.T, addr, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	port := addr[strings.LastIndexByte(addr, ':'):]
	method, rest, _ := strings.Cut(request, " ")
	uri, fields, _ := strings.Cut(rest, " ")
	if fields != "" {
		fields = strings.ReplaceAll(fields, " ~ ", "\r\n") + "\r\n"
	}
	io.WriteString(c, method+" "+uri+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+fields+"\r\n")
	b, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	head, body, _ := strings.Cut(strings.ReplaceAll(string(b), port, ":PORT"), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	page := builtIn.MatchString(body)
	lines = slices.DeleteFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "Server:") || strings.HasPrefix(l, "Date:") || page && strings.HasPrefix(l, "Content-Length:")
	})
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n") + "\n\n" + builtIn.ReplaceAllString(body, "")
}

var builtIn = regexp.MustCompile(`<hr><center>.*</center>`)
