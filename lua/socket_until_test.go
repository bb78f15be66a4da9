package lua

import (
	"bytes"
	"testing"
)

// FuzzUntil feeds a pattern's part bytes in pieces: what comes out is what
// comes before the first place of the pattern, and a part is longer than was
// asked for by less than the pattern.
func FuzzUntil(f *testing.F) {
	f.Add([]byte("aab1ab1ab2x"), []byte("ab1ab2"), 3, 2, false)
	f.Add([]byte("----abc"), []byte("--abc"), 1, 1, true)
	f.Add([]byte("aaaaaaab"), []byte("aab"), 2, 1, false)
	f.Fuzz(func(t *testing.T, data, pattern []byte, piece, left int, inclusive bool) {
		if len(pattern) == 0 || piece < 1 || left < 1 {
			return
		}
		want, rest, found := bytes.Cut(data, pattern)
		if inclusive && found {
			want = data[:len(data)-len(rest)]
		}
		got, pos, over := []byte(nil), 0, false
		u := newUntil(string(pattern), inclusive)
		for !over && pos < len(data) {
			p := &part{until: u, left: left}
			out, done := []byte(nil), false
			for at := pos; at < len(data) && !done; {
				var used int
				out, used, done = p.take(out, data[at:min(at+piece, len(data))])
				at += used
				pos = at
			}
			pos -= u.state // as the cosocket puts them back
			u.state = 0
			if len(out) >= left+len(pattern) && !u.over {
				t.Fatalf("part of %d bytes, asked for %d", len(out), left)
			}
			got = append(got, out...)
			if over = u.over; !done {
				break
			}
		}
		if over != found {
			t.Fatalf("found: %v, want %v", over, found)
		}
		if !found { // what looks like the pattern's beginning is left
			got = append(got, data[pos:]...)
		}
		if !bytes.Equal(got, want) || found && !bytes.Equal(data[pos:], rest) {
			t.Fatalf("got %q, rest %q; want %q, rest %q", got, data[pos:], want, rest)
		}
	})
}

func TestLine(t *testing.T) {
	for _, tt := range []struct {
		in, out string
		used    int
		done    bool
	}{
		{"a\r\nb", "a", 3, true}, {"\r\ra\rb\r\n", "ab", 7, true}, {"abc", "abc", 3, false}, {"\n", "", 1, true}, {"\r", "", 1, false},
	} {
		out, used, done := line{}.take(nil, []byte(tt.in))
		if string(out) != tt.out || used != tt.used || done != tt.done {
			t.Errorf("%q: %q %d %v", tt.in, out, used, done)
		}
	}
}
