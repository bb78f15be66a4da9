package phases

import (
	"bytes"
	"testing"
)

// TestFieldText has fields set again and again: each keeps its bytes, and the room that the request
// keeps for them is bounded.
func TestFieldText(t *testing.T) {
	r := &Request{}
	kept := r.FieldText("kept")
	long := r.FieldText(string(bytes.Repeat([]byte("x"), keptText)))
	for range 10 * keptText {
		r.SetField("X-A", r.FieldText("a value"))
	}
	if len(r.Fields) != 1 || string(r.Field("x-a")) != "a value" || string(kept) != "kept" || len(long) != keptText {
		t.Errorf("%q, %q, %d bytes", r.Fields, kept, len(long))
	}
	if len(r.text) > keptText || cap(r.text) > 2*keptText {
		t.Errorf("%d bytes are kept, of %d", len(r.text), cap(r.text))
	}
}
