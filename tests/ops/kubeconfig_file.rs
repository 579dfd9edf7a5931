//! The person's kubeconfig files: nothing of theirs is ever lost.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use coracle::{
    domain::Secret,
    ops::kubeconfig_file::{KubeconfigFiles, look, merge, remove, restore},
};
use serde_json::Value;

const WORK: &str = "\
apiVersion: v1
kind: Config
clusters:
- {name: work, cluster: {server: 'https://work.example', x-unknown: [1, 2]}}
contexts:
- {name: work, context: {cluster: work, user: me}}
users:
- {name: me, user: {token: secret-of-work}}
current-context: work
x-top: kept
";

fn ours(name: &str) -> Secret {
    Secret::new(format!(
        "clusters: [{{name: k3d-{name}, cluster: {{server: 'https://127.0.0.1:6550'}}}}]\n\
         contexts: [{{name: k3d-{name}, context: {{cluster: k3d-{name}, user: admin@k3d-{name}}}}}]\n\
         users: [{{name: admin@k3d-{name}, user: {{client-key-data: key-of-{name}}}}}]\n"
    ))
}

fn read(path: &Path) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn names(path: &Path, list: &str) -> Vec<String> {
    read(path)[list]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap().to_owned())
        .collect()
}

fn files(paths: &[&PathBuf]) -> KubeconfigFiles {
    KubeconfigFiles::new(paths.iter().map(|path| (*path).clone()).collect())
}

/// Everything in a directory by name, except what the test put there.
fn entries(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_missing_file_is_made_for_its_owner_alone_and_goes_again_with_what_made_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".kube").join("config");
    let all = files(&[&path]);
    let before = merge(&all, &ours("a"), "k3d-a", true).unwrap().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(read(&path)["current-context"], "k3d-a");
    assert_eq!(merge(&all, &ours("a"), "k3d-a", true).unwrap(), None);
    restore(&all, &before).unwrap();
    assert!(!path.exists());
    assert!(
        entries(path.parent().unwrap()).is_empty(),
        "no lock, no rest"
    );
}

#[test]
fn other_entries_and_unknown_fields_stay_through_merge_and_removal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    fs::write(&path, WORK).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let all = files(&[&path]);
    let original = read(&path);
    merge(&all, &ours("a"), "k3d-a", false).unwrap();
    assert_eq!(names(&path, "clusters"), ["work", "k3d-a"]);
    assert_eq!(read(&path)["current-context"], "work");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    merge(&all, &ours("a"), "k3d-a", true).unwrap();
    assert_eq!(read(&path)["current-context"], "k3d-a");
    assert!(remove(&all, "k3d-a").unwrap());
    let mut left = read(&path);
    assert_eq!(left["current-context"], "");
    left["current-context"] = "work".into();
    assert_eq!(left, original);
    assert!(!remove(&all, "k3d-a").unwrap());
    assert_eq!(entries(directory.path()), ["config"]);
}

#[test]
fn taking_back_restores_what_was_replaced_and_leaves_what_others_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let stale = WORK.replace("work", "k3d-a");
    fs::write(&path, &stale).unwrap();
    let all = files(&[&path]);
    let original = read(&path);
    let before = merge(&all, &ours("a"), "k3d-a", true).unwrap().unwrap();
    assert_ne!(read(&path), original);
    restore(&all, &before).unwrap();
    let mut restored = read(&path);
    assert_eq!(restored, original);

    let before = merge(&all, &ours("a"), "k3d-a", true).unwrap().unwrap();
    restored = read(&path);
    restored["clusters"][0]["cluster"]["server"] = "https://changed.by.others".into();
    fs::write(&path, serde_json::to_string(&restored).unwrap()).unwrap();
    restore(&all, &before).unwrap();
    assert_eq!(
        read(&path)["clusters"][0]["cluster"]["server"],
        "https://changed.by.others"
    );
}

#[test]
fn a_shared_user_or_cluster_is_kept_for_the_context_that_needs_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let all = files(&[&path]);
    merge(&all, &ours("a"), "k3d-a", true).unwrap();
    let mut document = read(&path);
    document["contexts"]
        .as_array_mut()
        .unwrap()
        .push(serde_json::json!({"name": "mine", "context": {"cluster": "k3d-a", "user": "me"}}));
    fs::write(&path, serde_json::to_string(&document).unwrap()).unwrap();
    remove(&all, "k3d-a").unwrap();
    assert_eq!(names(&path, "contexts"), ["mine"]);
    assert_eq!(names(&path, "clusters"), ["k3d-a"]);
    assert!(names(&path, "users").is_empty());
}

#[test]
fn of_several_files_each_entry_stays_where_it_is_and_new_ones_go_where_kubectl_puts_them() {
    let directory = tempfile::tempdir().unwrap();
    let [missing, first, second] =
        ["missing", "first", "second"].map(|name| directory.path().join(name));
    fs::write(&first, WORK).unwrap();
    fs::write(
        &second,
        "users: [{name: admin@k3d-a, user: {token: old}}]\n",
    )
    .unwrap();
    let all = files(&[&missing, &first, &second]);
    merge(&all, &ours("a"), "k3d-a", true).unwrap();
    assert!(!missing.exists());
    assert_eq!(names(&first, "clusters"), ["work", "k3d-a"]);
    assert_eq!(names(&first, "users"), ["me"]);
    assert_eq!(
        read(&second)["users"][0]["user"]["client-key-data"],
        "key-of-a"
    );
    assert_eq!(read(&first)["current-context"], "k3d-a");
    assert!(remove(&all, "k3d-a").unwrap());
    assert!(names(&second, "users").is_empty());
    assert_eq!(names(&first, "contexts"), ["work"]);
    let none = files(&[&missing, &directory.path().join("last")]);
    merge(&none, &ours("a"), "k3d-a", true).unwrap();
    assert!(directory.path().join("last").exists() && !missing.exists());
}

#[test]
fn a_link_stays_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().join("dotfiles");
    fs::create_dir(&real).unwrap();
    fs::write(real.join("kube"), WORK).unwrap();
    let path = directory.path().join("config");
    symlink("dotfiles/kube", &path).unwrap();
    let all = files(&[&path]);
    merge(&all, &ours("a"), "k3d-a", true).unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(names(&real.join("kube"), "clusters"), ["work", "k3d-a"]);
    assert_eq!(entries(&real), ["kube"]);
}

#[test]
fn a_broken_file_is_refused_and_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let broken = "users:\n- name: k3d-a\n   token: SECRET\n";
    fs::write(&path, broken).unwrap();
    let all = files(&[&path]);
    for problem in [
        merge(&all, &ours("a"), "k3d-a", true).unwrap_err(),
        remove(&all, "k3d-a").unwrap_err(),
    ] {
        assert!(problem.why.contains("line 3"), "{problem}");
        assert!(!format!("{problem:?}").contains("SECRET"));
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), broken);
    // One that does not even mention the context is no reason to fail a delete.
    assert!(!remove(&all, "k3d-b").unwrap());
    assert_eq!(entries(directory.path()), ["config"]);
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    fs::write(&path, WORK).unwrap();
    let all = files(&[&path]);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let all = &all;
            scope.spawn(move || {
                for round in 0..5 {
                    let name = format!("{n}-{round}");
                    merge(all, &ours(&name), &format!("k3d-{name}"), true).unwrap();
                    if round % 2 == 0 {
                        remove(all, &format!("k3d-{name}")).unwrap();
                    }
                }
            });
        }
    });
    let mut expected: Vec<String> = (0..8)
        .flat_map(|n| [1, 3].map(|round| format!("k3d-{n}-{round}")))
        .chain(["work".to_owned()])
        .collect();
    expected.sort();
    for list in ["clusters", "contexts"] {
        let mut found = names(&path, list);
        found.sort();
        assert_eq!(found, expected);
    }
    assert_eq!(entries(directory.path()), ["config"]);
}

#[test]
fn a_reader_sees_the_old_file_or_the_new_one_and_never_a_part() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    fs::write(&path, WORK).unwrap();
    let all = files(&[&path]);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(names(&path, "clusters").contains(&"work".to_owned()));
                looks += 1;
            }
            looks
        });
        for _ in 0..30 {
            merge(&all, &ours("a"), "k3d-a", true).unwrap();
            remove(&all, "k3d-a").unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn a_lock_that_somebody_left_is_named_and_respected() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    fs::write(&path, WORK).unwrap();
    let lock = directory.path().join("config.lock");
    fs::write(&lock, "").unwrap();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options()
        .write(true)
        .open(&lock)
        .unwrap()
        .set_modified(hour_ago)
        .unwrap();
    let problem = merge(&files(&[&path]), &ours("a"), "k3d-a", true).unwrap_err();
    assert!(problem.why.contains("config.lock"), "{problem}");
    assert!(problem.hint.contains("rm "), "{}", problem.hint);
    assert_eq!(fs::read_to_string(&path).unwrap(), WORK);
    assert!(lock.exists());
}

#[test]
fn a_write_that_fails_leaves_the_old_file_and_no_rest() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    fs::write(&path, WORK).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let problem = merge(&files(&[&path]), &ours("a"), "k3d-a", true).unwrap_err();
    assert!(problem.why.contains("read-only"), "{problem}");
    assert_eq!(fs::read_to_string(&path).unwrap(), WORK);
    assert_eq!(entries(directory.path()), ["config"]);
}

#[test]
fn a_file_of_ten_megabytes_is_merged_into() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let certificate = "QUJD".repeat(1_000);
    let clusters: Vec<String> = (0..2_500)
        .map(|n| {
            format!("- name: c{n}\n  cluster:\n    certificate-authority-data: {certificate}\n")
        })
        .collect();
    fs::write(&path, format!("clusters:\n{}", clusters.concat())).unwrap();
    merge(&files(&[&path]), &ours("a"), "k3d-a", true).unwrap();
    assert_eq!(names(&path, "clusters").len(), 2_501);
}

#[test]
fn what_would_keep_a_merge_from_being_written_is_seen_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let one = files(&[&path]);
    assert_eq!(look(&one), Ok(()), "there is none yet");
    fs::write(&path, WORK).unwrap();
    assert_eq!(look(&one), Ok(()));

    let lock = directory.path().join("config.lock");
    let old = SystemTime::now() - Duration::from_secs(3600);
    fs::File::create(&lock).unwrap().set_modified(old).unwrap();
    let problem = look(&one).unwrap_err();
    assert!(problem.hint.contains("config.lock"), "{problem:?}");
    fs::remove_file(&lock).unwrap();

    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    assert!(look(&one).unwrap_err().why.contains("read-only"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "users: [{token: hunter2").unwrap();
    let problem = look(&one).unwrap_err();
    assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
    assert_eq!(entries(directory.path()), ["config"], "it changed nothing");
}
