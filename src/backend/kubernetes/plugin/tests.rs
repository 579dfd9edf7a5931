//! Credential plugins as small scripts: how often they run, what their failures say, and that they end.

use std::{collections::HashMap, fs, path::Path, process};

use super::*;

const V1: &str = "client.authentication.k8s.io/v1";

/// A plugin in a folder that runs a script.
fn exec(folder: &Path, script: &str) -> ExecConfig {
    let script = format!("cd '{}'\n{script}", folder.display());
    serde_json::from_value(json!({
        "apiVersion": V1, "interactiveMode": "Never", "command": "sh",
        "args": ["-c", script, "--client-secret=hunter2"],
        "env": [{"name": "CORP_PASSWORD", "value": "hunter3"}],
    }))
    .unwrap()
}

fn answer(token: &str, more: &str) -> String {
    format!(
        r#"{{"apiVersion": "{V1}", "kind": "ExecCredential", "status": {{"token": "{token}"{more}}}}}"#
    )
}

/// As the screen asks: again and again while the program runs.
async fn ask(exec: &ExecConfig, refused: Option<u64>) -> Result<Credential, Failure> {
    loop {
        match credential(exec, refused, Manner::Screen).await {
            Err((ErrorKind::Timeout, _)) => {}
            over => return over,
        }
    }
}

fn token(credential: &Credential) -> &str {
    credential.token.as_ref().unwrap().reveal()
}

fn runs(folder: &Path) -> usize {
    fs::read_to_string(folder.join("runs"))
        .unwrap()
        .lines()
        .count()
}

#[tokio::test]
async fn all_who_wait_share_one_run_and_what_it_gave_is_kept_until_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo run >> runs; sleep 0.2; cat answer";
    fs::write(folder.path().join("answer"), answer("t1", "")).unwrap();
    let exec = exec(folder.path(), script);
    let all = futures::future::join_all((0..5).map(|_| ask(&exec, None))).await;
    for one in &all {
        assert_eq!(token(one.as_ref().ok().unwrap()), "t1");
    }
    let first = ask(&exec, None).await.ok().unwrap();
    assert_eq!(runs(folder.path()), 1);

    fs::write(folder.path().join("answer"), answer("t2", "")).unwrap();
    let second = ask(&exec, Some(first.number)).await.ok().unwrap();
    assert_eq!((token(&second), runs(folder.path())), ("t2", 2));
    // Another client that still has the first gets the second without a run.
    let other = ask(&exec, Some(first.number)).await.ok().unwrap();
    assert_eq!((other.number, runs(folder.path())), (second.number, 2));
    // A server that refuses that one too does not make the program run without end.
    let (kind, why) = ask(&exec, Some(second.number)).await.err().unwrap();
    assert_eq!((kind, runs(folder.path())), (ErrorKind::Forbidden, 2));
    assert!(why.contains("asked again in"), "{why}");
}

#[tokio::test]
async fn what_has_ended_is_asked_for_again_and_what_is_about_to_end_too() {
    let folder = tempfile::tempdir().unwrap();
    let ended = answer("t", r#", "expirationTimestamp": "2020-01-01T00:00:00Z""#);
    fs::write(folder.path().join("answer"), ended).unwrap();
    let exec = exec(folder.path(), "echo run >> runs; cat answer");
    for run in 1..=2 {
        assert!(ask(&exec, None).await.is_ok());
        assert_eq!(runs(folder.path()), run);
    }
    let hour = Timestamp::now() + SignedDuration::from_hours(1);
    assert_eq!(hour.duration_since(before(hour)).as_secs(), 10);
    let soon = Timestamp::now() + SignedDuration::from_secs(20);
    assert!(soon.duration_since(before(soon)).as_secs() <= 2);
}

#[tokio::test]
async fn failures_name_the_program_the_status_and_its_last_words_and_nothing_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut missing = exec(folder.path(), "");
    missing.command = Some("corp-login-that-is-nowhere".to_owned());
    missing.install_hint = Some("get it with: pkg install corp-login".to_owned());
    let wrong = answer("hunter4", "").replace("/v1", "/v1alpha1");
    let garbled = answer("hunter4", r#", "expirationTimestamp": "hunter5""#);
    let mut tries = vec![
        (
            missing,
            "corp-login-that-is-nowhere is not installed; get it with: pkg install corp-login",
        ),
        (
            exec(
                folder.path(),
                "echo hunter4; echo one >&2; printf 'the \\033[31msession is over\\n' >&2; exit 3",
            ),
            "the credential plugin sh failed (exit status: 3): the session is over",
        ),
        (
            exec(folder.path(), "echo hunter4"),
            "printed something else than an ExecCredential",
        ),
        (
            exec(folder.path(), &format!("echo '{wrong}'")),
            "did not answer in",
        ),
        (
            exec(folder.path(), &format!("echo '{garbled}'")),
            "an expirationTimestamp that is no time",
        ),
        (
            exec(folder.path(), "yes hunter4"),
            "printed more than any credentials are",
        ),
    ];
    let mut wants = exec(folder.path(), "exit 1");
    wants.interactive_mode = Some(ExecInteractiveMode::Always);
    tries.push((
        wants,
        "it wants a terminal: sign in once on the command line",
    ));
    for (exec, words) in tries {
        let (_, why) = ask(&exec, None).await.err().unwrap();
        assert!(why.contains(words), "{why}");
        assert!(!why.contains("hunter") && !why.contains('\x1b'), "{why}");
    }
}

#[tokio::test]
async fn who_waits_is_told_for_what_and_what_the_program_said_last() {
    let folder = tempfile::tempdir().unwrap();
    let script = "printf 'open https://login.example and type ABCD: ' >&2; while [ ! -e go ]; do sleep 0.1; done; cat answer";
    fs::write(folder.path().join("answer"), answer("t", "")).unwrap();
    let exec = exec(folder.path(), script);
    let (kind, why) = credential(&exec, None, Manner::Screen).await.err().unwrap();
    assert_eq!(kind, ErrorKind::Timeout);
    assert!(
        why.starts_with("waiting for the credential plugin sh (")
            && why.ends_with("open https://login.example and type ABCD:"),
        "{why}"
    );
    fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(token(&ask(&exec, None).await.ok().unwrap()), "t");
}

#[tokio::test]
async fn the_program_is_told_about_its_cluster_and_that_nobody_is_there() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("answer"), answer("t", "")).unwrap();
    let script = "printf %s \"$KUBERNETES_EXEC_INFO\" > info; test ! -t 0 && cat answer";
    let mut exec = exec(folder.path(), script);
    exec.provide_cluster_info = true;
    exec.cluster = Some(kube::config::ExecAuthCluster {
        server: Some("https://example.org".to_owned()),
        certificate_authority_data: Some(b"PEM".to_vec()),
        ..Default::default()
    });
    assert!(ask(&exec, None).await.is_ok());
    let info = fs::read_to_string(folder.path().join("info")).unwrap();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    let cluster = json!({"server": "https://example.org", "certificate-authority-data": "UEVN"});
    assert_eq!(
        info,
        json!({"kind": "ExecCredential", "apiVersion": V1, "spec": {"interactive": false, "cluster": cluster}})
    );
}

#[tokio::test]
async fn a_run_that_is_given_up_ends_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let held = folder.path().join("held");
    let made = process::Command::new("mkfifo").arg(&held).status().unwrap();
    assert!(made.success());
    // The end of the pipe comes when nobody holds it any more.
    let exec = exec(folder.path(), "sleep 1000 > held & wait");
    let plan = plan(&exec, Manner::Screen).unwrap();
    let open = held.clone();
    let begun = tokio::task::spawn_blocking(move || fs::File::open(open).unwrap());
    let mut pipe = tokio::select! {
        pipe = begun => pipe.unwrap(),
        _ = plan.run(|_| {}) => panic!("it waits for ever"),
    };
    let end = tokio::task::spawn_blocking(move || std::io::Read::read(&mut pipe, &mut [0]));
    let end = tokio::time::timeout(Duration::from_secs(30), end).await;
    assert_eq!(end.unwrap().unwrap().unwrap(), 0);
}

#[test]
fn a_certificate_comes_with_its_key_and_variables_need_a_name() {
    let with = |status: &str| {
        let text = format!("apiVersion: {V1}\nkind: ExecCredential\nstatus: {status}\n");
        read(text.as_bytes(), V1, "x")
    };
    let both = with("{clientCertificateData: C, clientKeyData: K}")
        .ok()
        .unwrap();
    let (certificate, key) = both.certificate.unwrap();
    assert_eq!((certificate.as_str(), key.reveal()), ("C", "K"));
    for (status, words) in [
        ("{clientCertificateData: C}", "without its key"),
        ("{token: ''}", "neither a token nor a certificate"),
        ("null", "has no status"),
    ] {
        let (_, why) = with(status).err().unwrap();
        assert!(why.contains(words), "{why}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut exec = exec(folder.path(), "");
    let odd = HashMap::from([("value".to_owned(), "x".to_owned())]);
    exec.env.as_mut().unwrap().push(odd);
    let plan = plan(&exec, Manner::Screen).ok().unwrap();
    assert_eq!(
        plan.env,
        [("CORP_PASSWORD".to_owned(), "hunter3".to_owned())]
    );
}
