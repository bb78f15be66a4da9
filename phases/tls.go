package phases

import "crypto/tls"

// TLSState is what is known of a client's TLS connection.
type TLSState struct {
	tls.ConnectionState
	// Verify is $ssl_client_verify: SUCCESS, NONE or FAILED:reason.
	Verify string
	// VerifyError is the reason why the client's certificate was refused.
	VerifyError error
	// SessionID is the number of the session, in hexadecimal; "" if there is none.
	SessionID string
	// Ciphers and Curves are what the client offered, in its order.
	Ciphers []uint16
	Curves  []tls.CurveID
	// Kept is Handshake.Kept.
	Kept any
}
