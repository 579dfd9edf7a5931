//! An engine that goes away, freezes and comes back while its clusters are on the screen.

use std::path::PathBuf;

use tokio::{runtime::Runtime, sync::watch};

use super::{
    terminal::Terminal,
    way::{Way, socket},
};
use crate::{
    cli::Place,
    docker::fake::{Fake, Reply, VERSION},
};

/// An engine behind a socket that a test can take away.
pub struct Engine {
    runtime: Runtime,
    way: watch::Sender<Way>,
    directory: tempfile::TempDir,
    _fake: Fake,
}

impl Engine {
    /// One that answers requests as it is told; without an answer of its own it has nothing.
    pub fn new(answer: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let runtime = Runtime::new().unwrap();
        let inside = runtime.enter();
        let fake = Fake::new(move |line| {
            if let Some(reply) = answer(line) {
                return reply;
            }
            let is = |path: &str| line.contains(path);
            match () {
                () if is("/version ") => VERSION,
                () if is("/info ") => Reply::Json(200, r#"{"Name":"here","NCPU":4}"#),
                () if is("/containers/json") || is("/networks") => Reply::Json(200, "[]"),
                () if is("/volumes") => Reply::Json(200, r#"{"Volumes":[]}"#),
                () if is("/events") => Reply::Stuck,
                () => Reply::Json(404, r#"{"message":"not in this fake"}"#),
            }
        });
        let directory = tempfile::tempdir().unwrap();
        let (way, watched) = watch::channel(Way::Open);
        let path = directory.path().join("docker.sock");
        runtime.spawn(socket(path, fake.socket(), watched));
        drop(inside);
        let engine = Self {
            runtime,
            way,
            directory,
            _fake: fake,
        };
        engine.set(Way::Open);
        engine
    }

    /// A place whose engine it is.
    pub fn place(&self) -> Place {
        let endpoint = format!("unix://{}", self.socket().display());
        Place::new().with("DOCKER_HOST", &endpoint)
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// Changes the way, and returns once it is so.
    fn set(&self, way: Way) {
        self.way.send_replace(way);
        self.runtime.block_on(async {
            while self.socket().exists() != (way != Way::Gone) {
                tokio::task::yield_now().await;
            }
        });
    }
}

const DEV: &str = r#"[{"Id":"aaaaaaaaaaaaaaaa","Names":["/k3d-dev-server-0"],"Image":"rancher/k3s:v1.34.2-k3s1",
    "State":"running","Status":"Up 2 hours","Created":1763000000,"Ports":[],
    "Labels":{"app":"k3d","k3d.cluster":"dev","k3d.role":"server","k3d.cluster.network":"k3d-dev"}}]"#;

fn with_dev() -> Engine {
    Engine::new(|line| {
        line.contains("/containers/json")
            .then_some(Reply::Json(200, DEV))
    })
}

fn shows_dev(screen: &str) -> bool {
    screen.contains("dev") && screen.contains("k3d-dev-server-0")
}

#[test]
fn an_engine_that_goes_away_leaves_what_was_known_with_its_age_and_is_found_again() {
    let engine = with_dev();
    let place = engine.place();
    let mut terminal = Terminal::open(&place, "");
    terminal.wait_until("the cluster", shows_dev);
    terminal.wait_for("Docker 29.0.0");
    for _ in 0..2 {
        engine.set(Way::Gone);
        let screen = terminal.wait_for("no engine for 00:0");
        assert!(shows_dev(&screen), "what was known is gone:\n{screen}");
        terminal.wait_for("(again in");
        // Keys work.
        terminal.press("?");
        terminal.wait_for("type to search");
        terminal.press("\x1b");
        terminal.wait_gone("type to search");
        engine.set(Way::Open);
        terminal.wait_for("Docker 29.0.0");
        terminal.wait_until("the cluster", shows_dev);
    }
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
}

#[test]
fn an_engine_that_freezes_is_noticed_and_found_again() {
    let engine = with_dev();
    let place = engine.place();
    let mut terminal = Terminal::open(&place, "");
    terminal.wait_until("the cluster", shows_dev);
    engine.set(Way::Frozen);
    let screen = terminal.wait_until("the engine's silence", |screen| {
        screen.contains("no engine for") && screen.contains("no answer within")
    });
    assert!(shows_dev(&screen), "what was known is gone:\n{screen}");
    engine.set(Way::Open);
    terminal.wait_for("Docker 29.0.0");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
}

#[test]
fn an_engine_that_is_frozen_from_the_beginning_holds_nobody() {
    let engine = with_dev();
    engine.set(Way::Frozen);
    let place = engine.place();
    let mut terminal = Terminal::open(&place, "");
    terminal.wait_for("looking for an engine");
    terminal.press("?");
    terminal.wait_for("type to search");
    terminal.press("\x1b");
    terminal.wait_gone("type to search");
    let screen = terminal.wait_for("no answer within 4 s");
    assert!(screen.contains("No container engine answers."), "{screen}");
    engine.set(Way::Open);
    terminal.press("r");
    terminal.wait_until("the cluster", shows_dev);
    engine.set(Way::Frozen);
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.wait_restored();
}
