package lua

import (
	"crypto/tls"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// sslSessionArea is the module ngx.ssl.session. A serialized session is of
// crypto/tls: other servers cannot read it.
var sslSessionArea = area{open: func(e *engine, ngx *vm.Table) {
	e.module("ngx.ssl.session", []row{
		{"get_session_id", "FO", func(t *vm.Thread, s *state) int {
			t.PushString(s.entry.arg.client.Session.ID)
			return 1
		}},
		{"get_serialized_session", "O", func(t *vm.Thread, s *state) int {
			b, err := s.entry.arg.client.Session.State.Bytes()
			if err != nil {
				return fail(t, "i2d_SSL_SESSION() failed")
			}
			t.PushBytes(b)
			return 1
		}},
		{"set_serialized_session", "F", func(t *vm.Thread, s *state) int {
			state, err := tls.ParseSessionState([]byte(t.CheckString(1)))
			if err != nil {
				return fail(t, "failed to de-serialize session")
			}
			s.entry.arg.client.Session.State = state
			t.PushBool(true)
			return 1
		}},
	})
}}
