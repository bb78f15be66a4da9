package luahttpd

import (
	"github.com/luahttpd/luahttpd/filter"
	"github.com/luahttpd/luahttpd/lua"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/console"
	"github.com/luahttpd/luahttpd/phases/handler"
	"github.com/luahttpd/luahttpd/upstream"
)

// modules is the whole server, in order.
//
// The handlers of one phase are asked from top to bottom. A response passes
// the filters from bottom to top: those below Postpone see every request, also
// subrequests, those above it only what goes to the client. A module feels the
// effect of those before it on its path and must not care what they are.
func modules() []phases.Module {
	return []phases.Module{
		phases.CoreModule,
		phases.ProcessModule,
		phases.SSLModule,

		filter.Ranges,
		filter.Gzip,
		filter.Zstd,
		filter.Brotli,
		phases.Postpone,
		filter.SSI,

		handler.Map,
		handler.Geo,
		handler.SplitClients,
		handler.Referer,
		handler.SecureLink,
		handler.RealIP,
		handler.Rewrite,
		handler.SetMisc,
		handler.LimitReq,
		handler.LimitConn,
		handler.Access,
		handler.AuthBasic,
		handler.AuthRequest,
		handler.TryFiles,
		handler.Mirror,
		handler.RandomIndex,
		handler.Index,
		handler.AutoIndex,
		handler.DAV,
		filter.BrotliStatic,
		filter.ZstdStatic,
		filter.GzipStatic,
		handler.Static,
		handler.FLV,
		handler.EmptyGIF,
		handler.StubStatus,
		console.Console,
		console.Metrics,
		handler.AccessLog,

		upstream.Module,
		upstream.KeepaliveModule,
		upstream.LeastConn,
		upstream.IPHash,
		upstream.Hash,
		upstream.Random,
		upstream.EWMA,
		upstream.HealthCheck,
		upstream.Proxy,
		upstream.FastCGI,
		upstream.SCGI,
		upstream.UWSGI,
		upstream.Memcached,

		filter.Charset,
		filter.SubFilter,
		filter.Addition,
		filter.Gunzip,
		filter.UserID,
		filter.Headers,
		handler.Echo,
		filter.HeadersMoreInput,
		lua.Module,
		filter.HeadersMore,
		filter.NotModified,
		filter.Slice,
	}
}
