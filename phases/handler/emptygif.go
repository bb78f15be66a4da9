package handler

import (
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// EmptyGIF answers with a transparent picture of one pixel.
var EmptyGIF = phases.Define(phases.Spec[struct{}]{
	Name: "empty_gif",
	Directives: []phases.Directive[struct{}]{
		phases.Set("empty_gif", conf.Location, conf.Exactly(0), func(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
			return b.UseContent(s)
		}),
	},
	Content: func(r *phases.Request, _ *struct{}) phases.Result {
		if r.Method != "GET" && r.Method != "HEAD" {
			return 405
		}
		if err := r.DiscardBody(); err != nil {
			return r.Result(err)
		}
		r.Out.Status, r.Out.ContentType = 200, "image/gif"
		r.Out.LastModified = time.Unix(23349600, 0)
		return r.SendBytes([]byte(onePixel))
	},
})

const onePixel = "GIF89a" + "\x01\x00\x01\x00\x80\x01\x00" + // 1x1, two colours
	"\x00\x00\x00\xff\xff\xff" + // black, white
	"\x21\xf9\x04\x01\x00\x00\x01\x00" + // colour 1 is transparent
	"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00" + // the picture
	"\x02\x02\x4c\x01\x00" + "\x3b"
