//! Texts of clusters, servers and files are foreign: whatever is in them, no control character of theirs reaches the
//! terminal, and none of them moves the borders.

use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{engine::Engine, terminal::Terminal};
use crate::{
    cli::Place,
    docker::fake::Reply,
    kubernetes::server::{self, Fake},
};

/// What a terminal would obey, in a text: a new title, a cleared screen, colours by the one-byte introducer, a reversed
/// direction, a bell, a return, a deleted character.
const EVIL: &str = "\u{1b}]0;EVIL\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\r\u{8}\u{7f}\u{85}";
/// Broad characters, a family of several joined ones, a combining mark, and a text from right to left.
const ODD: &str = "漢字👩‍👩‍👧e\u{301}שלום";

/// The text in YAML, which has no room for control characters but these.
fn quoted(text: &str) -> String {
    let escaped: Vec<String> = text
        .chars()
        .map(|c| format!("\\U{:08x}", u32::from(c)))
        .collect();
    format!("\"{}\"", escaped.concat())
}

/// Nothing of the evil text is among what was written, and the right border is straight.
fn assert_harmless(terminal: &Terminal, screen: &str) {
    // What is copied goes to the terminal in letters and figures, with an end that is ours.
    let raw: String = String::from_utf8(terminal.raw())
        .unwrap()
        .split("\u{1b}]52;c;")
        .enumerate()
        .map(|(n, part)| match part.split_once('\u{7}') {
            Some((copied, rest)) if n > 0 => {
                assert!(copied.bytes().all(|c| c.is_ascii_graphic()), "{copied:?}");
                rest.to_owned()
            }
            _ => part.to_owned(),
        })
        .collect();
    assert!(!raw.contains("\u{1b}]0;EVIL"), "a title was set");
    for c in EVIL
        .chars()
        .filter(|c| !matches!(c, '\u{1b}' | '\r') && !c.is_ascii_graphic())
    {
        assert!(!raw.contains(c), "{c:?} reached the terminal");
    }
    for part in ["\u{1b}[2J\u{9b}", "\u{1b}[2J31m"] {
        assert!(!raw.contains(part), "{part:?} reached the terminal");
    }
    for line in screen.lines().filter(|line| line.starts_with('│')) {
        assert!(
            line.ends_with('│') && line.width() == 120,
            "a border is not where it was:\n{screen}"
        );
    }
}

#[test]
fn names_and_answers_of_a_kubeconfig_and_its_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pod = format!("POD{EVIL}{ODD}");
    let fake = runtime.block_on(Fake::new(move |seen| {
        let path = seen.path.as_str();
        if seen.is_watch() {
            server::Reply::Silence
        } else if path.ends_with("/pods") {
            server::Reply::Json(200, server::pods("7", &[&pod], ""))
        } else if path.ends_with("/namespaces") {
            let space = format!("space{EVIL}");
            server::Reply::Json(200, server::namespaces("7", &[&space]))
        } else if path == "/version" {
            server::Reply::Json(
                200,
                json!({"major": "1", "minor": "34", "gitVersion": format!("v1{EVIL}")}),
            )
        } else {
            server::status(403, &format!("you{EVIL} may not"))
        }
    }));
    let place = Place::new();
    let (first, second) = (quoted(&format!("CONTEXT{EVIL}{ODD}")), quoted(ODD));
    let broken = quoted(&format!("http://{EVIL}"));
    place.write(
        "home/kubeconfig",
        &format!(
            "clusters:\n- {{name: a, cluster: {{server: '{}'}}}}\n- {{name: b, cluster: {{server: {broken}}}}}\n\
             users: [{{name: u, user: {{}}}}]\n\
             contexts:\n- {{name: {first}, context: {{cluster: a, user: u}}}}\n- {{name: {second}, context: {{cluster: b, user: u}}}}\n",
            fake.url()
        ),
    );
    let mut terminal = Terminal::open(&place, "");
    let screen = terminal.wait_until("the context and its pod", |screen| {
        screen.contains("CONTEXT]0;EVIL") && screen.contains("POD漢字")
    });
    assert_harmless(&terminal, &screen);
    // A list with both names, the copied name, the other context.
    terminal.press(":CONTEXT");
    let screen = terminal.wait_for("> CONTEXT");
    assert_harmless(&terminal, &screen);
    terminal.press("\x1b");
    terminal.wait_gone("> CONTEXT");
    terminal.press("c");
    let screen = terminal.wait_for("copied CONTEXT");
    assert_harmless(&terminal, &screen);
    terminal.press("j");
    let screen = terminal.wait_for("is not the URL of a server");
    assert_harmless(&terminal, &screen);
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
}

#[test]
fn names_and_labels_of_containers() {
    let containers: &'static str = json!([{
        "Id": "aaaaaaaaaaaaaaaa",
        "Names": [format!("/k3d-dev-server-0{EVIL}{ODD}")],
        "Image": format!("rancher/k3s:v1{EVIL}"),
        "State": "running", "Status": format!("Up{EVIL}"), "Created": 1_763_000_000, "Ports": [],
        "Labels": {
            "app": "k3d", "k3d.cluster": format!("DEV{EVIL}{ODD}"), "k3d.role": "server",
            "k3d.cluster.network": format!("net{EVIL}"),
        },
    }])
    .to_string()
    .leak();
    let engine = Engine::new(move |line| {
        if line.contains("/containers/json") {
            Some(Reply::Json(200, containers))
        } else if line.contains("/info ") {
            let info = json!({"Name": format!("host{EVIL}"), "OperatingSystem": EVIL}).to_string();
            Some(Reply::Json(200, info.leak()))
        } else {
            None
        }
    });
    let place = engine.place();
    let mut terminal = Terminal::open(&place, "");
    let screen = terminal.wait_until("the cluster and its node", |screen| {
        screen.contains("DEV漢字") && screen.contains("server-0漢字")
    });
    assert_harmless(&terminal, &screen);
    terminal.press("s");
    let screen = terminal.wait_for("scale cluster \"DEV");
    assert_harmless(&terminal, &screen);
    terminal.press("\x1b");
    terminal.wait_gone("scale cluster \"DEV");
    terminal.press("c");
    let screen = terminal.wait_for("copied DEV");
    assert_harmless(&terminal, &screen);
    // The plan of a deletion has all names in it.
    terminal.press("\x04");
    let screen = terminal.wait_for("delete cluster \"DEV");
    assert_harmless(&terminal, &screen);
    terminal.press("\x03");
}

#[test]
fn names_that_a_person_types_or_pastes() {
    let mut terminal = Terminal::open(&Place::new(), "--simulate");
    terminal.wait_for("● running");
    terminal.press("n");
    terminal.wait_for("new cluster");
    terminal.press(&format!(
        "\x15\x1b[200~here{}there\x1b[201~",
        EVIL.replace('\u{1b}', "")
    ));
    let screen = terminal.wait_for("here]0");
    assert!(screen.contains("there"), "{screen}");
    assert_harmless(&terminal, &screen);
}
