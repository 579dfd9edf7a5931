//! The form for a new cluster, filled in with keys.

use super::*;
use crate::domain::{ClusterNetwork, ClusterSpec};
use crate::tui::dialogs::{
    form::{Form, Outcome},
    forms::Purpose,
};

fn form(taken: &[&str]) -> Form {
    let taken = taken.iter().map(|name| (*name).to_owned()).collect();
    Form::new(Purpose::NewCluster(NewCluster::new(
        &ClusterDefaults::default(),
        taken,
        Around::default(),
    )))
}

fn press(form: &mut Form, keys: &[&str]) -> Outcome {
    keys.iter()
        .map(|key| form.press(key.parse().unwrap()))
        .last()
        .unwrap()
}

/// Goes down to a row.
fn go_to(form: &mut Form, label: &str) {
    let rows = form.purpose().rows();
    let place = rows.iter().position(|row| row.label == label).unwrap();
    (0..place).for_each(|_| drop(press(form, &["down"])));
}

fn spec(form: &mut Form) -> Option<ClusterSpec> {
    match press(form, &["enter"]) {
        Outcome::Wanted(Wish::Draft(draft)) => Some(draft.spec),
        _ => None,
    }
}

#[test]
fn enter_on_the_defaults_is_a_cluster() {
    let spec = spec(&mut form(&["dev"])).unwrap();
    assert_eq!(
        (spec.name.as_str(), spec.servers, spec.agents, spec.api.port),
        ("dev-2", 1, 0, None)
    );
    assert_eq!(spec.network, ClusterNetwork::own(None));
}

#[test]
fn a_wrong_field_gets_the_focus_instead_of_a_refusal_later() {
    let mut form = form(&[]);
    // agents: "0" -> "0x"
    let keys = ["tab", "tab", "x", "tab", "enter"];
    assert_eq!(press(&mut form, &keys), Outcome::Stay);
    press(&mut form, &["backspace", "backspace", "2"]);
    assert_eq!(spec(&mut form).unwrap().agents, 2);
    assert_eq!(press(&mut form, &["esc"]), Outcome::Close);
}

#[test]
fn ports_and_the_load_balancer_go_together() {
    let mut form = form(&[]);
    press(&mut form, &["down"; 5]);
    form.paste("8080:80, 8443:443");
    assert_eq!(spec(&mut form).unwrap().ports.len(), 2);
    press(&mut form, &["tab", "space"]);
    assert_eq!(spec(&mut form), None);
    form.paste("@server:0:direct");
    press(&mut form, &["ctrl-u"]);
    form.paste("8080:80@server:0:direct");
    assert!(!spec(&mut form).unwrap().load_balancer);
}

#[test]
fn what_is_wrong_is_said_while_it_is_typed() {
    for (label, answer, said) in [
        ("name", "Demo", "name"),
        ("name", "dev", "taken"),
        ("servers", "0", "without a server"),
        ("servers", "x", "number"),
        ("agents", "70000", "number"),
        ("image", "", "no image"),
        ("API port", "x", "not a port"),
        (
            "API port",
            "elsewhere:1",
            "neither an address nor localhost",
        ),
        ("ports", "80:80 80:81", "given twice"),
        ("ports", "80-82:80-81", "one length"),
        ("ports", "80:80@agent:0", "not there"),
        ("volumes", "/a:b", "absolute path"),
        ("volumes", "./a:/b", "nobody knows where"),
        ("environment", "A", "environment variable"),
        ("k3s arguments", "--x@nobody", "does not choose nodes"),
        ("node labels", "=web", "label of a node"),
        ("manifests", "web.yaml", "nobody knows where"),
        ("files", "/etc/motd", "what is put where"),
        ("new registry", "reg:x", "registry's port"),
        ("image volume", "/x", "not the name of a volume"),
        ("addresses", "172.28.0.0", "IPv4 network"),
        ("host aliases", "db", "db"),
        ("proxy settings", "workers", "workers"),
        ("memory", "1g 1g 1g", "too many values"),
        ("memory", "x", "x"),
        ("CPUs", "x", "x"),
        ("GPUs", "x", "x"),
        ("ulimits", "files=1", "files"),
        ("other labels", "k3d.cluster=x", "k3d.cluster"),
    ] {
        let mut form = form(&["dev"]);
        go_to(&mut form, label);
        press(&mut form, &["ctrl-u"]);
        form.paste(answer);
        let (words, tone) = form.words();
        assert!(words.contains(said), "{label} {answer}: {words}");
        assert_eq!(tone, crate::tui::theme::Tone::Warning, "{label} {answer}");
        assert_eq!(press(&mut form, &["enter"]), Outcome::Stay, "{label}");
    }
}

#[test]
fn names_that_are_there_are_offered_and_taken() {
    let around = Around {
        networks: ["k3d-dev", "shared", "host"].map(str::to_owned).to_vec(),
        ..Around::default()
    };
    let new = NewCluster::new(&ClusterDefaults::default(), Vec::new(), around);
    let mut form = Form::new(Purpose::NewCluster(new));
    go_to(&mut form, "network");
    assert!(form.words().0.ends_with("right: k3d-dev, shared, host"));
    press(&mut form, &["s"]);
    assert!(form.words().0.ends_with("right: shared"));
    // Elsewhere than at the end the key moves, as in any text.
    press(&mut form, &["left", "right", "right"]);
    let spec = spec(&mut form).unwrap();
    assert_eq!(spec.network, ClusterNetwork::Existing("shared".to_owned()));
}
