//! What filters choose, what is refused, and how values are taken apart.

use proptest::prelude::*;

use super::*;

fn chosen(text: &str, servers: u16, agents: u16, balancer: bool) -> Result<String, Problem> {
    let filters: Vec<NodeFilter> = text
        .split(';')
        .map(NodeFilter::parse)
        .collect::<Result<_, _>>()?;
    let nodes = choose(&filters, servers, agents, balancer)?;
    let words = nodes.iter().map(|(role, number)| {
        let letter = match role {
            Role::Server => 's',
            Role::Agent => 'a',
            _ => 'l',
        };
        format!("{letter}{number}")
    });
    Ok(words.collect::<Vec<_>>().join(" "))
}

#[test]
fn filters_choose_what_they_name() {
    for (text, want) in [
        ("server:0", "s0"),
        ("servers:*", "s0 s1 s2"),
        ("agent:1", "a1"),
        ("agents:0,2", "a0 a2"),
        ("agent:1-2", "a1 a2"),
        ("agent:2-", "a2 a3"),
        ("agent:-1", "a0 a1"),
        ("agent:-", "a0 a1 a2 a3"),
        ("agent:0,2-3", "a0 a2 a3"),
        ("agents[0]", "a0"),
        ("agents[1-3]", "a1 a2 a3"),
        ("server[*]", "s0 s1 s2"),
        ("loadbalancer", "l0"),
        ("loadbalancer:0", "l0"),
        ("all", "s0 s1 s2 a0 a1 a2 a3 l0"),
        ("all:*", "s0 s1 s2 a0 a1 a2 a3 l0"),
        ("agent:0;server:*;agent:0-1", "s0 s1 s2 a0 a1"),
        ("k3d-demo-agent-3", "a3"),
        ("k3d-a-b-server-0;k3d-demo-serverlb", "s0 l0"),
    ] {
        assert_eq!(chosen(text, 3, 4, true).as_deref(), Ok(want), "{text}");
    }
    assert_eq!(chosen("all", 1, 0, false).as_deref(), Ok("s0"));
    assert_eq!(chosen("server:*;agent:*", 1, 0, true).as_deref(), Ok("s0"));
    assert_eq!(choose(&[], 1, 1, true).unwrap().len(), 3);
    let named = NodeFilter::parse("k3d-a-b-server-0").unwrap();
    assert_eq!(named.cluster(), Some("a-b"));
}

#[test]
fn a_filter_that_matches_nothing_says_what_there_is() {
    for text in [
        "server:1",
        "agent:2",
        "agent:0-2",
        "agent:2-",
        "k3d-demo-agent-2",
    ] {
        let problem = chosen(text, 1, 2, true).unwrap_err();
        assert_eq!(
            problem.why, "the nodes are server:0, agent:0-1, loadbalancer",
            "{text}"
        );
    }
    let without = chosen("loadbalancer", 2, 0, false).unwrap_err();
    assert_eq!(without.why, "the nodes are server:0-1");
    assert!(chosen("agent:*", 1, 0, true).is_err());
}

#[test]
fn what_is_no_filter_is_refused_with_the_part_that_is_wrong() {
    for (text, why) in [
        ("", "none of"),
        ("server", "which of them"),
        ("agents", "which of them"),
        ("node:0", "\"node\""),
        ("server:x", "\"x\""),
        ("server:2-1", "\"2-1\""),
        ("server:+1", "\"+1\""),
        ("server:0,", "\"\""),
        ("server:0:direct", "only ports"),
        ("server:99999999999", "neither a number"),
        ("agents[0", "bracket"),
        ("all:0", "not numbered"),
        ("k3d-demo-tools", "none of"),
    ] {
        let problem = NodeFilter::parse(text).unwrap_err();
        assert!(problem.why.contains(why), "{text:?}: {problem}");
    }
    let (filter, suffix) = NodeFilter::parse_for_port("agent:0:direct").unwrap();
    assert_eq!(
        (filter.to_string().as_str(), suffix),
        ("agent:0", Some(Suffix::Direct))
    );
}

#[test]
fn values_are_taken_apart_as_k3d_does_it() {
    let parts = |text: &str| {
        let (value, filters) = split(text)?;
        Ok::<_, Problem>(format!("{value} | {}", filters.join(" ")))
    };
    for (text, want) in [
        ("A=b", "A=b | "),
        ("A=b@server:0", "A=b | server:0"),
        ("A=b@server:0;agent:*", "A=b | server:0 agent:*"),
        ("m=a\\@b.c", "m=a@b.c | "),
        ("m=a\\@b.c@all", "m=a@b.c | all"),
        ("p=C:\\\\@all", "p=C:\\ | all"),
        ("p=C:\\x\\\\y@all", "p=C:\\x\\\\y | all"),
    ] {
        assert_eq!(parts(text).as_deref(), Ok(want), "{text}");
    }
    for text in ["@all", "A=b@", "A=b@server:0@all", "A=b@;all", "a@b@all"] {
        assert!(parts(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_and_reads_back(
        text in "(server|servers|agent|all|loadbalancer|k3d-x-agent)?[-:0-9,*\\[\\]a-z]{0,12}",
        servers in 0u16..4, agents in 0u16..4, balancer in any::<bool>(),
    ) {
        if let Ok((filter, _)) = NodeFilter::parse_for_port(&text) {
            prop_assert_eq!(NodeFilter::parse(&filter.to_string()), Ok(filter.clone()));
            if let Ok(nodes) = choose(&[filter], servers, agents, balancer) {
                prop_assert!(!nodes.is_empty());
                prop_assert!(nodes.is_sorted());
            }
        }
    }

    #[test]
    fn any_value_is_taken_apart_or_refused(text in ".{0,30}") {
        let _ = ForNodes::parse(&text);
    }
}
