package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync/atomic"
	"syscall"
	"text/template"
	"time"

	"sigs.k8s.io/yaml"
)

const containerdSock = "/run/k3s/containerd/containerd.sock"

func raiseInotify() {
	for f, v := range map[string]string{"/proc/sys/fs/inotify/max_user_instances": "8192", "/proc/sys/fs/inotify/max_user_watches": "524288", "/proc/sys/net/ipv4/ip_forward": "1"} {
		if b, err := os.ReadFile(f); err == nil && len(strings.TrimSpace(string(b))) < len(v) {
			os.WriteFile(f, []byte(v), 0o644)
		}
	}
	os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

func agentMain(args []string) int {
	c := parseConfig("agent", args)
	raiseInotify()
	info("Starting k3s agent %s (standin)", version())
	server, token := strings.TrimSuffix(c.str("server", ""), "/"), c.str("token", "")
	if server == "" {
		fatal("--server is required")
	}
	if token == "" {
		fatal("--token is required")
	}
	data := c.str("data-dir", "/var/lib/rancher/k3s")
	p := newProcs()
	var caPEM []byte
	for {
		var err error
		if caPEM, err = fetchCA(server, token); err == nil {
			break
		}
		errlog("Failed to validate connection to cluster at %s: failed to get CA certs: %v", server, err)
		time.Sleep(2 * time.Second)
	}
	u, err := url.Parse(server)
	must(err)
	lb := newClientLB("127.0.0.1:6444", u.Host)
	info("Running load balancer k3s-agent-load-balancer 127.0.0.1:6444 -> [%s] [default: %s]", u.Host, u.Host)
	go func() {
		runAgent(c, p, data, "https://127.0.0.1:6444", caPEM, token, false)
		for {
			time.Sleep(10 * time.Second)
			if b, err := supervisorDo("https://127.0.0.1:6444", "/v1-k3s/apiservers", "node", token, caPEM, nil); err == nil {
				var l []string
				if json.Unmarshal(b, &l) == nil && len(l) > 0 {
					lb.set(l, u.Port())
				}
			}
		}
	}()
	p.waitSignal()
	return 0
}

// clientLB is a TCP proxy that tries the known servers in turn.
type clientLB struct {
	def  string
	list atomic.Pointer[[]string]
}

func newClientLB(listen, def string) *clientLB {
	lb := &clientLB{def: def}
	lb.list.Store(&[]string{def})
	l, err := net.Listen("tcp", listen)
	must(err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go lb.serve(c)
		}
	}()
	return lb
}

func (lb *clientLB) set(ips []string, port string) {
	if port == "" {
		port = "6443"
	}
	sort.Strings(ips)
	l := []string{}
	for _, ip := range ips {
		l = append(l, net.JoinHostPort(ip, port))
	}
	l = append(l, lb.def)
	if old := strings.Join(*lb.list.Load(), ","); old != strings.Join(l, ",") {
		info("Updated load balancer k3s-agent-load-balancer server addresses -> %v [default: %s]", l, lb.def)
	}
	lb.list.Store(&l)
}

func (lb *clientLB) serve(c net.Conn) {
	defer c.Close()
	for _, a := range *lb.list.Load() {
		s, err := net.DialTimeout("tcp", a, 3*time.Second)
		if err != nil {
			continue
		}
		go func() { io.Copy(s, c); s.Close() }()
		io.Copy(c, s)
		s.Close()
		return
	}
}

// runAgent brings up containerd, kubelet, kube-proxy and the pod network of one node.
func runAgent(c *config, p *procs, data, server string, caPEM []byte, token string, isServer bool) {
	name, ip := nodeName(c), nodeIP(c)
	ad := filepath.Join(data, "agent")
	must(os.MkdirAll(filepath.Join(ad, "images"), 0o755))
	passFile := "/etc/rancher/node/password"
	pb, err := os.ReadFile(passFile)
	if err != nil {
		pb = []byte(randHex(16))
		must(os.MkdirAll(filepath.Dir(passFile), 0o755))
		writeFile(passFile, append(pb, '\n'), 0o600)
	}
	pass := strings.TrimSpace(string(pb))
	user := "node"
	if isServer {
		user = "server"
	}
	var b agentBundle
	last := ""
	for {
		body, err := supervisorDo(server, "/v1-k3s/standin-agent", user, token, caPEM, map[string]string{"k3s-Node-Name": name, "k3s-Node-Password": pass, "k3s-Node-IP": ip})
		if err == nil {
			if err = json.Unmarshal(body, &b); err == nil {
				break
			}
		}
		if err.Error() != last {
			last = err.Error()
			info("Waiting to retrieve agent configuration; server is not ready: %v", err)
		}
		time.Sleep(500 * time.Millisecond)
	}
	w := func(n, s string) string { f := filepath.Join(ad, n); writeFile(f, []byte(s), 0o644); return f }
	serverCA, clientCA := w("server-ca.crt", b.ServerCA), w("client-ca.crt", b.ClientCA)
	servCrt, servKey := w("serving-kubelet.crt", b.ServingCrt), w("serving-kubelet.key", b.ServingKey)
	kubeletKC := w("kubelet.kubeconfig", string(kubeconfig(server, []byte(b.ServerCA), []byte(b.KubeletCrt), []byte(b.KubeletKey))))
	proxyKC := w("kubeproxy.kubeconfig", string(kubeconfig(server, []byte(b.ServerCA), []byte(b.ProxyCrt), []byte(b.ProxyKey))))
	ctrlKC := w("k3scontroller.kubeconfig", string(kubeconfig(server, []byte(b.ServerCA), []byte(b.ControllerCrt), []byte(b.ControllerKey))))
	pause := c.str("pause-image", "rancher/mirrored-pause:3.6")

	// --- containerd
	startContainerd(c, p, data, pause)

	// --- kubelet
	resolv := c.str("resolv-conf", "")
	if resolv == "" {
		resolv = "/etc/resolv.conf"
		if rb, err := os.ReadFile(resolv); err != nil || !routableNameserver(string(rb)) {
			warn("Host resolv.conf includes loopback, multicast, or link-local nameservers - kubelet will use autogenerated resolv.conf with nameserver 8.8.8.8")
			resolv = w("etc/resolv.conf", "nameserver 8.8.8.8\n")
		}
	}
	kcfg := map[string]any{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"authentication": map[string]any{"anonymous": map[string]any{"enabled": false}, "webhook": map[string]any{"enabled": true, "cacheTTL": "2m0s"}, "x509": map[string]any{"clientCAFile": clientCA}},
		"authorization":  map[string]any{"mode": "Webhook"}, "cgroupDriver": "cgroupfs", "clusterDNS": []string{b.Facts.ClusterDNS}, "clusterDomain": b.Facts.ClusterDomain,
		"containerRuntimeEndpoint": "unix://" + containerdSock, "evictionHard": map[string]string{"imagefs.available": "5%", "nodefs.available": "5%"},
		"evictionMinimumReclaim": map[string]string{"imagefs.available": "10%", "nodefs.available": "10%"}, "failSwapOn": false, "healthzBindAddress": "127.0.0.1",
		"oomScoreAdj": 0, "maxOpenFiles": nofile(), "kubeletCgroups": "/k3s", "resolvConf": resolv, "serializeImagePulls": false, "staticPodPath": filepath.Join(ad, "pod-manifests"),
		"tlsCertFile": servCrt, "tlsPrivateKeyFile": servKey, "readOnlyPort": 0, "cgroupRoot": "/", "failCgroupV1": false,
		// Where no registry can be reached, an image that a full disk has the kubelet remove is gone for good.
		"nodeStatusUpdateFrequency": "10s", "imageMaximumGCAge": "0s", "imageGCHighThresholdPercent": 100}
	kb, _ := yaml.Marshal(kcfg)
	kcf := w("etc/kubelet.conf", string(kb))
	os.MkdirAll(filepath.Join(ad, "pod-manifests"), 0o700)
	labels := append([]string{"beta.kubernetes.io/instance-type=k3s", "node.kubernetes.io/instance-type=k3s"}, c.list("node-label")...)
	kl := flags([][2]string{{"config", kcf}, {"hostname-override", name}, {"kubeconfig", kubeletKC}, {"node-ip", c.str("node-ip", ip)}, {"node-labels", strings.Join(labels, ",")},
		{"register-with-taints", strings.Join(c.list("node-taint"), ",")}, {"provider-id", "k3s://" + name}, {"runtime-cgroups", "/k3s"}, {"root-dir", "/var/lib/kubelet"}, {"cert-dir", filepath.Join(ad, "pki")}}, nil)
	kl = append(kl, flags(nil, c.list("kubelet-arg"))...)
	info("Running kubelet %s", strings.Join(kl, " "))
	p.start("kubelet", "", nil, nil, kl...)

	// --- kube-proxy and pod network
	if !b.Facts.DisableKubeProxy {
		kp := flags([][2]string{{"cluster-cidr", b.Facts.ClusterCIDR}, {"conntrack-max-per-core", "0"}, {"conntrack-tcp-timeout-close-wait", "0s"}, {"conntrack-tcp-timeout-established", "0s"},
			{"healthz-bind-address", "127.0.0.1"}, {"hostname-override", name}, {"kubeconfig", proxyKC}, {"proxy-mode", "iptables"}, {"oom-score-adj", "0"}}, c.list("kube-proxy-arg"))
		info("Running kube-proxy %s", strings.Join(kp, " "))
		p.start("kube-proxy", "", nil, nil, kp...)
	}
	if b.Facts.FlannelBackend != "none" {
		go podNetwork(ctrlKC, name, ip, ad, b.Facts.ClusterCIDR)
	}
	_ = serverCA
}

const containerdBase = `version = 3
root = "{{ .Root }}"
state = "{{ .State }}"

[grpc]
  address = "{{ .Sock }}"

[plugins.'io.containerd.internal.v1.opt']
  path = "{{ .Root }}"

[plugins.'io.containerd.grpc.v1.cri']
  stream_server_address = "127.0.0.1"
  stream_server_port = "10010"

[plugins.'io.containerd.cri.v1.runtime']
  enable_selinux = false
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  device_ownership_from_security_context = false
  restrict_oom_score_adj = {{ .RestrictOOM }}

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "{{ .Snapshotter }}"
  disable_snapshot_annotations = true
  use_local_image_pull = true

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{{ .Pause }}"

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["{{ .CNIBin }}"]
  conf_dir = "{{ .CNIConf }}"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false

[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "{{ .CertsD }}"
`

func startContainerd(c *config, p *procs, data, pause string) {
	ad := filepath.Join(data, "agent")
	etc := filepath.Join(ad, "etc", "containerd")
	certsd := filepath.Join(etc, "certs.d")
	must(os.MkdirAll(certsd, 0o755))
	must(os.MkdirAll("/run/k3s/containerd", 0o711))
	bin := auxPath("containerd")
	if bin == "" {
		fatal("containerd not found")
	}
	auxDir := filepath.Dir(bin)
	registries(c.str("private-registry", "/etc/rancher/k3s/registries.yaml"), certsd)
	t := template.Must(template.New("base").Parse(containerdBase))
	use := t
	for _, f := range []string{"config-v3.toml.tmpl", "config.toml.tmpl"} {
		if b, err := os.ReadFile(filepath.Join(etc, f)); err == nil {
			if use, err = t.New("user").Parse(string(b)); err != nil {
				fatal("failed to parse %s: %v", f, err)
			}
			break
		}
	}
	var sb strings.Builder
	must(use.Execute(&sb, map[string]any{"Root": filepath.Join(ad, "containerd"), "State": "/run/k3s/containerd", "Sock": containerdSock, "Pause": pause,
		"RestrictOOM": !canLowerOOM(), "Snapshotter": c.str("snapshotter", "overlayfs"), "CNIBin": auxDir, "CNIConf": filepath.Join(ad, "etc/cni/net.d"), "CertsD": certsd}))
	cfg := filepath.Join(etc, "config.toml")
	writeFile(cfg, []byte(sb.String()), 0o600)
	os.WriteFile(filepath.Join(ad, "etc", "crictl.yaml"), []byte("runtime-endpoint: unix://"+containerdSock+"\n"), 0o644)
	must(os.MkdirAll(filepath.Join(ad, "containerd"), 0o711))
	logf, err := os.OpenFile(filepath.Join(ad, "containerd", "containerd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(err)
	info("Logging containerd to %s", logf.Name())
	info("Running containerd -c %s", cfg)
	p.start("containerd", bin, logf, []string{"PATH=" + auxDir + ":" + os.Getenv("PATH")}, "-c", cfg)
	ctr := func(args ...string) (string, error) {
		o, err := exec.Command(auxPath("ctr"), append([]string{"-a", containerdSock, "-n", "k8s.io"}, args...)...).CombinedOutput()
		return string(o), err
	}
	waitFor("containerd startup", 100*time.Millisecond, func() bool {
		conn, err := net.Dial("unix", containerdSock)
		if err != nil {
			return false
		}
		conn.Close()
		_, err = ctr("version")
		return err == nil
	}, p)
	info("containerd is now running")
	have, _ := ctr("images", "ls", "-q")
	imported := map[string]time.Time{}
	scan := func() {
		for _, d := range []string{"/usr/share/k3s/images", filepath.Join(ad, "images")} {
			fs, _ := filepath.Glob(filepath.Join(d, "*.tar"))
			sort.Strings(fs)
			for _, f := range fs {
				st, err := os.Stat(f)
				if err != nil || imported[f].Equal(st.ModTime()) {
					continue
				}
				imported[f] = st.ModTime()
				if mark := f + ".ref"; strings.HasPrefix(f, "/usr/share/") { // baked-in images: skip what is there already
					if b, err := os.ReadFile(mark); err == nil && strings.Contains(have, strings.TrimSpace(string(b))) {
						continue
					}
				}
				t0 := time.Now()
				if o, err := ctr("images", "import", "--all-platforms", f); err != nil {
					errlog("Unable to import %s: %v %s", f, err, o)
				} else {
					info("Imported images from %s in %s", f, time.Since(t0))
				}
			}
		}
	}
	scan()
	go func() {
		for {
			time.Sleep(3 * time.Second)
			scan()
		}
	}()
}

// canLowerOOM tells whether this machine lets a process lower its OOM score (CAP_SYS_RESOURCE).
func canLowerOOM() bool {
	b, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return false
	}
	if os.WriteFile("/proc/self/oom_score_adj", []byte("-999"), 0o644) != nil {
		return false
	}
	os.WriteFile("/proc/self/oom_score_adj", b, 0o644)
	return true
}

// registries writes one hosts.toml per mirror of registries.yaml.
func registries(path, certsd string) {
	b, err := os.ReadFile(path)
	if err != nil {
		return
	}
	var r struct {
		Mirrors map[string]struct {
			Endpoint []string          `json:"endpoint"`
			Rewrite  map[string]string `json:"rewrite"`
		} `json:"mirrors"`
		Configs map[string]struct {
			TLS *struct {
				CAFile   string `json:"ca_file"`
				Insecure bool   `json:"insecure_skip_verify"`
			} `json:"tls"`
		} `json:"configs"`
	}
	if err := yaml.Unmarshal(b, &r); err != nil {
		fatal("failed to parse %s: %v", path, err)
	}
	info("Using private registry config file at %s", path)
	old, _ := filepath.Glob(filepath.Join(certsd, "*"))
	for _, o := range old {
		os.RemoveAll(o)
	}
	for m, v := range r.Mirrors {
		dir := m
		if m == "*" {
			dir = "_default"
		}
		var sb strings.Builder
		sb.WriteString("# File generated by k3s. DO NOT EDIT.\n")
		switch {
		case m == "docker.io":
			sb.WriteString("server = \"https://registry-1.docker.io/v2\"\n")
		case m != "*":
			fmt.Fprintf(&sb, "server = \"https://%s/v2\"\n", m)
		}
		sb.WriteString("capabilities = [\"pull\", \"resolve\", \"push\"]\n\n[host]\n")
		for _, e := range v.Endpoint {
			e = strings.TrimSuffix(e, "/")
			u, err := url.Parse(e)
			if err != nil || u.Host == "" {
				continue
			}
			if u.Path == "" {
				e += "/v2"
			}
			fmt.Fprintf(&sb, "[host.%q]\n  capabilities = [\"pull\", \"resolve\"]\n", e)
			if t := r.Configs[u.Host].TLS; t != nil {
				if t.Insecure {
					sb.WriteString("  skip_verify = true\n")
				}
				if t.CAFile != "" {
					fmt.Fprintf(&sb, "  ca = [%q]\n", t.CAFile)
				}
			}
		}
		writeFile(filepath.Join(certsd, dir, "hosts.toml"), []byte(sb.String()), 0o600)
	}
}

// routableNameserver tells whether pods could use this resolv.conf.
func routableNameserver(s string) bool {
	ok := false
	for _, l := range strings.Split(s, "\n") {
		if f := strings.Fields(l); len(f) >= 2 && f[0] == "nameserver" {
			ip := net.ParseIP(f[1])
			if ip == nil || ip.IsLoopback() || ip.IsMulticast() || ip.IsLinkLocalUnicast() {
				return false
			}
			ok = true
		}
	}
	return ok
}

// nofile is the hard limit of open files, which cannot be raised without CAP_SYS_RESOURCE.
func nofile() uint64 {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) == nil && r.Max < 1000000 {
		return r.Max
	}
	return 1000000
}
