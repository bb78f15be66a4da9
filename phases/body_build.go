package phases

// BodyBuilder makes a body for a request piece by piece, in memory up to its
// limit and then in a temporary file.
type BodyBuilder struct {
	r     *Request
	limit int64
}

// BuildBody replaces the request's body by an empty one that the builder adds
// to. limit is how many bytes stay in memory; -1: client_body_buffer_size.
func (r *Request) BuildBody(limit int64) *BodyBuilder {
	if limit < 0 {
		limit = r.Loc.Core.BodyBufferSize
	}
	r.SetBody(nil)
	return &BodyBuilder{r, limit}
}

// Write appends p, which it copies.
func (w *BodyBuilder) Write(p []byte) (int, error) {
	b := &w.r.Body
	if b.File == nil {
		b.Data = append(b.Data, p...)
		b.Size = int64(len(b.Data))
		if b.Size <= w.limit {
			return len(p), nil
		}
		p, b.Data = b.Data, nil
		b.Size = 0
		if err := w.r.spill(w.r.Loc.Core); err != nil {
			return 0, err
		}
	}
	n, err := b.File.Write(p)
	b.Size += int64(n)
	return n, err
}

// Finish makes what was written the request's body.
func (w *BodyBuilder) Finish() { w.r.ContentLength, w.r.Chunked = w.r.Body.Size, false }
