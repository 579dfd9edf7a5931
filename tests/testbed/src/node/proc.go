package main

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// procs keeps the child processes, in start order.
type procs struct {
	mu   sync.Mutex
	list []*proc
	stop bool
	dead chan string
}
type proc struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

func newProcs() *procs { return &procs{dead: make(chan string, 16)} }

// start runs a component; "self" components are this binary under another name.
func (p *procs) start(name, path string, out io.Writer, env []string, args ...string) *proc {
	if path == "" {
		path, _ = os.Executable()
	}
	cmd := exec.Command(path, args...)
	cmd.Args[0] = name
	if out == nil {
		out = os.Stderr
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	pr := &proc{name: name, cmd: cmd, done: make(chan struct{})}
	go func() {
		// Pdeathsig is tied to the thread that forks, so that thread is kept.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		err = cmd.Wait()
		close(pr.done)
		p.mu.Lock()
		stopping := p.stop
		p.mu.Unlock()
		if !stopping {
			msg := name + " exited"
			if err != nil {
				msg += ": " + err.Error()
			}
			p.dead <- msg
		}
	}()
	if err := <-started; err != nil {
		fatal("%s: %v", name, err)
	}
	p.mu.Lock()
	p.list = append(p.list, pr)
	p.mu.Unlock()
	return pr
}

// shutdown stops children in reverse start order, each within a short time.
func (p *procs) shutdown() {
	p.mu.Lock()
	p.stop = true
	l := append([]*proc(nil), p.list...)
	p.mu.Unlock()
	for i := len(l) - 1; i >= 0; i-- {
		l[i].cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-l[i].done:
		case <-time.After(1500 * time.Millisecond):
			l[i].cmd.Process.Kill()
		}
	}
}

func (p *procs) waitSignal() {
	ctx := signalContext()
	select {
	case <-ctx.Done():
		info("Shutdown request received")
		p.shutdown()
		os.Exit(0)
	case m := <-p.dead:
		logAt("fatal", "%s", m)
		p.shutdown()
		os.Exit(1)
	}
}

func flags(m [][2]string, extra []string) []string {
	var out []string
	over := map[string]bool{}
	for _, e := range extra {
		e = strings.TrimLeft(e, "-")
		over[strings.SplitN(e, "=", 2)[0]] = true
	}
	for _, kv := range m {
		if kv[1] != "" && !over[kv[0]] {
			out = append(out, "--"+kv[0]+"="+kv[1])
		}
	}
	for _, e := range extra {
		out = append(out, "--"+strings.TrimLeft(e, "-"))
	}
	return out
}
