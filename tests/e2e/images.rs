//! Images into real nodes: from the engine, from archives, through a pipe; a pod runs what nobody could pull.

use std::{
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
