package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var bootstrapFiles = []string{"server-ca.crt", "server-ca.key", "client-ca.crt", "client-ca.key", "request-header-ca.crt", "request-header-ca.key",
	"service.key", "etcd/server-ca.crt", "etcd/server-ca.key", "etcd/peer-ca.crt", "etcd/peer-ca.key"}

func nodeIP(c *config) string {
	if v := c.str("node-ip", ""); v != "" {
		return strings.Split(v, ",")[0]
	}
	if conn, err := net.Dial("udp4", "192.0.2.1:9"); err == nil { // no packet is sent: asks the routing table only
		defer conn.Close()
		return conn.LocalAddr().(*net.UDPAddr).IP.String()
	}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

func nodeName(c *config) string {
	n := c.str("node-name", "")
	if n == "" {
		n, _ = os.Hostname()
	}
	return strings.ToLower(n)
}

// fetchCA gets the server CA without trust, checking the hash of a full (K10) token.
func fetchCA(server, token string) ([]byte, error) {
	cl := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	r, err := cl.Get(server + "/cacerts")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != 200 {
		return nil, fmt.Errorf("%s/cacerts: %s", server, r.Status)
	}
	if strings.HasPrefix(token, "K10") {
		if i := strings.Index(token, "::"); i > 3 && token[3:i] != sha256hex(b) {
			return nil, fmt.Errorf("token CA hash does not match the Cluster CA certificate hash: %s != %s", token[3:i], sha256hex(b))
		}
	}
	return b, nil
}

func supervisorDo(server, path, user, token string, caPEM []byte, hdr map[string]string) ([]byte, error) {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(caPEM)
	cl := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	req, _ := http.NewRequest("GET", server+path, nil)
	req.SetBasicAuth(user, tokenPassword(token))
	for k, v := range hdr {
		req.Header.Set(k, v)
	}
	r, err := cl.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != 200 {
		return nil, fmt.Errorf("%s", strings.TrimSpace(string(b)))
	}
	return b, nil
}

func kubeconfig(server string, caPEM, crt, key []byte) []byte {
	e := base64.StdEncoding.EncodeToString
	return []byte(fmt.Sprintf(`apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: %s
    server: %s
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
preferences: {}
users:
- name: default
  user:
    client-certificate-data: %s
    client-key-data: %s
`, e(caPEM), server, e(crt), e(key)))
}

func waitFor(what string, every time.Duration, ok func() bool, p *procs) {
	n := 0
	for !ok() {
		select {
		case m := <-p.dead:
			logAt("fatal", "%s", m)
			p.shutdown()
			os.Exit(1)
		case <-time.After(every):
		}
		if n++; n%int(10*time.Second/every) == 0 {
			info("Waiting for %s", what)
		}
	}
}

func serverMain(args []string) int {
	c := parseConfig("server", args)
	if os.Getuid() != 0 {
		fatal("must run as root unless --rootless is specified")
	}
	raiseInotify()
	info("Starting k3s %s (standin)", version())
	data, err := filepath.Abs(c.str("data-dir", "/var/lib/rancher/k3s"))
	must(err)
	sdir := filepath.Join(data, "server")
	tlsd := filepath.Join(sdir, "tls")
	for _, d := range []string{"tls/etcd", "cred", "db", "manifests", "static"} {
		must(os.MkdirAll(filepath.Join(sdir, d), 0o700))
	}
	ip, name := nodeIP(c), nodeName(c)
	port := c.str("https-listen-port", "6443")
	domain := c.str("cluster-domain", "cluster.local")
	svcCIDR := c.str("service-cidr", "10.43.0.0/16")
	svcIP, dnsIP := nthIP(svcCIDR, 1), c.str("cluster-dns", nthIP(svcCIDR, 10))
	join := c.str("server", "")
	p := newProcs()

	// --- token and CAs (own, or fetched from the server that is joined)
	token := c.str("token", "")
	tokFile := filepath.Join(sdir, "token")
	_, caErr := os.Stat(filepath.Join(tlsd, "server-ca.crt"))
	if join != "" && caErr != nil {
		if token == "" {
			fatal("--token is required")
		}
		for {
			caPEM, err := fetchCA(join, token)
			if err == nil {
				var b []byte
				if b, err = supervisorDo(join, "/v1-k3s/server-bootstrap", "server", token, caPEM, nil); err == nil {
					m := map[string][]byte{}
					must(json.Unmarshal(b, &m))
					var f serverFacts
					json.Unmarshal(m["facts.json"], &f)
					if !f.Etcd && c.str("datastore-endpoint", "") == "" {
						fatal("starting kubernetes: preparing server: https://... server was not started with --cluster-init or external datastore: etcd disabled")
					}
					delete(m, "facts.json")
					for n, v := range m {
						writeFile(filepath.Join(tlsd, n), v, 0o600)
					}
					break
				}
			}
			if err.Error() == "not authorized" {
				fatal("starting kubernetes: preparing server: failed to validate server configuration: %v", err)
			}
			errlog("Failed to validate connection to cluster at %s: %v", join, err)
			time.Sleep(2 * time.Second)
		}
	}
	sca, cca := loadCA(filepath.Join(tlsd, "server-ca"), "k3s-server-ca"), loadCA(filepath.Join(tlsd, "client-ca"), "k3s-client-ca")
	rca := loadCA(filepath.Join(tlsd, "request-header-ca"), "k3s-request-header-ca")
	eca, pca := loadCA(filepath.Join(tlsd, "etcd/server-ca"), "etcd-server-ca"), loadCA(filepath.Join(tlsd, "etcd/peer-ca"), "etcd-peer-ca")
	newKey(filepath.Join(tlsd, "service.key"))
	if old := readToken(tokFile); token == "" {
		token = old
	} else if old != "" && old != tokenPassword(token) {
		fatal("starting kubernetes: preparing server: bootstrap data already found and encrypted with different token")
	}
	if token == "" {
		token = randHex(16)
	}
	full := "K10" + sha256hex(sca.pem) + "::server:" + tokenPassword(token)
	writeFile(tokFile, []byte(full+"\n"), 0o600)
	at := c.str("agent-token", "")
	if at == "" {
		os.Remove(filepath.Join(sdir, "agent-token"))
		os.Symlink(tokFile, filepath.Join(sdir, "agent-token"))
	} else {
		writeFile(filepath.Join(sdir, "agent-token"), []byte("K10"+sha256hex(sca.pem)+"::node:"+tokenPassword(at)+"\n"), 0o600)
	}
	os.Remove(filepath.Join(sdir, "node-token"))
	os.Symlink(tokFile, filepath.Join(sdir, "node-token"))

	// --- certificates
	sans := append([]string{"127.0.0.1", "::1", "localhost", ip, name, svcIP, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + domain, c.str("advertise-address", ""), c.str("node-external-ip", "")}, c.list("tls-san")...)
	sca.issueFiles(filepath.Join(tlsd, "serving-kube-apiserver"), "kube-apiserver", nil, sans)
	cl := func(base, cn string, orgs ...string) { cca.issueFiles(filepath.Join(tlsd, base), cn, orgs, nil) }
	cl("client-admin", "system:admin", "system:masters")
	cl("client-supervisor", "system:k3s-supervisor", "system:masters")
	cl("client-controller", "system:kube-controller-manager")
	cl("client-scheduler", "system:kube-scheduler")
	cl("client-kube-apiserver", "system:apiserver", "system:masters")
	rca.issueFiles(filepath.Join(tlsd, "client-auth-proxy"), "system:auth-proxy", nil, nil)
	eca.issueFiles(filepath.Join(tlsd, "etcd/server-client"), "etcd-server", nil, []string{"127.0.0.1", "::1", "localhost", ip, name, "kine.sock"})
	eca.issueFiles(filepath.Join(tlsd, "etcd/client"), "etcd-client", nil, nil)
	pca.issueFiles(filepath.Join(tlsd, "etcd/peer-server-client"), "etcd-peer", nil, []string{"127.0.0.1", "localhost", ip, name})
	local := "https://127.0.0.1:" + port
	for cred, base := range map[string]string{"admin": "client-admin", "supervisor": "client-supervisor", "controller": "client-controller", "scheduler": "client-scheduler"} {
		crt, _ := os.ReadFile(filepath.Join(tlsd, base+".crt"))
		key, _ := os.ReadFile(filepath.Join(tlsd, base+".key"))
		writeFile(filepath.Join(sdir, "cred", cred+".kubeconfig"), kubeconfig(local, sca.pem, crt, key), 0o600)
	}

	// --- datastore
	etcdDir := filepath.Join(sdir, "db", "etcd")
	_, haveEtcd := os.Stat(filepath.Join(etcdDir, "config"))
	if c.on("cluster-reset") && haveEtcd != nil {
		fatal("etcd datastore is not in use: cannot perform cluster-reset")
	}
	ext := c.str("datastore-endpoint", "")
	useEtcd := ext == "" && (c.on("cluster-init") || join != "" || haveEtcd == nil || auxPath("kine") == "")
	etcdArgs := [][2]string{}
	stateDB := filepath.Join(sdir, "db", "state.db")
	if useEtcd {
		startEtcd(c, p, tlsd, etcdDir, name, ip, join)
		etcdArgs = [][2]string{{"etcd-servers", "https://127.0.0.1:2379"}, {"etcd-cafile", filepath.Join(tlsd, "etcd/server-ca.crt")},
			{"etcd-certfile", filepath.Join(tlsd, "etcd/client.crt")}, {"etcd-keyfile", filepath.Join(tlsd, "etcd/client.key")}}
	} else {
		sock := filepath.Join(sdir, "kine.sock")
		startKine(p, ext, stateDB, sock)
		etcdArgs = [][2]string{{"etcd-servers", "unix://" + sock}}
	}
	facts := serverFacts{ClusterCIDR: c.str("cluster-cidr", "10.42.0.0/16"), ServiceCIDR: svcCIDR, ClusterDNS: dnsIP, ClusterDomain: domain,
		FlannelBackend: c.str("flannel-backend", "host-gw"), DisableKubeProxy: c.on("disable-kube-proxy"), Etcd: useEtcd, SupervisorPort: port}
	fb, _ := json.Marshal(facts)
	writeFile(filepath.Join(sdir, "facts.json"), fb, 0o600)

	// --- control plane
	t := func(n string) string { return filepath.Join(tlsd, n) }
	api := flags(append([][2]string{
		{"advertise-address", c.str("advertise-address", ip)}, {"allow-privileged", "true"}, {"anonymous-auth", "false"},
		{"api-audiences", "https://kubernetes.default.svc." + domain + ",k3s"}, {"authorization-mode", "Node,RBAC"},
		{"bind-address", c.str("bind-address", "0.0.0.0")}, {"cert-dir", filepath.Join(tlsd, "temporary-certs")}, {"client-ca-file", t("client-ca.crt")},
		{"enable-admission-plugins", "NodeRestriction"}, {"enable-aggregator-routing", "true"}, {"enable-bootstrap-token-auth", "true"},
		{"kubelet-certificate-authority", t("server-ca.crt")}, {"kubelet-client-certificate", t("client-kube-apiserver.crt")}, {"kubelet-client-key", t("client-kube-apiserver.key")},
		{"kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"}, {"profiling", "false"},
		{"proxy-client-cert-file", t("client-auth-proxy.crt")}, {"proxy-client-key-file", t("client-auth-proxy.key")},
		{"requestheader-allowed-names", "system:auth-proxy"}, {"requestheader-client-ca-file", t("request-header-ca.crt")},
		{"requestheader-extra-headers-prefix", "X-Remote-Extra-"}, {"requestheader-group-headers", "X-Remote-Group"}, {"requestheader-username-headers", "X-Remote-User"},
		{"secure-port", port}, {"service-account-issuer", "https://kubernetes.default.svc." + domain}, {"service-account-key-file", t("service.key")},
		{"service-account-signing-key-file", t("service.key")}, {"service-cluster-ip-range", svcCIDR}, {"service-node-port-range", c.str("service-node-port-range", "30000-32767")},
		{"storage-backend", "etcd3"}, {"tls-cert-file", t("serving-kube-apiserver.crt")}, {"tls-private-key-file", t("serving-kube-apiserver.key")},
	}, etcdArgs...), c.list("kube-apiserver-arg"))
	info("Running kube-apiserver %s", strings.Join(api, " "))
	if useEtcd {
		// Waited for only now: k3s prints the line above before etcd has a quorum, and what starts several servers
		// one at a time waits for that line before it starts the next one, without which there is no quorum.
		waitFor("etcd server to become available", 100*time.Millisecond, func() bool { return etcdHealthy(filepath.Join(tlsd, "etcd")) }, p)
		if _, err := os.Stat(stateDB); err == nil {
			migrateSQLite(p, sdir, tlsd)
		}
	}
	p.start("kube-apiserver", "", nil, []string{"K3S_STANDIN_DATA=" + data}, api...)

	// --- kubeconfig
	adminCrt, _ := os.ReadFile(t("client-admin.crt"))
	adminKey, _ := os.ReadFile(t("client-admin.key"))
	mode, err := strconv.ParseUint(c.str("write-kubeconfig-mode", "600"), 8, 32)
	must(err)
	out := c.str("write-kubeconfig", "")
	std := "/etc/rancher/k3s/k3s.yaml"
	if c.on("disable-agent") && out == "" && data != "/var/lib/rancher/k3s" {
		std = filepath.Join(data, "k3s.yaml") // a server run by hand for measurements leaves /etc alone
	}
	if out == "" {
		out = std
	}
	must(os.MkdirAll(filepath.Dir(out), 0o755))
	writeFile(out, kubeconfig(local, sca.pem, adminCrt, adminKey), os.FileMode(mode))
	os.Chmod(out, os.FileMode(mode))
	if out != std && strings.HasPrefix(std, "/etc/") {
		os.MkdirAll(filepath.Dir(std), 0o755)
		os.Remove(std)
		os.Symlink(out, std)
	}
	info("Wrote kubeconfig %s", out)
	info("Run: k3s kubectl")
	info("Server node token is available at %s", tokFile)
	info("To join server node to cluster: k3s server -s https://%s:%s -t ${SERVER_NODE_TOKEN}", ip, port)
	info("To join agent node to cluster: k3s agent -s https://%s:%s -t ${AGENT_NODE_TOKEN}", ip, port)

	le := "true"
	if !useEtcd {
		le = "false"
	}
	kc := func(n string) string { return filepath.Join(sdir, "cred", n+".kubeconfig") }
	start2 := func() {
		cm := flags([][2]string{{"allocate-node-cidrs", "true"}, {"authentication-kubeconfig", kc("controller")}, {"authorization-kubeconfig", kc("controller")},
			{"bind-address", "127.0.0.1"}, {"cluster-cidr", facts.ClusterCIDR}, {"cluster-signing-cert-file", t("client-ca.crt")}, {"cluster-signing-key-file", t("client-ca.key")},
			{"controllers", "*,tokencleaner"}, {"kube-api-qps", "200"}, {"kube-api-burst", "400"}, {"kubeconfig", kc("controller")}, {"leader-elect", le}, {"profiling", "false"}, {"root-ca-file", t("server-ca.crt")}, {"secure-port", "10257"},
			{"service-account-private-key-file", t("service.key")}, {"service-cluster-ip-range", svcCIDR}, {"use-service-account-credentials", "true"}}, c.list("kube-controller-manager-arg"))
		info("Running kube-controller-manager %s", strings.Join(cm, " "))
		p.start("kube-controller-manager", "", nil, nil, cm...)
		if !c.on("disable-scheduler") {
			sc := flags([][2]string{{"authentication-kubeconfig", kc("scheduler")}, {"authorization-kubeconfig", kc("scheduler")}, {"bind-address", "127.0.0.1"},
				{"kubeconfig", kc("scheduler")}, {"leader-elect", le}, {"profiling", "false"}, {"secure-port", "10259"}}, c.list("kube-scheduler-arg"))
			info("Running kube-scheduler %s", strings.Join(sc, " "))
			p.start("kube-scheduler", "", nil, nil, sc...)
		}
	}
	apiReady := func() bool {
		cs, err := clientFor(kc("supervisor"))
		if err != nil {
			return false
		}
		b, err := cs.Discovery().RESTClient().Get().AbsPath("/readyz").Timeout(3 * time.Second).DoRaw(withTimeout(4 * time.Second))
		return err == nil && string(b) == "ok"
	}
	live := func() bool {
		_, err := fetchCA(local, "")
		return err == nil
	}
	waitFor("API server to become available", 100*time.Millisecond, live, p)
	ag := make(chan struct{})
	if !c.on("disable-agent") {
		go func() {
			runAgent(c, p, data, local, []byte(sca.pem), full, true)
			close(ag)
		}()
	}
	waitFor("API server to become ready", 200*time.Millisecond, apiReady, p)
	start2()
	info("Kube API server is now running")
	if useEtcd {
		info("ETCD server is now running")
	}
	info("k3s is up and running")
	go deployLoop(c, filepath.Join(sdir, "manifests"), kc("supervisor"), facts)
	go nodeLoop(c, kc("supervisor"), tlsd, useEtcd, name)
	if !c.disabled("servicelb") {
		go serviceLB(kc("supervisor"))
	}
	p.waitSignal()
	return 0
}

func startKine(p *procs, ext, db, sock string) {
	os.Remove(sock)
	if ext == "" {
		ext = "sqlite://" + db + "?_journal=WAL&cache=shared&_busy_timeout=30000&_txlock=immediate"
		info("Configuring sqlite3 database connection pooling: maxIdleConns=2, maxOpenConns=0, connMaxLifetime=0s")
	}
	p.start("kine", auxPath("kine"), nil, nil, "--endpoint", ext, "--listen-address", "unix://"+sock, "--metrics-bind-address", "0")
	waitFor("datastore", 50*time.Millisecond, func() bool {
		c, err := net.Dial("unix", sock)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, p)
	info("Kine available at unix://%s", sock)
}

func startEtcd(c *config, p *procs, tlsd, dir, name, ip, join string) {
	reset, flag := c.on("cluster-reset"), filepath.Join(filepath.Dir(dir), "reset-flag")
	if _, err := os.Stat(flag); err == nil && reset {
		fatal("Managed etcd cluster membership was reset, restart without --cluster-reset flag now. cluster-reset was successfully performed, please remove the cluster-reset flag and start k3s normally, if you need to perform another cluster reset, you must first manually delete the %s file", flag)
	} else if err == nil {
		os.Remove(flag)
	}
	if reset {
		join = ""
	}
	must(os.MkdirAll(dir, 0o700))
	et := filepath.Join(tlsd, "etcd")
	_, err := os.Stat(filepath.Join(dir, "member"))
	fresh := err != nil
	// the member name carries a random suffix kept in the data dir, as k3s does it
	nf := filepath.Join(dir, "name")
	if b, err := os.ReadFile(nf); err == nil {
		name = string(b)
	} else {
		name += "-" + randHex(4)
		writeFile(nf, []byte(name), 0o600)
	}
	initial, state, host := name+"=https://"+ip+":2380", "new", ""
	force := reset && !fresh
	if from := c.str("cluster-reset-restore-path", ""); reset && from != "" {
		if !strings.HasPrefix(from, "/") {
			from = filepath.Join(filepath.Dir(dir), "snapshots", from)
		}
		old := fmt.Sprintf("%s-old-%d", dir, time.Now().Unix())
		must(os.Rename(dir, old))
		info("Pre-restore etcd database moved to %s", old)
		must(restoreEtcd(from, dir, name, "https://"+ip+":2380"))
		writeFile(nf, []byte(name), 0o600)
		fresh, force = false, true
	}
	if join != "" && fresh {
		u, err := url.Parse(join)
		must(err)
		host, state = u.Hostname(), "existing"
		for {
			if initial, err = joinEtcd(et, host, name, ip); err == nil {
				break
			}
			if strings.Contains(err.Error(), "duplicate node name") {
				fatal("ETCD join failed: %v", err)
			}
			info("Waiting for other members to finish joining etcd cluster: %v", err)
			time.Sleep(2 * time.Second)
		}
	}
	tl := func(crt, ca string) string {
		return fmt.Sprintf("{cert-file: %s/%s.crt, key-file: %s/%s.key, client-cert-auth: true, trusted-ca-file: %s/%s.crt}", et, crt, et, crt, et, ca)
	}
	cfg := filepath.Join(dir, "config")
	writeFile(cfg, []byte(fmt.Sprintf("name: %s\ndata-dir: %s\nlisten-client-urls: https://127.0.0.1:2379,https://%s:2379\nadvertise-client-urls: https://%s:2379\nlisten-peer-urls: https://127.0.0.1:2380,https://%s:2380\ninitial-advertise-peer-urls: https://%s:2380\ninitial-cluster: %s\ninitial-cluster-state: %s\nlisten-metrics-urls: http://127.0.0.1:2381\nheartbeat-interval: 250\nelection-timeout: 1500\nsnapshot-count: 10000\nlogger: zap\nlog-level: warn\nlog-outputs: [stderr]\nforce-new-cluster: %v\nclient-transport-security: %s\npeer-transport-security: %s\n",
		name, dir, ip, ip, ip, ip, initial, state, force, tl("server-client", "server-ca"), tl("peer-server-client", "peer-ca"))), 0o600)
	info("Starting etcd for %s", map[bool]string{true: "new cluster, cluster-reset=false", false: "existing cluster member"}[state == "new" && fresh])
	p.start("etcd", "", nil, nil, cfg)
	if host != "" {
		go promote(et, host, ip)
	}
	if reset {
		waitFor("etcd server to become available", 100*time.Millisecond, func() bool { return etcdHealthy(et) }, p)
		writeFile(flag, nil, 0o600)
		info("Managed etcd cluster membership has been reset, restart without --cluster-reset flag now. Backup and delete ${datadir}/server/db on each peer etcd server and rejoin the nodes")
		p.shutdown()
		os.Exit(0)
	}
}

// migrateSQLite copies what kine holds into etcd once, then puts the old database aside.
func migrateSQLite(p *procs, sdir, tlsd string) {
	db, sock := filepath.Join(sdir, "db", "state.db"), filepath.Join(sdir, "kine-migrate.sock")
	info("Migrating content from sqlite to etcd")
	startKine(p, "", db, sock)
	n, err := copyKeys("unix://"+sock, filepath.Join(tlsd, "etcd"))
	must(err)
	last := p.list[len(p.list)-1]
	p.mu.Lock()
	p.stop = true
	p.mu.Unlock()
	last.cmd.Process.Kill()
	<-last.done
	time.Sleep(50 * time.Millisecond)
	p.mu.Lock()
	p.stop = false
	p.list = p.list[:len(p.list)-1]
	p.mu.Unlock()
	for _, s := range []string{"", "-wal", "-shm"} {
		os.Rename(db+s, db+".migrated"+s)
	}
	info("Migrated %d keys to etcd", n)
}
