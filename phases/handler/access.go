package handler

import (
	"net/netip"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// AccessConf is the list of allow and deny; the first that matches decides.
type AccessConf struct{ rules conf.List[accessRule] }

type accessRule struct {
	deny      bool
	all, unix bool
	prefix    netip.Prefix
}

const inAccess = conf.HTTP | conf.Server | conf.Location | conf.LimitExcept

// Access allows and denies by the client's address.
var Access = phases.Define(phases.Spec[AccessConf]{
	Name: "access",
	Directives: []phases.Directive[AccessConf]{
		phases.Add("allow", inAccess, conf.Exactly(1), addAccess),
		phases.Add("deny", inAccess, conf.Exactly(1), addAccess),
	},
	Active:   func(own *AccessConf) bool { return len(own.rules.Items) > 0 },
	Handlers: []phases.Hook[AccessConf]{phases.At(phases.Access, checkAccess)},
})

func addAccess(own *AccessConf, b *phases.Block, s *conf.Stmt) error {
	rule := accessRule{deny: s.Name == "deny"}
	switch s.Args[0] {
	case "all":
		rule.all = true
	case "unix:":
		rule.unix = true
	default:
		p, exact, ok := phases.ParseCIDR(s.Args[0])
		if !ok {
			return s.Errorf("invalid parameter \"%s\"", s.Args[0])
		}
		if !exact {
			b.Config.Warn(s, "low address bits of %s are meaningless", s.Args[0])
		}
		rule.prefix = p
	}
	own.rules.Add(s, rule)
	return nil
}

func checkAccess(r *phases.Request, own *AccessConf) phases.Result {
	addr := r.Client.Addr.Addr().Unmap()
	for _, rule := range own.rules.Items {
		if !rule.all && !(rule.unix && !addr.IsValid()) && !rule.prefix.Contains(addr) {
			continue
		}
		if !rule.deny {
			return phases.Next
		}
		if r.Loc.Core.Satisfy == phases.SatisfyAll {
			r.Errorf(phases.LevelError, "access forbidden by rule")
		}
		return 403
	}
	return phases.Declined
}
