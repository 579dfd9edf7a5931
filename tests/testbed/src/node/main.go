// Command k3s (stand-in): one multi-call binary holding the Kubernetes components and a small
// supervisor that offers the command line, environment, files, ports and log lines of k3s.
// It is NOT k3s: it exists so that tools which manage k3s containers can be tested for real
// on machines where k3s itself cannot be had.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	componentversion "k8s.io/component-base/version"
	kubectlcmd "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

func version() string { return componentversion.Get().GitVersion }

// versionFile lets an image that shares this binary report another k3s revision of the same Kubernetes,
// so that there is something to upgrade to without building Kubernetes twice.
const versionFile = "/etc/k3s-standin-version"

func main() {
	if v, err := os.ReadFile(versionFile); err == nil {
		must(componentversion.SetDynamicVersion(strings.TrimSpace(string(v))))
	}
	name := filepath.Base(os.Args[0])
	args := os.Args[1:]
	if name == "k3s" || strings.HasPrefix(name, "k3s-") {
		if sub, ok := strings.CutPrefix(name, "k3s-"); ok && (sub == "server" || sub == "agent" || sub == "etcd-snapshot") {
			args = append([]string{sub}, args...)
		}
		if len(args) == 0 {
			usage(os.Stdout)
			return
		}
		name, args = args[0], args[1:]
	}
	os.Exit(dispatch(name, args))
}

func usage(w *os.File) {
	fmt.Fprintf(w, "NAME:\n   k3s - Kubernetes, but small and simple (stand-in)\n\nUSAGE:\n   k3s [global options] command [command options]\n\nVERSION:\n   %s (standin)\n\nCOMMANDS:\n   server, agent, kubectl, crictl, ctr, token, check-config\n", version())
}

func dispatch(name string, args []string) int {
	os.Args = append([]string{name}, args...)
	switch name {
	case "server":
		return serverMain(args)
	case "agent":
		return agentMain(args)
	case "etcd":
		return etcdMain(args)
	case "kube-apiserver":
		return apiserverMain(args)
	case "kube-controller-manager":
		return cli.Run(kcm.NewControllerManagerCommand())
	case "kube-scheduler":
		return cli.Run(scheduler.NewSchedulerCommand())
	case "kube-proxy":
		return cli.Run(kubeproxy.NewProxyCommand())
	case "kubelet":
		return cli.Run(kubelet.NewKubeletCommand(context.Background()))
	case "kubectl":
		if os.Getenv("KUBECONFIG") == "" {
			if _, err := os.Stat("/etc/rancher/k3s/k3s.yaml"); err == nil {
				os.Setenv("KUBECONFIG", "/etc/rancher/k3s/k3s.yaml")
			}
		}
		if err := cli.RunNoErrOutput(kubectlcmd.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err)
		}
		return 0
	case "ctr":
		return execAux("ctr", args, "CONTAINERD_ADDRESS="+containerdSock, "CONTAINERD_NAMESPACE=k8s.io")
	case "crictl":
		return crictlMain(args)
	case "token":
		return tokenMain(args)
	case "etcd-snapshot":
		return etcdSnapshotMain(args)
	case "check-config":
		fmt.Println("STATUS: pass")
		return 0
	case "--version", "-v", "version":
		v := componentversion.Get()
		fmt.Printf("k3s version %s (standin)\ngo version %s\n", v.GitVersion, v.GoVersion)
		return 0
	case "help", "--help", "-h":
		usage(os.Stdout)
		return 0
	}
	fmt.Fprintf(os.Stderr, "No help topic for '%s'\n", name)
	return 3
}

func signalContext() context.Context { return genericapiserver.SetupSignalContext() }

// auxPath finds a helper program: beside this binary, in aux/ beside it, or on PATH.
func auxPath(name string) string {
	self, _ := os.Executable()
	dir := filepath.Dir(self)
	for _, p := range []string{filepath.Join(dir, "aux", name), filepath.Join(dir, "tools", name), filepath.Join(dir, name)} {
		if st, err := os.Stat(p); err == nil && !st.IsDir() {
			if rp, _ := filepath.EvalSymlinks(p); rp != self {
				return p
			}
		}
	}
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	return ""
}

func execAux(name string, args []string, env ...string) int {
	p := auxPath(name)
	if p == "" {
		fmt.Fprintf(os.Stderr, "%s: not found\n", name)
		return 127
	}
	e := env
	for _, kv := range os.Environ() {
		e = append(e, kv)
	}
	if err := syscall.Exec(p, append([]string{name}, args...), e); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return 126
}
