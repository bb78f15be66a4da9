package phases

import "os"

// Chunk is one piece of a response body: bytes, or a range of a file, and
// what to do after it. A chunk without data carries only its flags.
type Chunk struct {
	// Bytes is valid only until the call that passes it returns; a filter
	// that keeps it copies it.
	Bytes []byte
	// File, when not nil, takes the place of Bytes: Size bytes from Off.
	// It stays open and unchanged until the call returns.
	File      *os.File
	Off, Size int64
	// Flush asks every filter and the stream to let go of what they hold.
	Flush bool
	// Last: the response of the main request ends here.
	Last bool
	// End: the response of this request, maybe a subrequest, ends here. The
	// main request's last chunk has both.
	End bool
}

// Len is how many bytes of body the chunk holds.
func (c Chunk) Len() int64 {
	if c.File != nil {
		return c.Size
	}
	return int64(len(c.Bytes))
}

// Load returns the chunk with its file range read into memory, for filters
// that need bytes. The caller has bounded Size.
func (c Chunk) Load() (Chunk, error) {
	if c.File == nil {
		return c, nil
	}
	b := make([]byte, c.Size)
	if _, err := c.File.ReadAt(b, c.Off); err != nil {
		return c, err
	}
	c.Bytes, c.File, c.Off, c.Size = b, nil, 0, 0
	return c, nil
}
