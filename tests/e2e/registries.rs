//! Registries on a real engine: made, pushed to, used by pods of a cluster that runs, listed, removed.

use std::process::Command;

use coracle::{
    domain::{
        ObjectKey, ProblemKind, Registry,
        registry::{RegistryProxy, RegistrySpec},
    },
    ops::{Wish, registries},
    plan::registry::{Wanted, find},
    resources::unlisted,
};

use crate::{images::runs, life::Life};

const BUSYBOX: &str = "busybox:latest";

/// Containers and images of one test, gone when it is over.
struct Made {
    containers: Vec<String>,
    images: Vec<String>,
}

impl Drop for Made {
    fn drop(&mut self) {
        for container in &self.containers {
            let _ = Command::new("docker")
                .args(["rm", "-fv", container])
                .output();
        }
        for image in &self.images {
            let _ = Command::new("docker").args(["rmi", "-f", image]).output();
        }
    }
}

fn docker(arguments: &[&str]) {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {said}");
}

fn spec(name: &str) -> RegistrySpec {
    RegistrySpec {
        name: name.to_owned(),
        image: std::env::var("CORACLE_E2E_REGISTRY_IMAGE")
            .unwrap_or_else(|_| "registry:2".to_owned()),
        delete_enabled: true,
        ..RegistrySpec::default()
    }
}

async fn found(life: &Life, name: &str) -> Registry {
    let all = registries::list(&life.backends).await.unwrap();
    find(&all, name).unwrap().clone()
}

#[tokio::test]
async fn a_cluster_that_runs_gets_images_from_a_registry() {
    let life = Life::new("reg").await;
    let name = format!("k3d-{}-r", life.name);
    let mut made = Made {
        containers: vec![name.clone()],
        images: Vec::new(),
    };
    let wish = |wanted: Wanted| Wish::Registry(wanted);
    let create = Wanted::Create {
        spec: Box::new(spec(&name)),
        network: "bridge".to_owned(),
        clusters: Vec::new(),
    };
    life.run(wish(create.clone())).await.unwrap();
    let registry = found(&life, &name).await;
    let outside = registry.outside().unwrap();
    let again = life.prepare(wish(create)).await.unwrap_err();
    assert_eq!(again.kind, ProblemKind::Refused);

    let image = format!("{outside}/team/app:1");
    made.images.push(image.clone());
    docker(&["tag", BUSYBOX, &image]);
    docker(&["push", &image]);
    let catalogue = registries::catalogue(&life.backends, &registry)
        .await
        .unwrap();
    let listed: Vec<(&str, &[String])> = catalogue
        .iter()
        .map(|repository| (repository.name.as_str(), repository.tags.as_slice()))
        .collect();
    assert_eq!(listed, [("team/app", &["1".to_owned()][..])]);

    life.run(Life::create(life.spec(1, 1))).await.unwrap();
    let api = life.api().await;
    let connect = Wanted::Connect {
        registry: name.clone(),
        cluster: life.name.clone(),
    };
    life.run(wish(connect)).await.unwrap();
    // By the registry's name inside, and by the name that it was pushed under.
    let inside = format!("{}/team/app:1", registry.inside());
    let agent = format!("k3d-{}-agent-0", life.name);
    let server = format!("k3d-{}-server-0", life.name);
    runs(&*api, "inside", &agent, &inside, "Always").await;
    runs(&*api, "outside", &server, &image, "Always").await;

    // The same after a restart, from what k3s reads.
    life.run(Wish::Restart(life.name.clone())).await.unwrap();
    let api = life.api().await;
    runs(&*api, "again", &agent, &inside, "Always").await;

    // Deleting the cluster lets the registry go.
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(found(&life, &name).await.networks, ["bridge"]);
    life.run(wish(Wanted::Delete(name.clone()))).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_registry_is_made_with_a_cluster_and_goes_with_it() {
    let life = Life::new("regc").await;
    let shared = format!("k3d-{}-shared", life.name);
    let own = format!("{}-own", life.name);
    let mut made = Made {
        containers: vec![shared.clone(), own.clone()],
        images: Vec::new(),
    };
    let create = Wanted::Create {
        spec: Box::new(spec(&shared)),
        network: "bridge".to_owned(),
        clusters: Vec::new(),
    };
    life.run(Wish::Registry(create)).await.unwrap();

    let mut wanted = life.spec(1, 0);
    wanted.registries.create = Some(RegistrySpec {
        same_port: true,
        ..spec(&own)
    });
    wanted.registries.used = vec![shared.clone()];
    wanted.registries.config = Some(
        "configs:\n  elsewhere.example.com:\n    auth: {username: me, password: hunter2}\n"
            .to_owned(),
    );
    life.run(Life::create(wanted)).await.unwrap();
    let api = life.api().await;
    let node = format!("k3d-{}-server-0", life.name);
    for (number, name) in [&shared, &own].into_iter().enumerate() {
        let registry = found(&life, name).await;
        let image = format!("{}/app:{number}", registry.outside().unwrap());
        made.images.push(image.clone());
        docker(&["tag", BUSYBOX, &image]);
        docker(&["push", &image]);
        let inside = format!("{}/app:{number}", registry.inside());
        let pod = format!("from-{number}");
        runs(&*api, &pod, &node, &inside, "Always").await;
    }
    // The one of the cluster's own is what tools are told of.
    let key = ObjectKey::new("kube-public", "local-registry-hosting");
    let record = api.get(&unlisted::CONFIG_MAPS, &key).await.unwrap();
    let text = record["data"]["localRegistryHosting.v1"].as_str().unwrap();
    let registry = found(&life, &own).await;
    assert_eq!(Some(registry.port), registry.host_port);
    assert!(text.contains(&registry.inside()), "{text}");

    let (registry, cluster) = (shared.clone(), life.name.clone());
    let disconnect = Wanted::Disconnect { registry, cluster };
    life.run(Wish::Registry(disconnect)).await.unwrap();
    assert_eq!(found(&life, &shared).await.networks, ["bridge"]);

    // One that is deleted while nodes use it: containerd and k3s both forget it, and only it.
    let (registry, cluster) = (shared.clone(), life.name.clone());
    let connect = Wanted::Connect { registry, cluster };
    life.run(Wish::Registry(connect)).await.unwrap();
    let read = async |path: &str| {
        let read = life.backends.runtime.read_file(&node, path).await;
        String::from_utf8(read.unwrap()).unwrap()
    };
    let certs = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d";
    let (yaml, hosts) = (
        "/etc/rancher/k3s/registries.yaml",
        format!("{certs}/{shared}:5000/hosts.toml"),
    );
    assert!(read(yaml).await.contains(&shared) && read(&hosts).await.contains("[host."));
    life.run(Wish::Registry(Wanted::Delete(shared.clone())))
        .await
        .unwrap();
    let all = registries::list(&life.backends).await.unwrap();
    assert!(find(&all, &shared).is_err());
    let text = read(yaml).await;
    assert!(!text.contains(&shared) && text.contains(&own), "{text}");
    let text = read(&hosts).await;
    assert!(!text.contains("[host."), "{text}");

    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    let all = registries::list(&life.backends).await.unwrap();
    assert!(find(&all, &own).is_err());
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_registry_keeps_copies_of_another_one() {
    let life = Life::new("regp").await;
    let source = format!("k3d-{}-source", life.name);
    let copies = format!("{}-copies", life.name);
    let mut made = Made {
        containers: vec![source.clone(), copies.clone()],
        images: Vec::new(),
    };
    let create = Wanted::Create {
        spec: Box::new(spec(&source)),
        network: "bridge".to_owned(),
        clusters: Vec::new(),
    };
    life.run(Wish::Registry(create)).await.unwrap();
    let registry = found(&life, &source).await;
    let image = format!("{}/app:1", registry.outside().unwrap());
    made.images.push(image.clone());
    docker(&["tag", BUSYBOX, &image]);
    docker(&["push", &image]);

    // Images that are named by the one come through the other, which alone knows the way.
    let mut wanted = life.spec(1, 0);
    wanted.load_balancer = false;
    wanted.registries.create = Some(RegistrySpec {
        proxy: Some(RegistryProxy {
            url: format!("http://{source}:5000"),
            ..RegistryProxy::default()
        }),
        delete_enabled: false,
        ..spec(&copies)
    });
    life.run(Life::create(wanted)).await.unwrap();
    let network = format!("k3d-{}", life.name);
    let runtime = &life.backends.runtime;
    runtime.connect(&network, &source).await.unwrap();
    // It asks for its source when it starts.
    docker(&["restart", &copies]);
    let node = format!("k3d-{}-server-0", life.name);
    let named = format!("{source}:5000/app:1");
    let api = life.api().await;
    runs(&*api, "copied", &node, &named, "Always").await;
    // Its log tells who asked it for what; the catalogue lists only what it has layers of, and the node had this one.
    let log = Command::new("docker")
        .args(["logs", &copies])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&log.stderr);
    assert!(log.contains("/v2/app/manifests/1?ns="), "{log}");

    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    life.run(Wish::Registry(Wanted::Delete(source)))
        .await
        .unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

/// Runs the binary; what it printed.
fn coracle(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_coracle"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "coracle {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_flags_of_a_registry_reach_it() {
    let life = Life::new("regf").await;
    let name = format!("k3d-{}-f", life.name);
    let mut made = Made {
        containers: vec![name.clone()],
        images: Vec::new(),
    };
    let image = spec(&name).image;
    let folder = tempfile::tempdir().unwrap();
    let volume = format!("{}:/var/lib/registry", folder.path().display());
    let create = [
        &[
            "registry",
            "create",
            name.as_str(),
            "-i",
            &image,
            "-v",
            &volume,
        ][..],
        &["--delete-enabled", "--enforce-port-match", "--no-help"],
        &["-e", "REGISTRY_LOG_LEVEL=debug"],
    ];
    assert_eq!(coracle(&create.concat()).trim(), name);
    let registry = found(&life, &name).await;
    assert_eq!(Some(registry.port), registry.host_port);
    assert_eq!(
        coracle(&["registry", "ls", &name, "-o", "name"]).trim(),
        name
    );

    // What is pushed lies in the volume.
    let outside = registry.outside().unwrap();
    let pushed = format!("{outside}/kept:1");
    made.images.push(pushed.clone());
    docker(&["tag", BUSYBOX, &pushed]);
    docker(&["push", &pushed]);
    let kept = folder.path().join("docker/registry/v2/repositories/kept");
    assert!(kept.is_dir());

    // The variable is the registry's own configuration, and images can be removed from it.
    let log = Command::new("docker").args(["logs", &name]).output();
    let log = String::from_utf8(log.unwrap().stderr).unwrap();
    assert!(log.contains("level=debug"), "{log}");
    let url = format!("http://{outside}/v2/kept/manifests/1");
    let accept = "Accept: application/vnd.docker.distribution.manifest.v2+json";
    let ask = |more: &[&str]| {
        let asked = Command::new("curl")
            .args(["-s", "-i", "-H", accept])
            .args(more)
            .output();
        String::from_utf8_lossy(&asked.unwrap().stdout).to_lowercase()
    };
    let head = ask(&["-I", &url]);
    let digest = head
        .lines()
        .find_map(|line| line.strip_prefix("docker-content-digest: "))
        .unwrap();
    let by_digest = format!("http://{outside}/v2/kept/manifests/{digest}");
    let removed = ask(&["-X", "DELETE", &by_digest]);
    assert!(removed.starts_with("http/1.1 202"), "{removed}");

    coracle(&["registry", "stop", &name]);
    assert!(coracle(&["registry", "list"]).contains("exited"));
    coracle(&["registry", "start", &name]);
    coracle(&["registry", "rm", &name]);
    assert!(!coracle(&["registry", "list"]).contains(&name));
    assert!(kept.is_dir());
    // The registry wrote as another person.
    docker(&[
        "run",
        "--rm",
        "-v",
        &volume,
        BUSYBOX,
        "rm",
        "-rf",
        "/var/lib/registry/docker",
    ]);
}
