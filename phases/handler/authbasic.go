package handler

import (
	"bufio"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// AuthBasicConf is auth_basic and auth_basic_user_file.
type AuthBasicConf struct {
	realm *phases.Template // nil or "off": everybody is allowed
	users *phases.Template
}

const inAuth = conf.HTTP | conf.Server | conf.Location | conf.LimitExcept

// AuthBasic asks for a user and a password (RFC 7617).
var AuthBasic = phases.Define(phases.Spec[AuthBasicConf]{
	Name: "auth_basic",
	Directives: []phases.Directive[AuthBasicConf]{
		phases.SetTemplate("auth_basic", inAuth, func(c *AuthBasicConf) **phases.Template { return &c.realm }),
		phases.SetTemplate("auth_basic_user_file", inAuth, func(c *AuthBasicConf) **phases.Template { return &c.users }),
	},
	Active:   func(own *AuthBasicConf) bool { return own.realm != nil && own.users != nil },
	Handlers: []phases.Hook[AuthBasicConf]{phases.At(phases.Access, authBasic)},
})

func authBasic(r *phases.Request, own *AuthBasicConf) phases.Result {
	realm := own.realm.String(r)
	if realm == "off" {
		return phases.Declined
	}
	user, password, ok := r.BasicAuth()
	if !ok || user == "" {
		r.Errorf(phases.LevelInfo, "no user/password was provided for basic authentication")
		return askPassword(r, realm)
	}
	path := r.Config.ConfPath(own.users.String(r))
	stored, found, err := passwordOf(path, user)
	switch {
	case err != nil && phases.NoSuchFile(err):
		r.Errorf(phases.LevelError, "%s", phases.OpenError(err))
		return 403
	case err != nil:
		r.Errorf(phases.LevelCrit, "%s", phases.OpenError(err))
		return 500
	case !found:
		r.Errorf(phases.LevelError, "user \"%s\" was not found in \"%s\"", user, path)
		return askPassword(r, realm)
	}
	match, slow := cryptScheme(stored)
	good := false
	switch {
	case match == nil:
		r.Errorf(phases.LevelError, "the password of user \"%s\" in \"%s\" is stored in a form that is not known", user, path)
		return 500
	case slow:
		r.Worker.Offload(func() { good = match(password, stored) })
	default:
		good = match(password, stored)
	}
	if !good {
		r.Errorf(phases.LevelError, "user \"%s\": password mismatch", user)
		return askPassword(r, realm)
	}
	return phases.Next
}

func askPassword(r *phases.Request, realm string) phases.Result {
	r.Out.Set("WWW-Authenticate", "Basic realm=\""+realm+"\"")
	return 401
}

// passwordOf looks for a user's line, "name:password[:comment]".
func passwordOf(path, user string) (password string, found bool, err error) {
	f, _, err := phases.OpenFile(path)
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, rest, ok := strings.Cut(lines.Text(), ":")
		if ok && name == user && !strings.HasPrefix(name, "#") {
			password, _, _ = strings.Cut(strings.TrimRight(rest, "\r"), ":")
			return password, true, nil
		}
	}
	return "", false, lines.Err()
}
