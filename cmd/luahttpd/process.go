package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd"
	"github.com/luahttpd/luahttpd/phases"
)

// daemonEnv names the descriptor on which the daemon tells the command that
// started it that it serves.
const daemonEnv = "LUAHTTPD_READY"

// serveProcess runs the server as the process: in the background if the
// configuration says so, until a signal ends it.
func serveProcess(srv *luahttpd.Server) int {
	p := srv.Config().Process
	ready := os.Getenv(daemonEnv)
	if p.Daemon && ready == "" {
		return detach()
	}
	os.Unsetenv(daemonEnv)
	if err := prepare(srv, p); err != nil {
		return emerg(err)
	}
	go handleSignals(srv, catchSignals())
	if err := srv.Listen(); err != nil {
		log(srv, phases.LevelEmerg, err.Error())
		return emerg(err)
	}
	// It stands before the first answer, and only after the address was free:
	// a second server does not touch the file of the first.
	pid := srv.Path(p.Pid)
	if err := writePid(pid); err != nil {
		srv.Close()
		return emerg(err)
	}
	defer os.Remove(pid)
	giveProcessors(srv.Config().Process.Workers)
	if err := srv.Start(); err != nil {
		log(srv, phases.LevelEmerg, err.Error())
		return emerg(err)
	}
	if err := dropPrivileges(p); err != nil {
		srv.Close()
		return emerg(err)
	}
	log(srv, phases.LevelNotice, "using the \"epoll\" event method")
	log(srv, phases.LevelNotice, versionText())
	log(srv, phases.LevelNotice, "start worker processes")
	if ready != "" {
		if err := tellReady(ready, srv.Config().Logs.UsesStderr()); err != nil {
			return emerg(err)
		}
	}
	done := make(chan struct{})
	go releaseMemory(srv, done)
	err := srv.Wait()
	close(done)
	if err != nil && !errors.Is(err, luahttpd.ErrClosed) {
		return emerg(err)
	}
	return 0
}

func log(srv *luahttpd.Server, level phases.Level, text string) {
	srv.Config().MainLog.Log(level, 0, text)
}

// logEmerg writes what kept the server from starting to the error log too.
func logEmerg(prefix, path string, err error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(prefix, path)
	}
	if f, ferr := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); ferr == nil {
		f.Write(phases.AppendLogLine(nil, time.Now(), phases.LevelEmerg, 0, err.Error()))
		f.Close()
	}
}

// detach starts the program again without a terminal and waits until that one
// serves or has failed.
func detach() int {
	r, w, err := os.Pipe()
	if err != nil {
		return emerg(err)
	}
	self, err := os.Executable()
	if err != nil {
		return emerg(err)
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), daemonEnv+"=3")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return emerg(err)
	}
	w.Close()
	if b, _ := io.ReadAll(r); len(b) > 0 {
		return 0
	}
	cmd.Wait()
	return 1
}

// tellReady releases the starting command and its terminal, but for the
// standard error if that is logged to.
func tellReady(fd string, stderr bool) error {
	n, err := strconv.Atoi(fd)
	if err != nil {
		return fmt.Errorf("%s: %w", daemonEnv, err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for std := range 3 {
		if std == 2 && stderr {
			break
		}
		if err := syscall.Dup3(int(null.Fd()), std, 0); err != nil {
			return os.NewSyscallError("dup3", err)
		}
	}
	f := os.NewFile(uintptr(n), "ready")
	defer f.Close()
	_, err = f.Write([]byte{1})
	return err
}

// prepare applies what the main block says of the process itself.
func prepare(srv *luahttpd.Server, p *phases.Process) error {
	if p.NoFile > 0 {
		lim := syscall.Rlimit{Cur: uint64(p.NoFile), Max: uint64(p.NoFile)}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
			return fmt.Errorf("setrlimit(RLIMIT_NOFILE, %d) failed (%s)", p.NoFile, phases.Errno(err))
		}
	}
	if p.WorkingDir != "" {
		if err := os.Chdir(p.WorkingDir); err != nil {
			return fmt.Errorf("chdir(\"%s\") failed (%s)", p.WorkingDir, phases.Errno(err))
		}
	}
	setEnvironment(p)
	return nil
}

// setEnvironment leaves the variables that env names, as nginx does.
func setEnvironment(p *phases.Process) {
	kept := map[string]string{}
	for _, e := range append([]string{"TZ"}, p.Env.Items...) {
		name, value, assigned := strings.Cut(e, "=")
		if !assigned {
			var ok bool
			if value, ok = os.LookupEnv(name); !ok {
				continue
			}
		}
		kept[name] = value
	}
	os.Clearenv()
	for name, value := range kept {
		os.Setenv(name, value)
	}
}

// writePid leaves no moment in which the file is there and empty: who waits for
// it reads it at once.
func writePid(path string) error {
	part := path + ".new"
	err := os.WriteFile(part, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return errors.New(strings.Replace(phases.OpenError(err), part, path, 1))
	}
	return nil
}

// dropPrivileges is the user directive: the listening sockets are open and
// the logs too.
func dropPrivileges(p *phases.Process) error {
	if p.User == "" || os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(p.User)
	if err != nil {
		return fmt.Errorf("getpwnam(\"%s\") failed", p.User)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if p.Group != "" {
		g, err := user.LookupGroup(p.Group)
		if err != nil {
			return fmt.Errorf("getgrnam(\"%s\") failed", p.Group)
		}
		gid, _ = strconv.Atoi(g.Gid)
	}
	if uid == 0 {
		return nil
	}
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return os.NewSyscallError("setgid", err)
	}
	return os.NewSyscallError("setuid", syscall.Setuid(uid))
}

// catchSignals keeps signals for handleSignals; before the server starts, so
// that none has its default effect.
func catchSignals() chan os.Signal {
	c := make(chan os.Signal, 8)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH)
	signal.Ignore(syscall.SIGPIPE)
	return c
}

// handleSignals is nginx's table of signals. Where a script keeps the server
// from ending, a second signal to stop does not wait for it.
func handleSignals(srv *luahttpd.Server, c <-chan os.Signal) {
	stopping := false
	for sig := range c {
		no := sig.(syscall.Signal)
		name := signalNames[no]
		switch no {
		case syscall.SIGTERM, syscall.SIGINT:
			log(srv, phases.LevelNotice, fmt.Sprintf("signal %d (%s) received, exiting", no, name))
			if stopping {
				os.Exit(1)
			}
			stopping = true
			go srv.Close()
		case syscall.SIGQUIT:
			log(srv, phases.LevelNotice, fmt.Sprintf("signal %d (%s) received, shutting down", no, name))
			log(srv, phases.LevelNotice, "gracefully shutting down")
			go srv.Shutdown(context.Background())
		case syscall.SIGHUP:
			log(srv, phases.LevelNotice, fmt.Sprintf("signal %d (%s) received, reconfiguring", no, name))
			log(srv, phases.LevelNotice, "reconfiguring")
			go func() {
				if err := srv.Reload(); err != nil && !errors.Is(err, luahttpd.ErrClosed) {
					log(srv, phases.LevelEmerg, err.Error())
				}
			}()
		case syscall.SIGUSR1:
			log(srv, phases.LevelNotice, fmt.Sprintf("signal %d (%s) received, reopening logs", no, name))
			log(srv, phases.LevelNotice, "reopening logs")
			if err := srv.ReopenLogs(); err != nil {
				log(srv, phases.LevelEmerg, phases.OpenError(err))
			}
		default:
			log(srv, phases.LevelNotice, fmt.Sprintf("signal %d (%s) received, ignored: there is one process", no, name))
		}
	}
}

var signalNames = map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT", syscall.SIGQUIT: "SIGQUIT",
	syscall.SIGHUP: "SIGHUP", syscall.SIGUSR1: "SIGUSR1", syscall.SIGUSR2: "SIGUSR2",
	syscall.SIGWINCH: "SIGWINCH"}

// sendSignal is -s: it finds the running server by its pid file.
func sendSignal(srv *luahttpd.Server, name string) int {
	sig, ok := map[string]syscall.Signal{"stop": syscall.SIGTERM, "quit": syscall.SIGQUIT, "reopen": syscall.SIGUSR1, "reload": syscall.SIGHUP}[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "nginx: invalid option: \"-s %s\"\n", name)
		return 1
	}
	path := srv.Path(srv.Config().Process.Pid)
	b, err := os.ReadFile(path)
	if err != nil {
		return alert(errors.New(phases.OpenError(err)))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 0 {
		return alert(fmt.Errorf("invalid PID number \"%s\" in \"%s\"", strings.TrimSpace(string(b)), path))
	}
	if err := syscall.Kill(pid, sig); err != nil {
		return alert(fmt.Errorf("kill(%d, %d) failed (%s)", pid, sig, phases.Errno(err)))
	}
	return 0
}

func alert(err error) int {
	fmt.Fprintf(os.Stderr, "nginx: [error] %v\n", err)
	return 1
}
