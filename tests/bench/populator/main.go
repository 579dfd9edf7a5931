// populate fills a Kubernetes API server with a realistic, quiet population and, on request, churns it.
//
//	populate --kubeconfig K --pods 10000                                     create everything; what exists is left alone
//	populate --kubeconfig K --pods 10000 --churn 200 --duration 60s --no-create
//
// The server must run without scheduler and without the controllers of deployments, replica sets, nodes and garbage,
// or they would change the population.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	kubeconfig = flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "kubeconfig")
	nPods      = flag.Int("pods", 1700, "pods in total")
	nNS        = flag.Int("namespaces", 20, "namespaces")
	nNodes     = flag.Int("nodes", 50, "fake nodes")
	nDeploy    = flag.Int("deployments", 500, "deployments (and as many replicasets)")
	nCM        = flag.Int("configs", 1000, "configmaps + secrets (60:40)")
	nEvents    = flag.Int("events", 2000, "events")
	nSvc       = flag.Int("services", 200, "services")
	conc       = flag.Int("concurrency", 48, "parallel requests")
	churn      = flag.Float64("churn", 0, "status patches per second")
	duration   = flag.Duration("duration", 0, "how long to churn (0: until killed)")
	noCreate   = flag.Bool("no-create", false, "only churn")
	seed       = flag.Int64("seed", 42, "random seed")
	cs         *kubernetes.Clientset
	ctx        = context.Background()
)

var nsNames = strings.Fields("shop payments identity search catalog checkout notifications analytics warehouse fraud ml-serving data-platform observability ingress-edge ci-runners media loyalty shipping internal-tools sandbox")
var apps = strings.Fields("api web worker frontend gateway scheduler consumer producer cache redis postgres-proxy auth session profile pricing inventory recommender indexer crawler mailer billing ledger exporter ingest transform stream-processor thumbnailer router config-sync audit")
var images = strings.Fields("registry.example.com/team/%s:v1.42.%d ghcr.io/acme/%s:2024.11.%d 123456789012.dkr.ecr.eu-west-1.amazonaws.com/acme/%s:sha-%07x")

func die(e error) {
	if e != nil {
		fmt.Fprintln(os.Stderr, "fatal:", e)
		os.Exit(1)
	}
}

// each runs f(0..n-1) on the worker pool and reports the rate.
func each(what string, n int, f func(i int) error) {
	if n <= 0 {
		return
	}
	t0 := time.Now()
	var next, fails int64 = -1, 0
	var wg sync.WaitGroup
	for w := 0; w < *conc; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := int(atomic.AddInt64(&next, 1))
				if i >= n {
					return
				}
				var e error
				for try := 0; try < 5; try++ {
					if e = f(i); e == nil || errors.IsAlreadyExists(e) {
						e = nil
						break
					}
					time.Sleep(time.Duration(100<<try) * time.Millisecond)
				}
				if e != nil {
					if atomic.AddInt64(&fails, 1) < 5 {
						fmt.Fprintln(os.Stderr, what, i, e)
					}
				}
			}
		}()
	}
	wg.Wait()
	dt := time.Since(t0)
	fmt.Printf("%-22s %6d in %6.1fs  %7.0f/s  failed %d\n", what, n, dt.Seconds(), float64(n)/dt.Seconds(), fails)
}

func rng(kind string, i int) *rand.Rand {
	h := *seed
	for _, c := range kind {
		h = h*31 + int64(c)
	}
	return rand.New(rand.NewSource(h*1000003 + int64(i)))
}

const hx = "bcdfghjklmnpqrstvwxz2456789"

func suffix(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = hx[r.Intn(len(hx))]
	}
	return string(b)
}

func nsName(i int) string {
	if i < len(nsNames) {
		return nsNames[i]
	}
	return fmt.Sprintf("team-%03d", i)
}

// nsOf: uneven share of namespaces, the first ones are the largest.
func nsOf(r *rand.Rand) int {
	x := r.Float64()
	return int(x * x * float64(*nNS))
}

type dep struct {
	ns, name, app, hash string
	uid, rsuid          types.UID
}

var deps []dep

func depOf(i int) dep {
	r := rng("dep", i)
	ns := nsName(nsOf(r))
	app := apps[r.Intn(len(apps))]
	return dep{ns: ns, app: app, name: fmt.Sprintf("%s-%s-%d", ns[:min(len(ns), 6)], app, i), hash: suffix(r, 10)}
}

func labels(d dep) map[string]string {
	return map[string]string{"app": d.name, "app.kubernetes.io/name": d.app, "app.kubernetes.io/instance": d.name, "app.kubernetes.io/part-of": d.ns,
		"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": d.app + "-3.14.1", "team": d.ns, "tier": "backend"}
}

func podSpec(d dep, r *rand.Rand) corev1.PodSpec {
	q := resource.MustParse
	img := fmt.Sprintf(images[r.Intn(len(images))], d.app, r.Intn(900))
	env := []corev1.EnvVar{
		{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
		{Name: "POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
		{Name: "DB_PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: d.name + "-db"}, Key: "password"}}},
	}
	for _, k := range []string{"LOG_LEVEL=info", "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel-collector.observability:4317", "JAVA_TOOL_OPTIONS=-XX:MaxRAMPercentage=75 -XX:+UseG1GC", "REGION=eu-west-1", "FEATURE_FLAGS=new-checkout,fast-search,dark-mode", "HTTP_TIMEOUT_MS=1500", "KAFKA_BROKERS=kafka-0.kafka:9092,kafka-1.kafka:9092,kafka-2.kafka:9092", "CACHE_TTL=300"} {
		kv := strings.SplitN(k, "=", 2)
		env = append(env, corev1.EnvVar{Name: kv[0], Value: kv[1]})
	}
	probe := func(p string) *corev1.Probe {
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: p, Port: intstr.FromString("http")}}, InitialDelaySeconds: 10, PeriodSeconds: 10, TimeoutSeconds: 2, FailureThreshold: 3}
	}
	res := corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": q("250m"), "memory": q("256Mi")}, Limits: corev1.ResourceList{"cpu": q("1"), "memory": q("512Mi")}}
	no := false
	uid := int64(10001)
	spec := corev1.PodSpec{
		ServiceAccountName: "default", Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		PriorityClassName: "", SecurityContext: &corev1.PodSecurityContext{RunAsUser: &uid, FSGroup: &uid},
		Volumes: []corev1.Volume{
			{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: d.name}}}},
			{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: d.name + "-tls"}}},
			{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		},
		Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{Weight: 100, PodAffinityTerm: corev1.PodAffinityTerm{TopologyKey: "kubernetes.io/hostname", LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": d.name}}}}}}},
		Containers: []corev1.Container{{
			Name: d.app, Image: img, Args: []string{"serve", "--config=/etc/app/config.yaml", "--port=8080"}, Env: env, Resources: res,
			Ports:         []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "metrics", ContainerPort: 9090}},
			LivenessProbe: probe("/healthz"), ReadinessProbe: probe("/ready"),
			VolumeMounts:    []corev1.VolumeMount{{Name: "config", MountPath: "/etc/app"}, {Name: "tls", MountPath: "/etc/tls", ReadOnly: true}, {Name: "tmp", MountPath: "/tmp"}},
			SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
		}},
	}
	if r.Intn(3) == 0 { // a mesh: two sidecars and an init container
		spec.InitContainers = []corev1.Container{{Name: "istio-init", Image: "docker.io/istio/proxyv2:1.22.3", Args: []string{"istio-iptables", "-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*"}, Resources: res}}
		spec.Containers = append(spec.Containers,
			corev1.Container{Name: "istio-proxy", Image: "docker.io/istio/proxyv2:1.22.3", Args: []string{"proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local", "--log_output_level=default:info"}, Env: env[:6], Resources: res, Ports: []corev1.ContainerPort{{Name: "envoy-prom", ContainerPort: 15090}}},
			corev1.Container{Name: "log-shipper", Image: "fluent/fluent-bit:3.1.4", Env: env[:4], Resources: res, VolumeMounts: []corev1.VolumeMount{{Name: "tmp", MountPath: "/var/log/app"}}})
	}
	return spec
}

func podName(i int) (dep, string, *rand.Rand) {
	r := rng("pod", i)
	d := deps[r.Intn(len(deps))]
	return d, d.name + "-" + d.hash + "-" + suffix(r, 5), r
}

func makePod(i int) (*corev1.Pod, string) {
	d, name, r := podName(i)
	spec := podSpec(d, r)
	x := r.Float64()
	st := "Running"
	switch {
	case x < 0.035:
		st = "CrashLoopBackOff"
	case x < 0.045:
		st = "ImagePullBackOff"
	case x < 0.075:
		st = "Pending"
	case x < 0.085:
		st = "Init"
	case x < 0.105:
		st = "Completed"
	case x < 0.113:
		st = "Error"
	case x < 0.120:
		st = "OOMKilled"
	case x < 0.123:
		st = "Evicted"
	case x < 0.150:
		st = "NotReady"
	}
	if st != "Pending" {
		spec.NodeName = nodeName(r.Intn(*nNodes))
	}
	l := labels(d)
	l["pod-template-hash"] = d.hash
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.ns, Labels: l, Annotations: map[string]string{
		"prometheus.io/scrape": "true", "prometheus.io/port": "9090", "checksum/config": fmt.Sprintf("%064x", r.Int63()),
		"kubectl.kubernetes.io/restartedAt": "2024-11-02T10:11:12Z", "populate/index": fmt.Sprint(i),
		"sidecar.istio.io/status": `{"initContainers":["istio-init"],"containers":["istio-proxy"],"volumes":["workload-socket","credential-socket","workload-certs","istio-envoy","istio-data","istio-podinfo","istio-token","istiod-ca-cert"],"imagePullSecrets":null,"revision":"default"}`,
	}}, Spec: spec}
	if d.rsuid != "" {
		t := true
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: d.name + "-" + d.hash, UID: d.rsuid, Controller: &t, BlockOwnerDeletion: &t}}
	}
	return p, st
}

func podStatus(p *corev1.Pod, st string, r *rand.Rand, restarts int32) corev1.PodStatus {
	now := time.Now()
	start := metav1.NewTime(now.Add(-time.Duration(r.Intn(30*24*3600)) * time.Second).Truncate(time.Second))
	s := corev1.PodStatus{Phase: corev1.PodRunning, QOSClass: corev1.PodQOSBurstable}
	cond := func(t corev1.PodConditionType, ok bool, reason, msg string) {
		v := corev1.ConditionTrue
		if !ok {
			v = corev1.ConditionFalse
		}
		s.Conditions = append(s.Conditions, corev1.PodCondition{Type: t, Status: v, LastTransitionTime: start, Reason: reason, Message: msg})
	}
	if st == "Pending" {
		s.Phase = corev1.PodPending
		cond(corev1.PodScheduled, false, "Unschedulable", "0/50 nodes are available: 12 Insufficient cpu, 38 node(s) had untolerated taint {dedicated: gpu}.")
		return s
	}
	ip := fmt.Sprintf("10.%d.%d.%d", 40+r.Intn(8), r.Intn(256), 1+r.Intn(254))
	s.StartTime, s.PodIP, s.PodIPs, s.HostIP = &start, ip, []corev1.PodIP{{IP: ip}}, "10.0.1."+p.Spec.NodeName[len(p.Spec.NodeName)-2:]
	s.HostIP = strings.Replace(s.HostIP, ".0", ".", 1)
	if s.HostIP == "10..1."+p.Spec.NodeName[len(p.Spec.NodeName)-2:] {
		s.HostIP = "10.0.1.7"
	}
	if st == "Evicted" {
		s.Phase, s.Reason, s.Message = corev1.PodFailed, "Evicted", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 88Mi."
		return s
	}
	t := true
	mk := func(c corev1.Container, k int, init bool) corev1.ContainerStatus {
		x := corev1.ContainerStatus{Name: c.Name, Image: c.Image, ImageID: fmt.Sprintf("%s@sha256:%032x%032x", strings.Split(c.Image, ":")[0], r.Int63(), r.Int63()),
			ContainerID: fmt.Sprintf("containerd://%032x%032x", r.Int63(), r.Int63()), Ready: true, Started: &t, RestartCount: restarts,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: start}}}
		term := func(code int32, reason string) *corev1.ContainerStateTerminated {
			return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, StartedAt: start, FinishedAt: start, ContainerID: x.ContainerID}
		}
		if init && st != "Init" {
			x.State = corev1.ContainerState{Terminated: term(0, "Completed")}
			return x
		}
		no := false
		switch st {
		case "CrashLoopBackOff":
			if k == 0 {
				x.Ready, x.Started, x.RestartCount = false, &no, restarts+int32(5+r.Intn(200))
				x.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 5m0s restarting failed container=" + c.Name + " pod=" + p.Name + "_" + p.Namespace}}
				x.LastTerminationState = corev1.ContainerState{Terminated: term(1, "Error")}
			}
		case "ImagePullBackOff":
			if k == 0 {
				x.Ready, x.Started, x.ContainerID, x.ImageID = false, &no, "", ""
				x.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling image \"" + c.Image + "\""}}
			}
		case "Init":
			x.Ready, x.Started, x.ContainerID, x.ImageID = false, &no, "", ""
			reason := "PodInitializing"
			x.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
		case "Completed":
			x.Ready, x.Started = false, &no
			x.State = corev1.ContainerState{Terminated: term(0, "Completed")}
		case "Error", "OOMKilled":
			x.Ready, x.Started = false, &no
			code := int32(1)
			if st == "OOMKilled" {
				code = 137
			}
			x.State = corev1.ContainerState{Terminated: term(code, st)}
		case "NotReady":
			if k == 0 {
				x.Ready = false
			}
		}
		return x
	}
	ready := true
	for k, c := range p.Spec.Containers {
		x := mk(c, k, false)
		ready = ready && x.Ready
		s.ContainerStatuses = append(s.ContainerStatuses, x)
	}
	for k, c := range p.Spec.InitContainers {
		s.InitContainerStatuses = append(s.InitContainerStatuses, mk(c, k, true))
	}
	switch st {
	case "Init", "ImagePullBackOff":
		s.Phase = corev1.PodPending
	case "Completed":
		s.Phase = corev1.PodSucceeded
	case "Error", "OOMKilled":
		s.Phase = corev1.PodFailed
	}
	cond(corev1.PodReadyToStartContainers, true, "", "")
	cond(corev1.PodInitialized, st != "Init", "", "")
	why := ""
	if !ready {
		why = "ContainersNotReady"
	}
	cond(corev1.PodReady, ready, why, "")
	cond(corev1.ContainersReady, ready, why, "")
	cond(corev1.PodScheduled, true, "", "")
	return s
}

func nodeName(i int) string { return fmt.Sprintf("ip-10-0-1-%02d", i) }

func makeNode(i int) (*corev1.Node, corev1.NodeStatus) {
	r := rng("node", i)
	q := resource.MustParse
	pool := []string{"general", "general", "general", "compute", "gpu"}[r.Intn(5)]
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName(i), Labels: map[string]string{"kubernetes.io/hostname": nodeName(i), "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "node.kubernetes.io/instance-type": "m6i.4xlarge", "topology.kubernetes.io/region": "eu-west-1", "topology.kubernetes.io/zone": "eu-west-1" + string(rune('a'+i%3)), "pool": pool},
		Annotations: map[string]string{"node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
		Spec: corev1.NodeSpec{PodCIDR: fmt.Sprintf("10.42.%d.0/24", i), ProviderID: fmt.Sprintf("aws:///eu-west-1a/i-%017x", r.Int63())}}
	if i < 3 {
		n.Labels["node-role.kubernetes.io/control-plane"] = "true"
	}
	rl := corev1.ResourceList{"cpu": q("16"), "memory": q("65536Mi"), "pods": q("250"), "ephemeral-storage": q("200Gi")}
	now := metav1.Now()
	ready := corev1.ConditionTrue
	if i%17 == 16 {
		ready = corev1.ConditionFalse
	}
	s := corev1.NodeStatus{Capacity: rl, Allocatable: rl, Addresses: []corev1.NodeAddress{{Type: "InternalIP", Address: fmt.Sprintf("10.0.1.%d", i)}, {Type: "Hostname", Address: nodeName(i)}},
		NodeInfo: corev1.NodeSystemInfo{MachineID: "m", SystemUUID: "u", BootID: "b", KernelVersion: "6.1.0-26-amd64", OSImage: "Debian GNU/Linux 12 (bookworm)", ContainerRuntimeVersion: "containerd://1.7.22", KubeletVersion: "v1.33.5", KubeProxyVersion: "v1.33.5", OperatingSystem: "linux", Architecture: "amd64"},
		Conditions: []corev1.NodeCondition{
			{Type: "MemoryPressure", Status: "False", Reason: "KubeletHasSufficientMemory", LastHeartbeatTime: now, LastTransitionTime: now},
			{Type: "DiskPressure", Status: "False", Reason: "KubeletHasNoDiskPressure", LastHeartbeatTime: now, LastTransitionTime: now},
			{Type: "PIDPressure", Status: "False", Reason: "KubeletHasSufficientPID", LastHeartbeatTime: now, LastTransitionTime: now},
			{Type: "Ready", Status: ready, Reason: "KubeletReady", LastHeartbeatTime: now, LastTransitionTime: now}}}
	for k := 0; k < 12; k++ {
		s.Images = append(s.Images, corev1.ContainerImage{Names: []string{fmt.Sprintf("registry.example.com/team/%s@sha256:%032x%032x", apps[k], r.Int63(), r.Int63()), fmt.Sprintf("registry.example.com/team/%s:v1.42.%d", apps[k], k)}, SizeBytes: int64(r.Intn(900 << 20))})
	}
	return n, s
}

func patchStatus(what any, do func(b []byte) error) error {
	b, e := json.Marshal(map[string]any{"status": what})
	if e != nil {
		return e
	}
	return do(b)
}

func create() {
	co := metav1.CreateOptions{FieldManager: "kube-controller-manager"}
	po := metav1.PatchOptions{FieldManager: "kubelet"}
	each("namespaces", *nNS, func(i int) error {
		_, e := cs.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: nsName(i), Labels: map[string]string{"team": nsName(i)}}}, co)
		return e
	})
	each("serviceaccounts", *nNS, func(i int) error {
		_, e := cs.CoreV1().ServiceAccounts(nsName(i)).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, co)
		return e
	})
	each("nodes", *nNodes, func(i int) error {
		n, s := makeNode(i)
		if _, e := cs.CoreV1().Nodes().Create(ctx, n, co); e != nil && !errors.IsAlreadyExists(e) {
			return e
		}
		return patchStatus(s, func(b []byte) error {
			_, e := cs.CoreV1().Nodes().Patch(ctx, n.Name, types.StrategicMergePatchType, b, po, "status")
			return e
		})
	})
	counts := make([]int32, len(deps))
	for i := 0; i < *nPods; i++ {
		r := rng("pod", i)
		counts[r.Intn(len(deps))]++
	}
	each("deployments+replicasets", len(deps), func(i int) error {
		d := &deps[i]
		rep := counts[i]
		l := labels(*d)
		tl := labels(*d)
		sel := map[string]string{"app": d.name}
		dp := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: d.name, Namespace: d.ns, Labels: l, Annotations: map[string]string{"deployment.kubernetes.io/revision": "7", "meta.helm.sh/release-name": d.name}},
			Spec: appsv1.DeploymentSpec{Replicas: &rep, Selector: &metav1.LabelSelector{MatchLabels: sel}, Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: tl}, Spec: podSpec(*d, rng("dep", i))}}}
		got, e := cs.AppsV1().Deployments(d.ns).Create(ctx, dp, co)
		if errors.IsAlreadyExists(e) {
			got, e = cs.AppsV1().Deployments(d.ns).Get(ctx, d.name, metav1.GetOptions{})
		}
		if e != nil {
			return e
		}
		d.uid = got.UID
		t := true
		tl["pod-template-hash"] = d.hash
		rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: d.name + "-" + d.hash, Namespace: d.ns, Labels: tl, OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: d.name, UID: d.uid, Controller: &t, BlockOwnerDeletion: &t}}},
			Spec: appsv1.ReplicaSetSpec{Replicas: &rep, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": d.name, "pod-template-hash": d.hash}}, Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: tl}, Spec: dp.Spec.Template.Spec}}}
		grs, e := cs.AppsV1().ReplicaSets(d.ns).Create(ctx, rs, co)
		if errors.IsAlreadyExists(e) {
			grs, e = cs.AppsV1().ReplicaSets(d.ns).Get(ctx, rs.Name, metav1.GetOptions{})
		}
		if e != nil {
			return e
		}
		d.rsuid = grs.UID
		av := rep - rep/20
		if e = patchStatus(appsv1.DeploymentStatus{Replicas: rep, UpdatedReplicas: rep, ReadyReplicas: av, AvailableReplicas: av, UnavailableReplicas: rep - av, ObservedGeneration: 1}, func(b []byte) error {
			_, e := cs.AppsV1().Deployments(d.ns).Patch(ctx, d.name, types.StrategicMergePatchType, b, po, "status")
			return e
		}); e != nil {
			return e
		}
		return patchStatus(appsv1.ReplicaSetStatus{Replicas: rep, ReadyReplicas: av, AvailableReplicas: av, ObservedGeneration: 1}, func(b []byte) error {
			_, e := cs.AppsV1().ReplicaSets(d.ns).Patch(ctx, rs.Name, types.StrategicMergePatchType, b, po, "status")
			return e
		})
	})
	each("pods+status", *nPods, func(i int) error {
		p, st := makePod(i)
		if _, e := cs.CoreV1().Pods(p.Namespace).Create(ctx, p, co); e != nil {
			return e // existing: leave as it is
		}
		r := rng("status", i)
		return patchStatus(podStatus(p, st, r, int32(r.Intn(4))), func(b []byte) error {
			_, e := cs.CoreV1().Pods(p.Namespace).Patch(ctx, p.Name, types.StrategicMergePatchType, b, po, "status")
			return e
		})
	})
	each("configmaps+secrets", *nCM, func(i int) error {
		r := rng("cm", i)
		d := deps[r.Intn(len(deps))]
		val := strings.Repeat(fmt.Sprintf("key_%d: value-%x\n", i, r.Int63()), 10+r.Intn(120))
		if i%5 < 3 {
			_, e := cs.CoreV1().ConfigMaps(d.ns).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-cm-%d", d.name, i), Labels: labels(d)}, Data: map[string]string{"config.yaml": val, "log.level": "info"}}, co)
			return e
		}
		_, e := cs.CoreV1().Secrets(d.ns).Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-sec-%d", d.name, i), Labels: labels(d)}, Data: map[string][]byte{"password": []byte(suffix(r, 24)), "blob": []byte(val)}}, co)
		return e
	})
	each("services", *nSvc, func(i int) error {
		d := deps[i%len(deps)]
		_, e := cs.CoreV1().Services(d.ns).Create(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: d.name, Labels: labels(d)}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": d.name}, Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}}}}, co)
		return e
	})
	reasons := [][3]string{{"Warning", "BackOff", "Back-off restarting failed container"}, {"Normal", "Pulled", "Container image already present on machine"}, {"Normal", "Scheduled", "Successfully assigned pod to node"}, {"Warning", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"}, {"Warning", "FailedScheduling", "0/50 nodes are available: 12 Insufficient cpu."}, {"Normal", "Killing", "Stopping container"}}
	if *nPods > 0 {
		each("events", *nEvents, func(i int) error {
			r := rng("ev", i)
			d, name, _ := podName(r.Intn(*nPods))
			x := reasons[r.Intn(len(reasons))]
			now := metav1.NewTime(time.Now().Add(-time.Duration(r.Intn(3000)) * time.Second))
			_, e := cs.CoreV1().Events(d.ns).Create(ctx, &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.%016x", name, r.Int63())}, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: d.ns, Name: name, APIVersion: "v1"}, Reason: x[1], Message: x[2], Type: x[0], Count: int32(1 + r.Intn(300)), FirstTimestamp: now, LastTimestamp: now, Source: corev1.EventSource{Component: "kubelet", Host: nodeName(r.Intn(*nNodes))}}, co)
			return e
		})
	}
}

func doChurn() {
	po := metav1.PatchOptions{FieldManager: "kubelet"}
	end := time.Now().Add(*duration)
	var sent, fails, late int64
	lim := make(chan int, 4096)
	for w := 0; w < 16; w++ {
		go func() {
			for i := range lim {
				p, st := makePod(i)
				r := rng("status", i)
				r.Intn(4) // as in create(): the same IPs and ids come out
				n := atomic.LoadInt64(&sent)
				if (st == "Running" || st == "NotReady") && n%2 == 1 { // readiness flaps, restart counts grow
					st = "NotReady"
				}
				s := podStatus(p, st, r, int32(n%1000))
				e := patchStatus(s, func(b []byte) error {
					_, e := cs.CoreV1().Pods(p.Namespace).Patch(ctx, p.Name, types.StrategicMergePatchType, b, po, "status")
					return e
				})
				if e != nil {
					if atomic.AddInt64(&fails, 1) < 4 {
						fmt.Fprintln(os.Stderr, "churn", e)
					}
				}
				atomic.AddInt64(&sent, 1)
			}
		}()
	}
	var pick []int
	for i := 0; i < *nPods; i++ {
		pick = append(pick, i)
	}
	r := rand.New(rand.NewSource(time.Now().UnixNano()))
	t0 := time.Now()
	issued := 0
	for *duration == 0 || time.Now().Before(end) {
		due := int(time.Since(t0).Seconds() * *churn)
		for issued < due {
			select {
			case lim <- pick[r.Intn(len(pick))]:
			default:
				late++
			}
			issued++
		}
		time.Sleep(2 * time.Millisecond)
	}
	fmt.Printf("churn: %d patches in %.1fs (%.0f/s), %d failed, %d dropped\n", sent, time.Since(t0).Seconds(), float64(sent)/time.Since(t0).Seconds(), fails, late)
}

func main() {
	flag.Parse()
	cfg, e := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	die(e)
	cfg.QPS, cfg.Burst = -1, 0
	cfg.ContentType, cfg.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json"
	cfg.UserAgent = "populate/1"
	cs, e = kubernetes.NewForConfig(cfg)
	die(e)
	for i := 0; i < *nDeploy; i++ {
		deps = append(deps, depOf(i))
	}
	sort.SliceStable(deps, func(a, b int) bool { return deps[a].name < deps[b].name })
	if !*noCreate {
		create()
	}
	if *churn > 0 {
		doChurn()
	}
}
