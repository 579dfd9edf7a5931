//! Engines that are no engines, that answer nonsense, break off, or never answer.

use std::{sync::Arc, time::Duration};

use coracle::{
    backend::{
        ContainerRuntime, ErrorKind,
        docker::{Environment, Tried, connect},
    },
    domain::container::{ContainerState, LogRequest},
};
use futures::{StreamExt, TryStreamExt};

use super::fake::{Fake, Reply, VERSION};

async fn open(fake: &Fake) -> Result<Arc<dyn ContainerRuntime>, Vec<Tried>> {
    connect(&fake.environment(), Some(&fake.endpoint())).await
}

/// A runtime on an engine that answers to `/version`, and to the rest as said.
async fn engine(
    answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> (Fake, Arc<dyn ContainerRuntime>) {
    let fake = Fake::new(move |line| {
        if line.contains(" /version ") {
            VERSION
        } else {
            answer(line)
        }
    });
    let Ok(runtime) = open(&fake).await else {
        panic!("the fake engine was not taken for one");
    };
    (fake, runtime)
}

#[tokio::test]
async fn what_is_not_an_engine_is_told_in_words() {
    for (reply, words) in [
        (
            (|| Reply::Raw(b"SSH-2.0-OpenSSH_9.2\r\n")) as fn() -> Reply,
            "invalid HTTP version",
        ),
        (|| Reply::Raw(b""), "connection closed"),
        (|| Reply::Json(200, "{}"), "not an engine"),
        (|| Reply::Json(200, "<html>"), "not an engine's"),
        (|| Reply::Json(404, "<html>no</html>"), "<html>no</html>"),
        (
            || Reply::Json(500, r#"{"message":"the disk is full"}"#),
            "the disk is full",
        ),
        (
            || Reply::Json(200, r#"{"Version":"19.03.1","ApiVersion":"1.40"}"#),
            "19.03.1 is too old",
        ),
    ] {
        let fake = Fake::new(move |_| reply());
        let tried = open(&fake).await.err().unwrap();
        assert_eq!(tried.len(), 1);
        assert_eq!(
            (tried[0].endpoint.as_str(), tried[0].source.as_str()),
            (fake.endpoint().as_str(), "named by you")
        );
        assert!(tried[0].answer.contains(words), "{words}: {tried:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_is_given_up() {
    let fake = Fake::new(|_| Reply::Silence);
    let tried = open(&fake).await.err().unwrap();
    assert!(tried[0].answer.contains("no answer within"), "{tried:?}");
}

#[tokio::test]
async fn a_usual_socket_that_fails_is_not_the_end_but_a_named_one_is() {
    let good = Fake::new(|_| VERSION);
    let runtime = std::fs::canonicalize(good.socket().parent().unwrap()).unwrap();
    let environment = |variables: &[(&str, &str)]| Environment {
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        home: runtime.join("nobody"),
    };
    let runtime_dir = ("XDG_RUNTIME_DIR", runtime.to_str().unwrap());
    // An engine of this machine may answer before the fake does.
    assert!(connect(&environment(&[runtime_dir]), None).await.is_ok());
    for (name, value) in [
        ("DOCKER_HOST", "unix:///nowhere/docker.sock"),
        ("DOCKER_CONTEXT", "gone"),
    ] {
        let tried = connect(&environment(&[runtime_dir, (name, value)]), None).await;
        assert_eq!(tried.err().unwrap().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_with_its_deadline() {
    for reply in [(|| Reply::Silence) as fn() -> Reply, || Reply::Stuck] {
        let (_fake, runtime) = engine(move |_| reply()).await;
        // From here on the clock goes ahead as soon as everybody waits.
        tokio::time::pause();
        let kinds = [
            runtime.containers(&[]).await.map(drop),
            runtime.networks().await.map(drop),
            runtime.inspect("a").await.map(drop),
            runtime.info().await.map(drop),
            runtime.has_image("a").await.map(drop),
            runtime.read_file("a", "/b").await.map(drop),
            runtime
                .exec("a", &["b"], Duration::from_secs(5))
                .await
                .map(drop),
        ]
        .map(|answer| answer.unwrap_err().kind);
        assert_eq!(kinds, [ErrorKind::Timeout; 7]);
        let usage = runtime.usage("a").next().await.unwrap();
        assert_eq!(usage.unwrap_err().kind, ErrorKind::Timeout);
        let log = runtime.logs("a", &LogRequest::default()).next().await;
        assert_eq!(log.unwrap().unwrap_err().kind, ErrorKind::Timeout);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn changes_that_are_never_answered_end_with_their_deadline() {
    let (_fake, runtime) = engine(|_| Reply::Silence).await;
    tokio::time::pause();
    let kinds = [
        runtime.start("a").await.map(drop),
        runtime.stop("a", Duration::from_secs(20)).await.map(drop),
        runtime.remove_container("a").await.map(drop),
        runtime.remove_network("a").await.map(drop),
        runtime.put_files("a", &[]).await.map(drop),
    ]
    .map(|answer| answer.unwrap_err().kind);
    assert_eq!(kinds, [ErrorKind::Timeout; 5]);
    let pulled = runtime.pull("a").next().await.unwrap();
    assert_eq!(pulled.unwrap_err().kind, ErrorKind::Timeout);
    let event = runtime.events().next().await.unwrap();
    assert_eq!(event.unwrap_err().kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn an_engine_that_goes_away_ends_the_events_with_one_error() {
    const EVENT: &str = "{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"f00\",\"Attributes\":{\"name\":\"a\"}},\"timeNano\":1700000000000000001}\n";
    for reply in [
        (|| Reply::Broken(EVENT)) as fn() -> Reply,
        || Reply::Ended(EVENT),
        || Reply::Ended("no events at all\n"),
        || Reply::Raw(b"gibberish\r\n\r\n"),
    ] {
        let (_fake, runtime) = engine(move |_| reply()).await;
        let mut items: Vec<_> = runtime.events().collect().await;
        let last = items.pop().unwrap().unwrap_err();
        assert!(!last.why.is_empty());
        assert!(items.len() <= 1);
        for event in items {
            assert_eq!(event.unwrap().name, "a");
        }
    }
}

#[tokio::test]
async fn a_log_that_breaks_off_says_so() {
    let (_fake, runtime) = engine(|_| Reply::Broken("\u{1}\0\0\0\0\0\0\u{4}half")).await;
    let items: Vec<_> = runtime.logs("a", &LogRequest::default()).collect().await;
    assert_eq!(items.len(), 1);
    assert_eq!(
        items[0].as_ref().unwrap_err().kind,
        ErrorKind::Unreachable,
        "{items:?}"
    );
}

#[tokio::test]
async fn a_container_that_somebody_froze_is_started_by_letting_it_go_on() {
    let (_fake, runtime) = engine(|line| {
        if line.contains("/containers/a/start") {
            let why = r#"{"message":"cannot start a paused container, try unpause instead"}"#;
            Reply::Json(500, why)
        } else if line.contains("/containers/a/unpause") {
            Reply::Json(204, "")
        } else {
            Reply::Json(500, r#"{"message":"not asked for"}"#)
        }
    })
    .await;
    runtime.start("a").await.unwrap();
}

#[tokio::test]
async fn one_state_that_nobody_knows_does_not_hide_the_other_containers() {
    let (fake, runtime) = engine(|line| {
        if line.contains("app%3Dk3d") {
            Reply::Json(
                200,
                r#"[{"Id":"1","Names":["/a"],"State":"running"},{"Id":"2","State":"levitating"}]"#,
            )
        } else {
            Reply::Json(500, r#"{"message":"not asked for"}"#)
        }
    })
    .await;
    let listed = runtime.containers(&["app=k3d"]).await.unwrap();
    let states: Vec<ContainerState> = listed.iter().map(|one| one.state).collect();
    assert_eq!(states, [ContainerState::Running, ContainerState::Exited]);
    assert_eq!(fake.requests("/containers/json").len(), 1);
}

#[tokio::test]
async fn a_list_is_one_request() {
    let (fake, runtime) = engine(|_| Reply::Json(200, "[]")).await;
    runtime.containers(&["app=k3d"]).await.unwrap();
    assert_eq!(fake.requests("").len(), 2, "the version and the list");
}

#[tokio::test]
async fn a_login_reaches_the_engine_in_the_alphabet_that_it_reads() {
    let (fake, runtime) = engine(|_| Reply::Ended("{\"status\":\"Pulling\"}\n")).await;
    let directory = fake.environment().home.join(".docker");
    std::fs::create_dir(&directory).unwrap();
    let config = r#"{"auths":{"ghcr.io":{"username":"me","password":"~~~???>>>"}}}"#;
    std::fs::write(directory.join("config.json"), config).unwrap();
    let pulled: Vec<_> = runtime.pull("ghcr.io/a/b:1").try_collect().await.unwrap();
    assert_eq!(pulled.len(), 1);
    let request = fake.requests("/images/create").remove(0);
    assert!(request.contains("fromImage=ghcr.io%2Fa%2Fb&"), "{request}");
    let login = request
        .lines()
        .find_map(|line| line.strip_prefix("x-registry-auth: "))
        .unwrap();
    assert!(!login.contains(['+', '/']), "{login}");
    let json = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE, login).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(
        (&json["username"], &json["password"]),
        (&"me".into(), &"~~~???>>>".into())
    );
}
