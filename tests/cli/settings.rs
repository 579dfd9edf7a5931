//! Which settings count, and what a mistake in them costs: a message, and never the command.

use super::Place;

fn image(place: &Place, arguments: &str) -> String {
    let run = place.run(&format!("{arguments} version -o json"));
    assert_eq!(
        (run.code(), run.stderr().as_str()),
        (0, ""),
        "{}",
        run.report()
    );
    let value: serde_json::Value = serde_json::from_str(&run.stdout()).unwrap();
    value["image"].as_str().unwrap().to_owned()
}

#[test]
fn the_nearest_setting_counts() {
    let place = Place::new();
    assert!(image(&place, "").starts_with("rancher/k3s:"));
    place.write("home/.config/coracle/tui.toml", "[cluster]\nimage = 'user'");
    assert_eq!(image(&place, ""), "user");
    place.write("project/.tui.toml", "[cluster]\nimage = 'project'");
    assert_eq!(image(&place, ""), "project");
    place.write("other.toml", "[cluster]\nagents = 1");
    assert!(image(&place, "--config ../other.toml").starts_with("rancher/k3s:"));
    let place = place.with("CORACLE_CLUSTER_IMAGE", "environment");
    assert_eq!(image(&place, ""), "environment");
}

#[test]
fn the_project_s_file_is_found_from_below() {
    let place = Place::new();
    place.write("project/.git/HEAD", "");
    place.write("project/.tui.toml", "[cluster]\nimage = 'project'");
    place.write("project/src/deep/file", "");
    let mut command = place.command("version -o json");
    let output = command
        .current_dir(place.path("project/src/deep"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"project\""));
}

#[test]
fn a_mistake_is_told_and_the_command_runs_on_the_defaults() {
    let place = Place::new();
    place.write("project/.tui.toml", "[cluster]\nagens = 2\n");
    let run = place.run("version");
    assert_eq!(run.code(), 0);
    insta::assert_snapshot!(run.report());
    let run = place.run("--config missing.toml version");
    assert!(
        run.code() == 0 && run.stderr().contains("missing.toml cannot be read"),
        "{}",
        run.report()
    );
}
