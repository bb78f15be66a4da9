package handler

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// limiting is what limit_conn and limit_req have in common: the answer to a
// request over the limit, how loud the log is, and whether it is a rehearsal.
type limiting struct {
	status int
	level  int // in limitLevels
	dryRun bool
}

var (
	limitWords  = []string{"info", "notice", "warn", "error"}
	limitLevels = []phases.Level{phases.LevelInfo, phases.LevelNotice, phases.LevelWarn, phases.LevelError}
)

func defaultLimiting() limiting { return limiting{status: 503, level: len(limitLevels) - 1} }

// limitRows are the directives of a module whose other ones begin with prefix.
func limitRows[T any](prefix string, f func(*T) *limiting) []phases.Directive[T] {
	return []phases.Directive[T]{
		phases.Set(prefix+"_status", inFiles, conf.Exactly(1), func(own *T, _ *phases.Block, s *conf.Stmt) error {
			n, err := s.Number(0)
			if err == nil && (n < 400 || n > 599) {
				err = s.Errorf("value must be between 400 and 599")
			}
			f(own).status = n
			return err
		}),
		phases.SetEnum(prefix+"_log_level", inFiles, func(own *T) *int { return &f(own).level }, limitWords...),
		phases.SetFlag(prefix+"_dry_run", inFiles, func(own *T) *bool { return &f(own).dryRun }),
	}
}

// rehearsal is what the log says of a dry run.
func (l *limiting) rehearsal() string {
	if l.dryRun {
		return ", dry run"
	}
	return ""
}

// verdict is what a request over the limit gets.
func (l *limiting) verdict() phases.Result {
	if l.dryRun {
		return phases.Declined
	}
	return phases.Result(l.status)
}

// limitOutcome is what was decided for a request, once: redirects and
// subrequests are not limited again.
type limitOutcome string

const (
	limitPassed   limitOutcome = "PASSED"
	limitDelayed  limitOutcome = "DELAYED"
	limitRejected limitOutcome = "REJECTED"
)

// rehearsed is the outcome as its variable shows it.
func (l *limiting) rehearsed(o limitOutcome) limitOutcome {
	if l.dryRun {
		o += "_DRY_RUN"
	}
	return o
}

func outcomeVariable(name string, slot *phases.Slot[limitOutcome]) phases.Variable {
	return phases.Variable{Name: name, Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		if o := slot.Get(r.Main); o != nil {
			return append(dst, *o...), true
		}
		return dst, false
	}}
}

// limitZoneMin is the least size of a zone in bytes: eight pages.
const limitZoneMin = 32 << 10

// limitZoneArgs reads KEY zone=NAME:SIZE and gives what else there is to other.
func limitZoneArgs(b *phases.Block, s *conf.Stmt, other func(arg string) error) (key *phases.Template, name string, size int64, err error) {
	if key, err = b.Template(s, s.Args[0]); err != nil {
		return nil, "", 0, err
	}
	for _, a := range s.Args[1:] {
		text, ok := strings.CutPrefix(a, "zone=")
		if !ok {
			if err := other(a); err != nil {
				return nil, "", 0, err
			}
			continue
		}
		var sizeText string
		name, sizeText, ok = strings.Cut(text, ":")
		if size, ok = conf.Size(sizeText); !ok {
			return nil, "", 0, s.Errorf("invalid zone size \"%s\"", a)
		}
		if size < limitZoneMin {
			return nil, "", 0, s.Errorf("zone \"%s\" is too small", a)
		}
	}
	if name == "" {
		return nil, "", 0, s.Errorf("\"%s\" must have \"zone\" parameter", s.Name)
	}
	return key, name, size, nil
}
