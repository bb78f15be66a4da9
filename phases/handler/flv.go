package handler

import (
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// FLV answers with Flash video files from the byte on that the argument
// "start" names.
var FLV = phases.Define(phases.Spec[struct{}]{
	Name: "flv",
	Directives: []phases.Directive[struct{}]{
		phases.Set("flv", conf.Location, conf.Exactly(0), func(_ *struct{}, b *phases.Block, s *conf.Stmt) error { return b.UseContent(s) }),
	},
	Content: flv,
})

// flvHeader begins every file: the signature, version 1, sound and pictures,
// its own length and the size of the tag before the first.
const flvHeader = "FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"

func flv(r *phases.Request, _ *struct{}) phases.Result {
	if r.Method != "GET" && r.Method != "HEAD" {
		return notAllowed(r)
	}
	text, _ := r.Arg("start")
	start, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || start <= 0 || strings.HasPrefix(string(text), "+") {
		return static(r, nil)
	}
	if r.URI[len(r.URI)-1] == '/' {
		return phases.Declined
	}
	files := cacheOf(r)
	file, res := openStatic(r, files)
	if file == nil {
		return res
	}
	defer files.done(file)
	if err := r.DiscardBody(); err != nil {
		return r.Result(err)
	}
	if start >= file.size {
		return r.SendFile(file.f, file.size, file.time, file.etag)
	}
	size := file.size - start
	o := &r.Out
	o.Status, o.ContentLength, o.LastModified, o.AllowRanges = 200, int64(len(flvHeader))+size, file.time, true
	if r.Loc.Core.ETag {
		o.Set("ETag", file.etag)
	}
	r.SetContentType()
	if err := r.SendHeader(); err != nil {
		return r.Result(err)
	}
	if o.NoBody {
		return r.Finish()
	}
	err = r.Send(phases.Chunk{Bytes: []byte(flvHeader)})
	if err == nil {
		err = r.Send(phases.Chunk{File: file.f, Off: start, Size: size, Last: r.IsMain(), End: true})
	}
	if err != nil {
		return r.Result(err)
	}
	return phases.Done
}
