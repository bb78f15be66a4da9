// Package http1 reads and writes HTTP/1 messages as bytes, strictly.
//
// Heads ([ParseRequest], [ParseResponse]) and chunked bodies ([ChunkedDecoder]) are parsed
// from a caller's buffer into slices of that buffer: nothing is copied and nothing is
// allocated on the way to a good result. The slices live as long as the buffer's bytes do.
// There is no I/O here, and no state but the caller's structs.
//
// What two parsers could read differently is refused, never repaired: see RFC 9112 section
// 11.2 for what happens otherwise. Errors carry the status to answer and nginx's log words.
package http1
