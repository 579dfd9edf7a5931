//! Images into real nodes: from the engine, from archives, through a pipe; a pod runs what nobody could pull.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use coracle::{
    backend::KubeApi,
    domain::{ObjectKey, image::full_name},
    ops::{
        self, Wish,
        images::{self, Wanted},
    },
    resources::pods,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::life::Life;

const BUSYBOX: &str = "busybox:latest";
const PATIENCE: Duration = Duration::from_secs(90);

/// Images of one test at the engine, gone when it is over.
struct Made(Vec<String>);

impl Made {
    /// An image that no node can have.
    fn image(&mut self, life: &Life, what: &str) -> String {
        let image = format!("{}-{what}:1", life.name);
        let label = format!("LABEL e2e={image}");
        docker(&[
            "create",
            "--name",
            &life.name.to_string(),
            BUSYBOX,
            "sleep",
            "1",
        ]);
        docker(&["commit", "--change", &label, life.name.as_str(), &image]);
        docker(&["rm", life.name.as_str()]);
        self.0.push(image.clone());
        image
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for image in &self.0 {
            let _ = Command::new("docker").args(["rmi", "-f", image]).output();
        }
    }
}

fn docker(arguments: &[&str]) {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {said}");
}

/// Runs the image on a node, from what the node has, until it has run.
pub async fn runs(api: &dyn KubeApi, name: &str, node: &str, image: &str, policy: &str) {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": {
            "nodeName": node, "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "main", "image": image, "imagePullPolicy": policy, "command": ["true"],
            }],
        },
    });
    api.create(&pods::KIND, "default", &pod).await.unwrap();
    let begun = Instant::now();
    let key = ObjectKey::new("default", name);
    loop {
        let status: Value = api.get(&pods::KIND, &key).await.unwrap()["status"].clone();
        if status["phase"] == "Succeeded" {
            break;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{name} does not run {image}: {status}"
        );
        sleep(Duration::from_millis(100)).await;
    }
    api.delete(&pods::KIND, &key).await.unwrap();
}

#[tokio::test]
async fn images_reach_every_node_and_pods_run_them() {
    let life = Life::new("img").await;
    let mut made = Made(Vec::new());
    life.run(Life::create(life.spec(1, 1))).await.unwrap();
    let api = life.api().await;
    let nodes = ["server-0", "agent-0"].map(|node| format!("k3d-{}-{node}", life.name));
    let wish = |wanted: &[Wanted]| Wish::ImportImages {
        cluster: life.name.clone(),
        images: wanted.to_vec(),
    };

    // From the engine, two at once, one of them large.
    let one = made.image(&life, "one");
    let large = std::env::var("CORACLE_E2E_K3S_IMAGE")
        .unwrap_or_else(|_| "rancher/k3s:v1.34.2-k3s1".to_owned());
    let named = |name: &str| Wanted::Named(name.to_owned());
    let begun = Instant::now();
    let report = life.run(wish(&[named(&one)])).await.unwrap();
    assert_eq!(report.changed, 2);
    println!(
        "import of {BUSYBOX}'s size into 2 nodes: {:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    life.run(wish(&[named(&one), named(&large)])).await.unwrap();
    println!("import of {large} into 2 nodes: {:?}", begun.elapsed());
    for (number, node) in nodes.iter().enumerate() {
        runs(&*api, &format!("one-{number}"), node, &one, "Never").await;
    }

    // What is there is not sent again, under whatever name it is asked for.
    let begun = Instant::now();
    let again = wish(&[named(&one), named(&format!("docker.io/library/{one}"))]);
    let (_, plan) = life.prepare(again).await.unwrap();
    assert_eq!(plan.steps, []);
    println!("import of what is there: {:?}", begun.elapsed());

    // A name that means another image now is sent.
    let world = ops::observe(&life.backends).await.unwrap();
    let cluster = world.cluster(&life.name).unwrap();
    docker(&["tag", BUSYBOX, &one]);
    let (_, plan) = life.prepare(wish(&[named(&one)])).await.unwrap();
    assert_eq!(plan.steps.len(), 2);
    life.run(wish(&[named(&one)])).await.unwrap();
    let engine = images::at_engine(&life.backends).await.unwrap();
    let busybox = engine
        .iter()
        .find(|image| image.is_called(BUSYBOX))
        .unwrap();
    for node in images::of_cluster(&life.backends, cluster).await {
        let images = node.images.unwrap();
        let image = images
            .iter()
            .find(|image| image.names.contains(&full_name(&one)));
        assert_eq!(
            image.unwrap().id.as_ref(),
            Some(&busybox.id),
            "{}",
            node.node
        );
        assert!(image.unwrap().size > 0);
    }

    // From an archive of two, compressed.
    let (two, three) = (made.image(&life, "two"), made.image(&life, "three"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("images.tar.gz");
    let save = format!("docker save {two} {three} | gzip -1 > {}", path.display());
    assert!(
        Command::new("sh")
            .args(["-c", &save])
            .status()
            .unwrap()
            .success()
    );
    let opened = images::open(path.to_str().unwrap()).await.unwrap();
    let report = life
        .run(wish(std::slice::from_ref(&opened.wanted)))
        .await
        .unwrap();
    assert_eq!(report.changed, 2);
    runs(&*api, "three", &nodes[1], &three, "Never").await;

    // Out again.
    let remove = Wish::RemoveImages {
        cluster: life.name.clone(),
        images: vec![two.clone()],
    };
    assert_eq!(life.run(remove).await.unwrap().changed, 2);
    let (_, plan) = life.prepare(wish(&[named(&two)])).await.unwrap();
    assert_eq!(plan.steps.len(), 2);

    // Through a pipe, by the binary; and an image of which only this machine's platform is in the archive.
    let four = made.image(&life, "four");
    let (code, said) = piped(&life, &format!("docker save {four}"));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(&nodes[0]) && said.contains(&nodes[1]),
        "{said}"
    );
    runs(&*api, "four", &nodes[0], &four, "Never").await;
    let (code, said) = piped(&life, "echo nonsense");
    assert_eq!(code, Some(2), "{said}");

    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

/// Pipes what a script prints into `coracle image import -`; the exit code and what was said.
fn piped(life: &Life, script: &str) -> (Option<i32>, String) {
    let mut from = Command::new("sh")
        .args(["-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_coracle"))
        .args(["image", "import", "-", "-c", life.name.as_str()])
        .stdin(from.stdout.take().unwrap())
        .output()
        .unwrap();
    from.wait().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

/// Bytes in zstd's form, none of them compressed.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    // The magic number, a header without anything, a window of 128 KiB.
    let mut all = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    let mut blocks = bytes.chunks(128 << 10).peekable();
    while let Some(block) = blocks.next() {
        let header = block.len() << 3 | usize::from(blocks.peek().is_none());
        all.extend_from_slice(&header.to_le_bytes()[..3]);
        all.extend_from_slice(block);
    }
    all
}

/// An archive as a Docker with a containerd for its images saves it: the whole list of platforms and attestations, and of
/// the contents only what this machine's platform needs. Its layer is in zstd's form.
fn one_platform_of_several(annotations: &str, folder: &Path) -> PathBuf {
    let path = folder.join("several.tar");
    let save = format!(
        "mkdir -p {folder}/saved && docker save {BUSYBOX} | tar -x -C {folder}/saved",
        folder = folder.display()
    );
    let saved = Command::new("sh").args(["-c", &save]).status().unwrap();
    assert!(saved.success());
    let manifest = fs::read(folder.join("saved/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let layer = manifest[0]["Layers"][0].as_str().unwrap();
    let layer = zstd(&fs::read(folder.join("saved").join(layer)).unwrap());
    fs::write(folder.join("saved/layer"), layer).unwrap();
    let script = format!(
        r#"set -e; cd {folder}; mkdir -p blobs/sha256
        config=$(grep -o '"Config":"[^"]*"' saved/manifest.json | cut -d'"' -f4)
        put() {{ digest=$(sha256sum "$1" | cut -d' ' -f1); size=$(stat -c %s "$1"); cp "$1" blobs/sha256/$digest; }}
        put saved/layer; layers="{{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+zstd\",\"digest\":\"sha256:$digest\",\"size\":$size}}"
        put saved/$config; configuration="{{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:$digest\",\"size\":$size}}"
        echo "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":$configuration,\"layers\":[$layers]}}" >manifest
        put manifest; here="\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:$digest\",\"size\":$size"
        away="\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":700,\"digest\":\"sha256"
        echo "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[
          {{$here,\"platform\":{{\"os\":\"linux\",\"architecture\":\"$1\"}}}},
          {{$away:{a}\",\"platform\":{{\"os\":\"linux\",\"architecture\":\"s390x\"}}}},
          {{$away:{b}\",\"platform\":{{\"os\":\"unknown\",\"architecture\":\"unknown\"}},
            \"annotations\":{{\"vnd.docker.reference.type\":\"attestation-manifest\"}}}}]}}" >index
        put index
        echo "{{\"schemaVersion\":2,\"manifests\":[{{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"digest\":\"sha256:$digest\",\"size\":$size,
          \"annotations\":"'{annotations}}}]}}' >index.json
        echo '{{"imageLayoutVersion":"1.0.0"}}' >oci-layout
        tar -c -f {archive} oci-layout index.json blobs"#,
        folder = folder.display(),
        archive = path.display(),
        a = "a".repeat(64),
        b = "b".repeat(64),
    );
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let made = Command::new("sh")
        .args(["-c", &script, "sh", architecture])
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    path
}

#[tokio::test]
async fn of_an_image_for_several_platforms_one_is_enough() {
    let life = Life::new("plat").await;
    // One is named as Docker does it, one with as few words as others do it.
    let image = format!("{}-several:1", life.name);
    let short = format!("{}-short:1", life.name);
    let annotations = [
        json!({ "io.containerd.image.name": full_name(&image), "org.opencontainers.image.ref.name": "1" }),
        json!({ "org.opencontainers.image.ref.name": short }),
    ];
    let archives = annotations.map(|annotations| {
        let directory = tempfile::tempdir().unwrap();
        let path = one_platform_of_several(&annotations.to_string(), directory.path());
        (directory, Wanted::Archive(path))
    });
    let mut spec = life.spec(1, 0);
    spec.load_balancer = false;
    life.run(Life::create(spec)).await.unwrap();
    let wish = Wish::ImportImages {
        cluster: life.name.clone(),
        images: archives.iter().map(|(_, path)| path.clone()).collect(),
    };
    let report = life.run(wish.clone()).await.unwrap();
    assert_eq!(report.changed, 2);
    let (_, plan) = life.prepare(wish).await.unwrap();
    assert_eq!(plan.steps, []);
    let node = format!("k3d-{}-server-0", life.name);
    let api = life.api().await;
    runs(&*api, "several", &node, &image, "Never").await;
    runs(&*api, "short", &node, &short, "Never").await;
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}
