//! Networks of clusters on a real engine: shared with others, with two families of addresses, with names of one's own;
//! and what pods find in them.

use std::{
    fs,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::story::{Story, docker};

/// Every k3s node has it, for its volumes.
const IMAGE: &str = "rancher/mirrored-library-busybox:1.36.1";

/// How long a record may take to reach pods: CoreDNS looks at its files every half minute or so.
const WAIT: Duration = Duration::from_secs(120);

/// A network that goes when the test ends, however that is.
struct Network(String);

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["network", "rm", &self.0])
            .output();
    }
}

/// What a container of a cluster prints, and whether it succeeds.
fn inside(story: &Story, node: &str, script: &str) -> (bool, String) {
    let container = format!("k3d-{}-{node}", story.name);
    let output = Command::new("docker")
        .args(["exec", &container, "sh", "-c", script])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text)
}

/// Waits until the script succeeds and what it prints contains the word.
fn eventually(story: &Story, script: &str, word: &str) -> String {
    let begun = Instant::now();
    loop {
        let (done, text) = inside(story, "server-0", script);
        if done && text.contains(word) {
            return text;
        }
        assert!(begun.elapsed() < WAIT, "{script}: {text}");
        sleep(Duration::from_millis(500));
    }
}

/// A pod to look names up from.
fn pod(story: &Story) {
    let run = format!(
        "kubectl get pod looker -o name || kubectl run looker --image={IMAGE} \
         --image-pull-policy=IfNotPresent --restart=Always --command -- sleep 3600"
    );
    eventually(story, &run, "looker");
    eventually(
        story,
        "kubectl get pod looker -o jsonpath='{.status.phase}'",
        "Running",
    );
}

fn look_up(name: &str) -> String {
    format!("kubectl exec looker -- timeout 10 nslookup -type=a {name}.")
}

/// The addresses of a cluster's containers in a network.
fn addresses(story: &Story, network: &str) -> Vec<String> {
    let label = format!("label=k3d.cluster={}", story.name);
    let ids = docker(&["ps", "-q", "--filter", &label]);
    let format = format!("{{{{(index .NetworkSettings.Networks \"{network}\").IPAddress}}}}");
    let mut arguments = vec!["inspect", "-f", &format];
    arguments.extend(ids.split_whitespace());
    docker(&arguments).lines().map(str::to_owned).collect()
}

/// A pod on the agent says its name to the other node, and to a pod there, at each of its addresses and at each of its
/// service's.
fn pods_answer_by_both_families(story: &Story) {
    let pod = |name: &str, node: &str, command: &str| {
        let node = format!("k3d-{}-{node}", story.name);
        format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","labels":{{"app":"{name}"}}}},"spec":{{
            "nodeName":"{node}","terminationGracePeriodSeconds":0,"containers":[{{"name":"main","image":"{IMAGE}",
            "imagePullPolicy":"IfNotPresent","command":["sh","-c","{command}"]}}]}}}}"#
        )
    };
    let service = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"teller"},"spec":{"selector":{"app":"teller"},
        "ipFamilyPolicy":"RequireDualStack","ports":[{"port":8080}]}}"#;
    let tell = "mkdir /www; hostname >/www/index.html; exec httpd -f -p 8080 -h /www";
    let all = [
        pod("teller", "agent-0", tell),
        pod("asker", "server-0", "sleep 3600"),
        service.to_owned(),
    ];
    for object in all {
        eventually(story, &format!("echo '{object}' | kubectl apply -f -"), "/");
    }
    let ready = "kubectl wait --for=condition=Ready pod/teller pod/asker --timeout=60s";
    eventually(story, ready, "condition met");
    let addresses = |what: &str| {
        let (done, text) = inside(story, "server-0", &format!("kubectl get {what}"));
        assert!(done, "{what}: {text}");
        let all: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        assert_eq!(all.len(), 2, "{what}: {text}");
        assert!(all[1].starts_with("fd6b:3364:4"), "{what}: {text}");
        all
    };
    let pods = addresses("pod teller -o jsonpath='{.status.podIPs[*].ip}'");
    let services = addresses("service teller -o jsonpath='{.spec.clusterIPs[*]}'")
        .into_iter()
        .map(|text| text.trim_matches(['[', ']', '"']).to_owned());
    for address in pods.into_iter().chain(services) {
        let host = if address.contains(':') {
            format!("[{address}]")
        } else {
            address
        };
        for from in ["", "kubectl exec asker -- "] {
            let ask = format!("{from}timeout 10 wget -qO- http://{host}:8080/");
            println!("{ask}: {}", eventually(story, &ask, "teller").trim());
        }
    }
}

fn ready(story: &Story) -> usize {
    let (done, text) = inside(story, "server-0", "kubectl get nodes --no-headers");
    assert!(done, "{text}");
    text.lines().filter(|line| line.contains(" Ready ")).count()
}

fn networks() -> String {
    docker(&["network", "ls", "--format", "{{.Name}}"])
}

#[test]
fn two_clusters_live_in_one_network_that_survives_both() {
    let (first, second) = (Story::new("net-a"), Story::new("net-b"));
    let network = Network(format!("e2e-shared-{}", std::process::id()));
    // k3d makes a network that is not there too, and leaves it.
    let create = format!("cluster create NAME --network {} --wait", network.0);
    first.run(&format!("{create} -a 1"), 0);
    assert!(networks().lines().any(|name| name == network.0));
    second.run(&create, 0);
    assert_eq!((ready(&first), ready(&second)), (2, 1));
    let mut all = [
        addresses(&first, &network.0),
        addresses(&second, &network.0),
    ]
    .concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 5, "{all:?}");
    // Another node of the one meets none of the other's addresses.
    second.run("cluster scale NAME --agents 1", 0);
    assert_eq!(ready(&second), 2);

    first.run("cluster delete NAME", 0);
    assert_eq!(first.remains(), Vec::<String>::new());
    second.run("cluster stop NAME", 0);
    second.run("cluster start NAME", 0);
    assert_eq!(ready(&second), 2);
    second.run("cluster delete NAME", 0);
    assert!(networks().lines().any(|name| name == network.0));
}

#[test]
fn a_network_whose_addresses_the_engine_chooses_does_as_well() {
    let story = Story::new("net-dyn");
    let network = Network(format!("e2e-dynamic-{}", std::process::id()));
    docker(&["network", "create", &network.0]);
    story.run(
        &format!("cluster create NAME -a 1 --network {}", network.0),
        0,
    );
    assert_eq!(ready(&story), 2);
    story.run("cluster restart NAME", 0);
    assert_eq!(ready(&story), 2);
    story.run("cluster delete NAME", 0);
    assert!(networks().lines().any(|name| name == network.0));
}

#[test]
fn pods_find_the_host_a_person_s_names_and_containers_also_after_a_restart() {
    let story = Story::new("net-dns");
    story.run(
        "cluster create NAME --host-alias 10.1.2.3:db.example.org,db",
        0,
    );
    let balancer = format!("k3d-{}-serverlb", story.name);
    let gateway = "ip -4 route show default | cut -d' ' -f3";
    let host = inside(&story, "server-0", gateway).1.trim().to_owned();
    for round in ["new", "started again"] {
        pod(&story);
        for (name, address) in [
            ("host.k3d.internal", host.as_str()),
            ("db.example.org", "10.1.2.3"),
            ("db", "10.1.2.3"),
        ] {
            let text = eventually(&story, &look_up(name), address);
            println!("{round}: {name}: {}", text.replace('\n', " "));
            let grep = format!("grep -w '{name}' /etc/hosts");
            let (found, line) = inside(&story, "server-0", &grep);
            assert!(found && line.contains(address), "{round}: {name}: {line}");
        }
        // Docker's own name server, which the fix makes reachable for pods.
        eventually(&story, &look_up(&balancer), &balancer);
        if round == "new" {
            story.run("cluster stop NAME", 0);
            story.run("cluster start NAME", 0);
        }
    }
    story.run("cluster delete NAME", 0);
    assert_eq!(story.remains(), Vec::<String>::new());
}

#[test]
fn without_the_fix_for_dns_pods_do_not_ask_the_engine() {
    let story = Story::new("net-nofix");
    let mut create = story.command("cluster create NAME");
    assert!(create.env("K3D_FIX_DNS", "0").status().unwrap().success());
    pod(&story);
    eventually(&story, &look_up("host.k3d.internal"), "host.k3d.internal");
    let (_, resolver) = inside(&story, "server-0", "cat /etc/resolv.conf");
    assert!(resolver.contains("127.0.0.11"), "{resolver}");
    let balancer = look_up(&format!("k3d-{}-serverlb", story.name));
    let (found, text) = inside(&story, "server-0", &balancer);
    assert!(!found, "{text}");
    story.run("cluster delete NAME", 0);
}

#[test]
fn nodes_of_a_dual_stack_cluster_have_addresses_of_both_families() {
    let story = Story::new("net-dual");
    story.run("cluster create NAME -a 1 --subnet auto --dual-stack", 0);
    assert_eq!(ready(&story), 2);
    let network = format!("k3d-{}", story.name);
    let shown = docker(&[
        "network",
        "inspect",
        "-f",
        "{{.EnableIPv6}} {{json .IPAM.Config}}",
        &network,
    ]);
    assert!(
        shown.starts_with("true") && shown.contains("fd6b:3364:"),
        "{shown}"
    );
    let format =
        format!("{{{{(index .NetworkSettings.Networks \"{network}\").GlobalIPv6Address}}}}");
    let agent = format!("k3d-{}-agent-0", story.name);
    let address = docker(&["inspect", "-f", &format, &agent]);
    let address = address.trim();
    assert!(address.starts_with("fd6b:3364:"), "{address}");
    let arguments = docker(&["inspect", "-f", "{{json .Args}}", &agent]);
    assert!(arguments.contains(&format!(",{address}\"")), "{arguments}");
    assert_eq!(
        addresses(&story, &network)
            .iter()
            .filter(|a| !a.is_empty())
            .count(),
        3
    );
    // Kubernetes gives pods and services both.
    let pods = "kubectl get nodes -o jsonpath='{.items[*].spec.podCIDRs}'";
    eventually(&story, pods, "fd6b:3364:42:");
    let service = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"both"},
        "spec":{"ipFamilyPolicy":"RequireDualStack","ports":[{"port":80}]}}"#;
    let made = format!("echo '{service}' | kubectl apply -f -");
    eventually(&story, &made, "both");
    let both = "kubectl get service both -o jsonpath='{.spec.clusterIPs}'";
    let both = eventually(&story, both, "10.43.");
    assert!(both.contains("fd6b:3364:43:"), "{both}");
    pods_answer_by_both_families(&story);
    // A node that joins later has both as well.
    story.run("cluster scale NAME --agents 2", 0);
    assert_eq!(ready(&story), 3);
    let later = docker(&[
        "inspect",
        "-f",
        &format,
        &format!("k3d-{}-agent-1", story.name),
    ]);
    assert!(later.starts_with("fd6b:3364:"), "{later}");
    story.run("cluster delete NAME", 0);
    assert_eq!(story.remains(), Vec::<String>::new());
}

/// The machine's own network has the node's ports and rules besides everybody else's. So that nothing of the machine is
/// changed, no proxy and no network of pods is asked for here, and ports that nobody has for what has one in any case.
#[test]
fn a_node_in_the_machine_s_own_network_has_its_addresses_and_needs_no_load_balancer() {
    let story = Story::new("net-host");
    let loopback = story.home().join("10-loopback.conflist");
    let contents = r#"{"cniVersion":"1.0.0","name":"lo","plugins":[{"type":"loopback"}]}"#;
    fs::write(&loopback, contents).unwrap();
    let argument = |text: &str| format!(" --k3s-arg {text}");
    let own: String = [
        "--flannel-backend=none",
        "--disable-kube-proxy",
        "--disable-network-policy",
        "--disable=servicelb,metrics-server,local-storage,coredns",
        "--kube-controller-manager-arg=secure-port=32257",
        "--kube-scheduler-arg=secure-port=32259",
        "--kubelet-arg=healthz-port=32248",
        "--kubelet-arg=make-iptables-util-chains=false",
    ]
    .map(argument)
    .concat();
    let mount = format!(
        "{}:/var/lib/rancher/k3s/agent/etc/cni/net.d/10-loopback.conflist",
        loopback.display()
    );
    story.run(
        &format!("cluster create NAME --network host -v {mount}{own}"),
        0,
    );
    let name = &story.name;
    let container = format!("k3d-{name}-server-0");
    let mode = docker(&["inspect", "-f", "{{.HostConfig.NetworkMode}}", &container]);
    assert_eq!(mode.trim(), "host");
    assert_eq!(ready(&story), 1);
    let cluster = &story.json("cluster list NAME -o json")[0];
    assert_eq!(cluster["hasLoadbalancer"], false, "{cluster}");
    // Its API is at the machine's port, for this machine as well.
    let kubeconfig = story.run("kubeconfig get NAME", 0);
    assert!(kubeconfig.contains(":6443"), "{kubeconfig}");
    // A second one finds the port taken, and says so before anything is made.
    let second = Story::new("net-host-b");
    let output = second
        .command("cluster create NAME --network host")
        .output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(said.contains("6443"), "{said}");
    assert_eq!(second.remains(), Vec::<String>::new());
    story.run("cluster restart NAME", 0);
    assert_eq!(ready(&story), 1);
    story.run("cluster delete NAME", 0);
    assert_eq!(story.remains(), Vec::<String>::new());
    assert!(networks().lines().any(|name| name == "host"));
    let rules = Command::new("iptables-save").output();
    let rules = rules.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    assert!(!rules.is_ok_and(|text| text.contains("KUBE-")));
}
