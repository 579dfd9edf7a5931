//! What works, and what is said, where no engine answers.

use super::Place;

#[test]
fn help_tells_every_command_and_flag() {
    let place = Place::new();
    let mut all = String::new();
    for command in ["-h", "cluster -h", "cluster create -h", "cluster list -h"] {
        let run = place.run(command);
        assert_eq!((run.code(), run.stderr().as_str()), (0, ""), "{command}");
        all.push_str(&run.report());
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_verb_says_which_endpoint_was_tried() {
    let place = Place::new();
    for command in [
        "cluster list",
        "cluster create",
        "cluster delete --all",
        "cluster start demo",
        "cluster scale demo -a 1",
    ] {
        let run = place.run(command);
        assert_eq!(
            (run.code(), run.stdout().as_str()),
            (5, ""),
            "{}",
            run.report()
        );
        assert!(
            run.stderr()
                .contains("unix:///nonexistent/docker.sock (DOCKER_HOST)"),
            "{}",
            run.report()
        );
    }
    insta::assert_snapshot!(place.run("cluster list").report());
}

#[test]
fn an_endpoint_of_the_command_line_or_the_settings_is_the_only_one_tried() {
    let place = Place::new();
    let flag = place.run("cluster list --docker-host unix:///flag.sock");
    assert!(
        flag.stderr().contains("unix:///flag.sock") && !flag.stderr().contains("DOCKER_HOST):")
    );
    place.write(
        "project/.tui.toml",
        "[engine]\nhost = \"unix:///file.sock\"",
    );
    assert!(
        place
            .run("cluster list")
            .stderr()
            .contains("unix:///file.sock")
    );
}

#[test]
fn wrong_usage_is_told_before_anything_is_looked_at() {
    let place = Place::new();
    let mut all = String::new();
    for command in [
        "cluster create Demo",
        "cluster create --wiat",
        "cluster create -s 0",
        "cluster create -a 1 --k3s-arg --disable=traefik",
        "cluster create --no-lb -p 80:80",
        "cluster scale demo",
        "cluster stop demo --all",
        "cluser list",
    ] {
        let run = place.run(command);
        assert_eq!(
            (run.code(), run.stdout().as_str()),
            (2, ""),
            "{}",
            run.report()
        );
        all.push_str(&run.report());
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_version_needs_no_engine_and_its_reader_may_go_away() {
    let place = Place::new();
    let run = place.run("version -o json");
    assert_eq!(run.code(), 0);
    let value: serde_json::Value = serde_json::from_str(&run.stdout()).unwrap();
    assert_eq!(value["coracle"], env!("CARGO_PKG_VERSION"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = place.command("version").stdout(writer).output().unwrap();
    assert_eq!(
        (ended.status.code(), ended.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}

#[test]
fn the_log_goes_to_its_file_for_nobody_else_to_read() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new().with("RUST_LOG", "trace");
    assert_eq!(place.run("cluster list --log-file ../log").code(), 5);
    let mode = place.path("log").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let run = place.run("version --log-file /nonexistent/log");
    assert_eq!(run.code(), 2);
    assert!(
        run.stderr().contains("/nonexistent/log"),
        "{}",
        run.report()
    );
    let run = Place::new().with("RUST_LOG", "a=b=c").run("version");
    assert_eq!(run.code(), 2);
    assert!(run.stderr().contains("RUST_LOG"), "{}", run.report());
}
