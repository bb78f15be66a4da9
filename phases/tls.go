package phases

import "crypto/tls"

// TLSState is what is known of a client's TLS connection.
type TLSState struct {
	tls.ConnectionState
	// Verify is $ssl_client_verify: SUCCESS, NONE or FAILED:reason.
	Verify string
	// VerifyError is the reason why the client's certificate was refused.
	VerifyError error
	// Kept is Handshake.Kept.
	Kept any
}
