//! Keeps the layers what `docs/architecture.md` says they are: which room may name which other room and which library,
//! who may start tasks, how long a file may become.
//!
//! It reads the text of the sources, not their meaning: comments and strings are left out, and so is everything from a
//! file's test module on, because tests may look across rooms.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A room, the rooms it may name beside itself, and the restricted libraries it may name.
struct Room {
    name: &'static str,
    rooms: &'static [&'static str],
    libraries: &'static [&'static str],
    /// Whether it only computes: no files, no network, no clock, no tasks.
    pure: bool,
}

const ROOMS: &[Room] = &[
    Room {
        name: "domain",
        rooms: &[],
        libraries: &[],
        pure: true,
    },
    Room {
        name: "config",
        rooms: &["domain"],
        libraries: &[],
        pure: true,
    },
    Room {
        name: "distro",
        rooms: &["domain"],
        libraries: &[],
        pure: true,
    },
    Room {
        name: "plan",
        rooms: &["domain", "distro"],
        libraries: &[],
        pure: true,
    },
    Room {
        name: "resources",
        rooms: &["domain"],
        libraries: &["k8s_openapi"],
        pure: true,
    },
    Room {
        name: "backend",
        rooms: &["domain", "config", "distro", "plan", "resources"],
        libraries: &["bollard", "kube", "k8s_openapi", "http"],
        pure: false,
    },
    Room {
        name: "ops",
        rooms: &["domain", "config", "distro", "plan", "resources", "backend"],
        libraries: &[],
        pure: false,
    },
    Room {
        name: "tui",
        rooms: &[
            "domain",
            "config",
            "distro",
            "plan",
            "resources",
            "backend",
            "ops",
        ],
        libraries: &["ratatui", "crossterm", "tui_logger"],
        pure: false,
    },
    Room {
        name: "cli",
        rooms: &[
            "domain",
            "config",
            "distro",
            "plan",
            "resources",
            "backend",
            "ops",
            "tui",
        ],
        libraries: &["clap", "tui_logger"],
        pure: false,
    },
];

/// Libraries that belong to some rooms only.
const RESTRICTED: &[&str] = &[
    "bollard",
    "kube",
    "k8s_openapi",
    "http",
    "ratatui",
    "crossterm",
    "tui_logger",
    "clap",
];

/// What a room that only computes may not name.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net::Tcp",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "tokio::",
    "tokio_util::",
    "getrandom::",
    "rustix::",
];

/// Tasks have owners: a set that is joined, or a handle that is awaited. These words start one that nobody need own.
const UNOWNED: &[&str] = &["tokio::spawn(", "task::spawn(", "thread::spawn("];

/// Files that may use those words, each with the owner it gives the task.
const OWNERS: &[(&str, &str)] = &[];

/// A file wants splitting above about 400 lines; this is where "about" ends.
const LONGEST: usize = 500;

#[test]
fn every_source_keeps_to_its_room() {
    let mut found = Vec::new();
    for (path, text) in sources("src") {
        found.extend(violations(&path, &text));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let mut found = Vec::new();
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        let lines = text.lines().count();
        if lines > LONGEST {
            found.push(format!("{path}: {lines} lines"));
        }
    }
    assert!(
        found.is_empty(),
        "split by what they do:\n{}\n",
        found.join("\n")
    );
}

/// All Rust files below a folder of the package, by their path in it.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "{folder} has no sources");
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            (name, text)
        })
        .collect()
}

/// What is wrong with a source, one line each.
fn violations(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push(format!(
            "{path}: does not begin with what it is and why it exists (//!)"
        ));
    }
    let code = code_of(text);
    let Some(name) = path
        .strip_prefix("src/")
        .and_then(|rest| rest.split(['/', '.']).next())
    else {
        return found;
    };
    for word in UNOWNED {
        if code.contains(word) && !OWNERS.iter().any(|(owner, _)| *owner == path) {
            found.push(format!("{path}: {word}...) starts a task that nobody owns"));
        }
    }
    if matches!(name, "lib" | "main") {
        return found;
    }
    let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
        found.push(format!("{path}: {name} is no room of docs/architecture.md"));
        return found;
    };
    for named in rooms_named(&code) {
        let known = ROOMS.iter().any(|room| room.name == named);
        if known && named != room.name && !room.rooms.contains(&named.as_str()) {
            found.push(format!("{path}: {} may not name crate::{named}", room.name));
        }
    }
    for library in RESTRICTED {
        if names_library(&code, library) && !room.libraries.contains(library) {
            found.push(format!("{path}: {} may not name {library}", room.name));
        }
    }
    for word in IMPURE {
        if room.pure && code.contains(word) {
            found.push(format!(
                "{path}: {} only computes, so that it may not name {word}",
                room.name
            ));
        }
    }
    found
}

/// The code before the test module, without comments and without what is in strings.
fn code_of(text: &str) -> String {
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some(hashes) = raw_string(rest) {
            let open = rest.find('"').unwrap_or(0) + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            rest = rest[open..]
                .find(&close)
                .map_or("", |end| &rest[open + end + close.len()..]);
        } else if c == '"' {
            rest = after_string(&rest[1..]);
        } else if let Some(after) = rest.strip_prefix("'\"'") {
            rest = after;
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

/// How many hashes a raw string has that begins here, if one does.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn after_string(text: &str) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return &text[at + 1..],
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    ""
}

/// The first words after every `crate::`, those of groups (`crate::{a, b::c}`) included.
fn rooms_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            None => named.push(word(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut begins = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => begins = true,
                        c if begins && !c.is_whitespace() => {
                            named.push(word(&group[at..]));
                            begins = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    named
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Whether a path begins with the library's name. A module of the same name (`crate::domain::kube`) does not count, nor
/// does a path that begins with it where such a module was brought in by `use`.
fn names_library(code: &str, library: &str) -> bool {
    let own_module = code.split(';').any(|statement| {
        let statement = statement.trim_start();
        (statement.starts_with("use crate::") || statement.starts_with("use super::"))
            && statement
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .any(|part| part == library)
    });
    if code.contains(&format!("mod {library};")) {
        return false;
    }
    code.match_indices(library).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let is_start = !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '.'));
        let after = &code[at + library.len()..];
        let used = code[..at].ends_with("use ");
        let continues = after.starts_with("::") || (used && after.starts_with(';'));
        is_start && continues && (used || !own_module)
    })
}

mod checker {
    use super::violations;

    fn wrong(path: &str, code: &str) -> Vec<String> {
        violations(path, &format!("//! What it is.\n{code}"))
    }

    #[test]
    fn a_room_that_names_a_higher_one_is_found() {
        for (path, code) in [
            ("src/domain/a.rs", "use crate::config::Config;"),
            (
                "src/plan/a.rs",
                "use crate::{\n    domain::Problem,\n    ops::{self, Request},\n};",
            ),
            ("src/backend/mod.rs", "fn f() { crate::ops::observe() }"),
            ("src/ops/a.rs", "use crate::cli::output;"),
            ("src/resources/a.rs", "use crate::plan::Plan;"),
            ("src/shed/mod.rs", "fn f() {}"),
        ] {
            assert_eq!(wrong(path, code).len(), 1, "{path}: {code}");
        }
    }

    #[test]
    fn a_library_in_the_wrong_room_is_found() {
        for (path, code) in [
            ("src/ops/a.rs", "use bollard::Docker;"),
            ("src/cli/a.rs", "use ratatui::style::Color;"),
            ("src/tui/a.rs", "use clap::Parser;"),
            ("src/ops/a.rs", "use kube::Client;"),
            ("src/ops/a.rs", "fn f() -> kube::Client {}"),
            (
                "src/ops/a.rs",
                "use crate::domain::kube::X;\nuse kube::Client;",
            ),
            ("src/plan/a.rs", "use k8s_openapi::api;"),
        ] {
            assert_eq!(wrong(path, code).len(), 1, "{path}: {code}");
        }
    }

    #[test]
    fn work_in_a_room_that_only_computes_is_found() {
        for code in [
            "use std::fs;",
            "let now = Timestamp::now();",
            "use tokio::sync::mpsc;",
        ] {
            assert_eq!(wrong("src/plan/a.rs", code).len(), 1, "{code}");
        }
    }

    #[test]
    fn a_task_without_an_owner_is_found_everywhere() {
        for path in ["src/tui/a.rs", "src/backend/a.rs", "src/main.rs"] {
            assert_eq!(wrong(path, "tokio::spawn(async {});").len(), 1, "{path}");
        }
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_is_found() {
        assert_eq!(violations("src/domain/a.rs", "use std::fmt;").len(), 1);
    }

    #[test]
    fn what_keeps_to_the_rules_is_left_alone() {
        for (path, code) in [
            (
                "src/plan/a.rs",
                "use crate::{domain::{ops, Problem}, distro::k3s};",
            ),
            (
                "src/ops/a.rs",
                "use crate::domain::kube;\nfn f() -> kube::ApiHealth {}",
            ),
            (
                "src/ops/a.rs",
                "// use bollard::Docker;\nlet x = \"crate::cli::x tokio::spawn(\";",
            ),
            ("src/ops/a.rs", "let x = r#\"use \"clap::Parser\"#;"),
            (
                "src/ops/a.rs",
                "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::cli::x;\n}",
            ),
            ("src/ops/a.rs", "self.kube.connect(); x::kube::y();"),
            (
                "src/tui/a.rs",
                "set.spawn(async {}); let c = '\"'; use ratatui::Frame;",
            ),
            ("src/domain/mod.rs", "pub mod kube;\npub use kube::Health;"),
            ("src/main.rs", "fn main() { coracle::cli::main() }"),
        ] {
            assert_eq!(wrong(path, code), Vec::<String>::new(), "{path}: {code}");
        }
    }
}
