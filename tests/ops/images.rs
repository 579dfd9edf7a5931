//! Images into the nodes of a simulated cluster: only what is lacking, verified, and each node for itself.

use std::{fs, path::Path, time::Duration};

use coracle::{
    backend::{
        Backends, ErrorKind,
        sim::{Fault, World},
    },
    domain::{ClusterName, ProblemKind},
    ops::{
        self, Cancel, Failure, Report, Request, Wish,
        images::{self, Wanted},
    },
    plan::{Event, Plan},
};
use futures::TryStreamExt;
use tokio::sync::mpsc;

/// A cluster of the simulated world that runs.
const CLUSTER: &str = "dev";

struct Place {
    world: World,
    backends: Backends,
}

impl Place {
    fn new() -> Self {
        let world = World::named("default").unwrap();
        let backends = world.backends();
        Self { world, backends }
    }

    fn wish(wanted: &[Wanted]) -> Wish {
        Wish::ImportImages {
            cluster: ClusterName::existing(CLUSTER),
            images: wanted.to_vec(),
        }
    }

    async fn plan(&self, wish: Wish) -> Plan {
        let request = Request::new(&self.backends, wish);
        ops::prepare(&self.backends, &request).await.unwrap()
    }

    async fn run(&self, wish: Wish) -> (Result<Report, Failure>, Vec<Event>) {
        let request = Request::new(&self.backends, wish.clone());
        let plan = self.plan(wish).await;
        let (events, mut told) = mpsc::channel(4_096);
        let cancel = Cancel::new();
        let ended = ops::carry_out(&self.backends, &request, plan, events, &cancel).await;
        let mut all = Vec::new();
        while let Ok(event) = told.try_recv() {
            all.push(event);
        }
        (ended, all)
    }

    /// How many chunks the engine saved.
    fn chunks(&self) -> usize {
        let faults = self.world.faults();
        let calls = faults.journal().iter();
        calls.filter(|call| call.starts_with("save ")).count()
    }

    /// The names on each node.
    async fn names(&self) -> Vec<Vec<String>> {
        let world = ops::observe(&self.backends).await.unwrap();
        let cluster = world.cluster(&ClusterName::existing(CLUSTER)).unwrap();
        let nodes = images::of_cluster(&self.backends, cluster).await;
        nodes
            .into_iter()
            .map(|node| {
                let images = node.images.unwrap().into_iter();
                images.flat_map(|image| image.names).collect()
            })
            .collect()
    }
}

fn busybox() -> Wanted {
    Wanted::Named("busybox".to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_image_goes_to_every_node_once_and_its_bytes_are_told() {
    let place = Place::new();
    let (ended, events) = place.run(Place::wish(&[busybox()])).await;
    let nodes = place.names().await;
    assert_eq!(ended.unwrap().changed, nodes.len());
    assert!(nodes.len() > 1);
    for names in &nodes {
        assert!(
            names.iter().any(|name| name.ends_with("/busybox:latest")),
            "{names:?}"
        );
    }
    let most = events.iter().filter_map(|event| match event {
        Event::Progress(0, progress) if progress.bytes => Some((progress.done, progress.of)),
        _ => None,
    });
    let (done, of) = most.max().unwrap();
    assert!(done > of / 2 && of > 1 << 20, "{done} of {of}");
    // The engine packed it once for all of them: as many chunks as it gives to anybody who asks.
    let saved = place.chunks();
    let chunks = place
        .backends
        .runtime
        .save_images(&["busybox:latest".to_owned()]);
    let once: Vec<_> = chunks.try_collect().await.unwrap();
    assert_eq!(saved, once.len());

    // A second time there is nothing to do, and a removal takes it from everywhere.
    assert_eq!(place.plan(Place::wish(&[busybox()])).await.steps, []);
    let remove = Wish::RemoveImages {
        cluster: ClusterName::existing(CLUSTER),
        images: vec!["busybox".to_owned()],
    };
    let (ended, _) = place.run(remove).await;
    assert_eq!(ended.unwrap().changed, nodes.len());
    for names in place.names().await {
        assert!(
            !names.iter().any(|name| name.contains("busybox")),
            "{names:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_fails_does_not_keep_the_others_from_theirs() {
    one_goes_wrong(Fault::Fail(ErrorKind::Failed), Duration::from_secs(10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_does_not_keep_the_others_from_theirs() {
    one_goes_wrong(Fault::Hang, Duration::from_secs(70)).await;
}

/// One node does not take the images, and the others have theirs within the time.
async fn one_goes_wrong(fault: Fault, within: Duration) {
    let place = Place::new();
    let wish = Place::wish(&[busybox()]);
    let request = Request::new(&place.backends, wish.clone());
    let plan = place.plan(wish).await;
    let nodes = plan.steps.len();
    // The executor's order: each node is asked for its images first, and told to take them second.
    place.world.faults().add("run in k3d-dev-agent-0", 1, fault);
    let (events, _told) = mpsc::channel(4_096);
    let begun = tokio::time::Instant::now();
    let ended = ops::carry_out(&place.backends, &request, plan, events, &Cancel::new()).await;
    let failure = ended.unwrap_err();
    assert!(
        failure.problem.to_string().contains("k3d-dev-agent-0"),
        "{failure}"
    );
    assert_eq!(failure.left, Vec::<String>::new());
    assert!(begun.elapsed() < within, "{:?}", begun.elapsed());
    let has = place.names().await;
    let count = has
        .iter()
        .filter(|names| names.iter().any(|name| name.contains("busybox")));
    assert_eq!(count.count(), nodes - 1);
}

#[tokio::test(start_paused = true)]
async fn an_archive_is_imported_as_the_engine_saved_it() {
    let place = Place::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("saved.tar");
    save(&place.backends, &path).await;
    let wanted = images::open(path.to_str().unwrap()).await.unwrap();
    assert_eq!(wanted.wanted, Wanted::Archive(path));
    let (ended, _) = place
        .run(Place::wish(std::slice::from_ref(&wanted.wanted)))
        .await;
    assert!(ended.unwrap().changed > 1);
    // The same image from the engine is the same image.
    assert_eq!(place.plan(Place::wish(&[busybox()])).await.steps, []);
}

async fn save(backends: &Backends, path: &Path) {
    let chunks = backends.runtime.save_images(&["busybox:latest".to_owned()]);
    let chunks: Vec<_> = chunks.try_collect().await.unwrap();
    fs::write(path, chunks.concat()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_nowhere_is_told_and_the_rest_goes() {
    let place = Place::new();
    let nonsense = Wanted::Named("no/such:image".to_owned());
    let plan = place
        .plan(Place::wish(&[nonsense.clone(), busybox()]))
        .await;
    assert_eq!(plan.warnings.len(), 1);
    assert!(plan.warnings[0].contains("no/such:image"));
    assert!(!plan.steps.is_empty());
    let request = Request::new(&place.backends, Place::wish(&[nonsense]));
    let refused = ops::prepare(&place.backends, &request).await.unwrap_err();
    assert_eq!(refused.kind, ProblemKind::NotFound);
}
