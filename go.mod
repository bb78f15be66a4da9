module github.com/luahttpd/luahttpd

go 1.26.0

require (
	github.com/dlclark/regexp2/v2 v2.12.0
	github.com/klauspost/compress v1.20.3
	github.com/molecule-man/go-brrr v1.3.0
	github.com/valyala/fasthttp v1.77.0
	github.com/yuin/gopher-lua v1.1.2
	golang.org/x/crypto v0.58.0
	golang.org/x/net v0.62.0
	golang.org/x/sys v0.49.0
	layeh.com/gopher-luar v1.0.11
)

require (
	github.com/valyala/bytebufferpool v1.0.0 // indirect
)
