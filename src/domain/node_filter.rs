//! Which nodes of a cluster something is for: k3d's node filters, `server:0`, `agent:*`, `agent:0,2-3`, `loadbalancer`,
//! `all`, in the older spelling with brackets (`agents[1-5]`) and as names of containers too.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::{Problem, Role};

/// Nodes that are meant, before it is known which there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeFilter {
    group: Group,
    /// Which of the group; empty is all of them.
    spans: Vec<Span>,
    /// The cluster that a container's name belongs to, where one was written.
    cluster: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Group {
    Servers,
    Agents,
    LoadBalancer,
    All,
}

/// Numbers from the first to the last, or to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Span {
    first: u32,
    last: Option<u32>,
}

/// A value together with the nodes that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ForNodes<T> {
    /// The value.
    pub value: T,
    /// The nodes; none named is every node that the value can be for.
    #[serde(default = "Vec::new")]
    pub nodes: Vec<NodeFilter>,
}

impl<T> ForNodes<T> {
    /// A value for every node that it can be for.
    #[must_use]
    pub const fn every(value: T) -> Self {
        Self {
            value,
            nodes: Vec::new(),
        }
    }

    /// Whether it is for the node of that role and number.
    #[must_use]
    pub fn is_for(&self, role: Role, number: u32) -> bool {
        self.nodes.is_empty() || self.nodes.iter().any(|filter| filter.matches(role, number))
    }
}

impl ForNodes<String> {
    /// Parses `VALUE[@FILTER[;FILTER]]`; see [`split`].
    ///
    /// # Errors
    /// Says which part cannot be read.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let (value, filters) = split(text)?;
        let nodes: Result<_, _> = filters.iter().map(|text| NodeFilter::parse(text)).collect();
        Ok(Self {
            value,
            nodes: nodes?,
        })
    }
}

/// How a port gets to the nodes that its filter names; only ports can say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suffix {
    /// Published on the load balancer, which passes it on. What is meant where nothing is said.
    Proxy,
    /// Published on the node itself.
    Direct,
}

impl NodeFilter {
    /// Parses a filter.
    ///
    /// # Errors
    /// Says what is wrong with it, and how one is written.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        match Self::parse_for_port(text)? {
            (filter, None) => Ok(filter),
            (_, Some(_)) => Err(refuse(text, "only ports are direct or proxied")),
        }
    }

    /// Whether it means all of a group that is empty. A number that is not there is a mistake; this need not be one.
    #[must_use]
    pub fn is_for_nobody(&self, agents: u16, load_balancer: bool) -> bool {
        match self.group {
            Group::Agents => agents == 0 && self.spans.is_empty(),
            Group::LoadBalancer => !load_balancer,
            Group::Servers | Group::All => false,
        }
    }

    /// Parses a filter of a port, which can end in `:direct` or `:proxy`.
    ///
    /// # Errors
    /// Says what is wrong with it, and how one is written.
    pub fn parse_for_port(text: &str) -> Result<(Self, Option<Suffix>), Problem> {
        let (rest, suffix) = match text.rsplit_once(':') {
            Some((rest, "direct")) => (rest, Some(Suffix::Direct)),
            Some((rest, "proxy")) => (rest, Some(Suffix::Proxy)),
            _ => (text, None),
        };
        if let Some(named) = by_name(rest) {
            return Ok((named, suffix));
        }
        let (group, subset) = match rest.split_once('[') {
            Some((group, subset)) => {
                let subset = subset.strip_suffix(']');
                let subset = subset.ok_or_else(|| refuse(text, "its bracket is not closed"))?;
                (group, Some(subset))
            }
            None => rest
                .split_once(':')
                .map_or((rest, None), |(group, subset)| (group, Some(subset))),
        };
        let group = match group {
            "server" | "servers" => Group::Servers,
            "agent" | "agents" => Group::Agents,
            "loadbalancer" => Group::LoadBalancer,
            "all" => Group::All,
            other => {
                let why = format!("{other:?} is none of server, agent, loadbalancer, all");
                return Err(refuse(text, why));
            }
        };
        let spans = match subset {
            None if matches!(group, Group::Servers | Group::Agents) => {
                return Err(refuse(text, "it does not say which of them"));
            }
            None | Some("*") => Vec::new(),
            Some(subset) => subset
                .split(',')
                .map(|part| span(part).ok_or_else(|| refuse(text, not_numbers(part))))
                .collect::<Result<_, _>>()?,
        };
        let spans = match group {
            // There is only one; k3d looks at no number there either.
            Group::LoadBalancer => Vec::new(),
            Group::All if !spans.is_empty() => {
                return Err(refuse(text, "all nodes together are not numbered"));
            }
            _ => spans,
        };
        let filter = Self {
            group,
            spans,
            cluster: None,
        };
        Ok((filter, suffix))
    }

    /// All nodes of a role that nodes are chosen by: servers, agents, the load balancer. Other roles are every node.
    #[must_use]
    pub const fn role(role: Role) -> Self {
        Self {
            group: match role {
                Role::Server => Group::Servers,
                Role::Agent => Group::Agents,
                Role::LoadBalancer => Group::LoadBalancer,
                _ => Group::All,
            },
            spans: Vec::new(),
            cluster: None,
        }
    }

    /// The load balancer alone.
    #[must_use]
    pub fn is_load_balancer(&self) -> bool {
        self.group == Group::LoadBalancer
    }

    /// The cluster that it names, where it is the name of a container.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// Whether it means the node of that role and number.
    #[must_use]
    pub fn matches(&self, role: Role, number: u32) -> bool {
        let group = match role {
            Role::Server => matches!(self.group, Group::Servers | Group::All),
            Role::Agent => matches!(self.group, Group::Agents | Group::All),
            Role::LoadBalancer => matches!(self.group, Group::LoadBalancer | Group::All),
            _ => false,
        };
        let inside =
            |span: &Span| span.first <= number && span.last.is_none_or(|last| number <= last);
        group && (self.spans.is_empty() || self.spans.iter().any(inside))
    }
}

impl fmt::Display for NodeFilter {
    /// As it is written on a command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cluster) = &self.cluster {
            write!(f, "k3d-{cluster}-")?;
            return match (self.group, self.spans.first()) {
                (Group::Servers, Some(span)) => write!(f, "server-{}", span.first),
                (Group::Agents, Some(span)) => write!(f, "agent-{}", span.first),
                _ => f.write_str("serverlb"),
            };
        }
        f.write_str(match self.group {
            Group::Servers => "server:",
            Group::Agents => "agent:",
            Group::LoadBalancer => return f.write_str("loadbalancer"),
            Group::All => return f.write_str("all"),
        })?;
        if self.spans.is_empty() {
            return f.write_str("*");
        }
        for (place, span) in self.spans.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            match span.last {
                Some(last) if last == span.first => write!(f, "{last}")?,
                Some(last) => write!(f, "{}-{last}", span.first)?,
                None => write!(f, "{}-", span.first)?,
            }
        }
        Ok(())
    }
}

impl From<NodeFilter> for String {
    fn from(filter: NodeFilter) -> Self {
        filter.to_string()
    }
}

impl TryFrom<String> for NodeFilter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|problem| problem.to_string())
    }
}

fn refuse(text: &str, why: impl Into<String>) -> Problem {
    Problem::usage(format!("{text:?} does not choose nodes"), why)
        .with_hint("write server:0, server:*, agent:0,2-3, loadbalancer or all")
}

fn not_numbers(part: &str) -> String {
    format!("{part:?} is neither a number, nor a range such as 0-2, nor *")
}

/// `N`, `N-M`, `N-`, `-M` or `-`.
fn span(text: &str) -> Option<Span> {
    // A number may not have a sign, which Rust would read.
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-')
        || text.is_empty()
    {
        return None;
    }
    let Some((first, last)) = text.split_once('-') else {
        let only = text.parse().ok()?;
        return Some(Span {
            first: only,
            last: Some(only),
        });
    };
    let first = if first.is_empty() {
        0
    } else {
        first.parse().ok()?
    };
    let last = if last.is_empty() {
        None
    } else {
        Some(last.parse().ok()?)
    };
    last.is_none_or(|last| first <= last)
        .then_some(Span { first, last })
}

/// The name of a container, `k3d-demo-server-0`.
fn by_name(text: &str) -> Option<NodeFilter> {
    let rest = text.strip_prefix("k3d-")?;
    let named = |cluster: &str, group, number: Option<u32>| NodeFilter {
        group,
        spans: number
            .map(|number| Span {
                first: number,
                last: Some(number),
            })
            .into_iter()
            .collect(),
        cluster: Some(cluster.to_owned()),
    };
    if let Some(cluster) = rest.strip_suffix("-serverlb") {
        return Some(named(cluster, Group::LoadBalancer, None));
    }
    let (front, number) = rest.rsplit_once('-')?;
    let only = span(number).filter(|span| span.last == Some(span.first))?;
    let (cluster, group) = match front.rsplit_once('-')? {
        (cluster, "server") => (cluster, Group::Servers),
        (cluster, "agent") => (cluster, Group::Agents),
        _ => return None,
    };
    Some(named(cluster, group, Some(only.first)))
}

/// Takes `VALUE@FILTER;FILTER` apart. `\@` in the value stands for `@`, and `\\` right before the `@` of the filter for
/// one backslash; any other backslash is itself. Without `@` there are no filters.
///
/// # Errors
/// Where nothing stands before or after the `@`, or there is more than one.
pub fn split(text: &str) -> Result<(String, Vec<String>), Problem> {
    let refuse = |why: &str| {
        Problem::usage(
            format!("{text:?} does not say clearly for which nodes it is"),
            why,
        )
        .with_hint(
            "write VALUE@FILTER, such as A=b@server:0, and \\@ where the value itself has an @",
        )
    };
    let mut value = String::new();
    let mut rest = text;
    let mut filters = None;
    while let Some(next) = rest.chars().next() {
        if let Some(tail) = rest.strip_prefix("\\@") {
            value.push('@');
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("\\\\@") {
            value.push('\\');
            filters = Some(tail);
            break;
        } else if let Some(tail) = rest.strip_prefix('@') {
            filters = Some(tail);
            break;
        } else {
            value.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    let Some(filters) = filters else {
        return Ok((value, Vec::new()));
    };
    if filters.contains('@') {
        return Err(refuse("there is more than one @"));
    }
    if value.is_empty() {
        return Err(refuse("there is nothing before the @"));
    }
    if filters.split(';').any(str::is_empty) {
        return Err(refuse("there is nothing after the @, or between two ;"));
    }
    Ok((value, filters.split(';').map(str::to_owned).collect()))
}

/// The nodes that filters choose in a cluster of so many servers and agents, without repetition: servers, agents, load
/// balancer (number 0). No filter at all chooses every node.
///
/// # Errors
/// Where a number is beyond what there is, or nothing is chosen: it says what there is.
pub fn choose(
    filters: &[NodeFilter],
    servers: u16,
    agents: u16,
    load_balancer: bool,
) -> Result<Vec<(Role, u32)>, Problem> {
    let there: Vec<(Role, u32)> = (0..servers.into())
        .map(|number| (Role::Server, number))
        .chain((0..agents.into()).map(|number| (Role::Agent, number)))
        .chain(load_balancer.then_some((Role::LoadBalancer, 0)))
        .collect();
    if filters.is_empty() {
        return Ok(there);
    }
    let mut chosen = BTreeSet::new();
    for filter in filters {
        let count = match filter.group {
            Group::Servers => u32::from(servers),
            Group::Agents => u32::from(agents),
            Group::LoadBalancer if !load_balancer => return Err(nothing(filters, &there)),
            _ => u32::MAX,
        };
        let beyond = |span: &Span| span.last.unwrap_or(span.first) >= count;
        if filter.spans.iter().any(beyond) {
            return Err(nothing(std::slice::from_ref(filter), &there));
        }
        chosen.extend(
            there
                .iter()
                .copied()
                .filter(|(role, number)| filter.matches(*role, *number)),
        );
    }
    if chosen.is_empty() {
        return Err(nothing(filters, &there));
    }
    Ok(chosen.into_iter().collect())
}

fn nothing(filters: &[NodeFilter], there: &[(Role, u32)]) -> Problem {
    let words = |role: Role, word: &str| {
        let count = there.iter().filter(|(other, _)| *other == role).count();
        match (role, count) {
            (_, 0) => None,
            (Role::LoadBalancer, _) => Some(word.to_owned()),
            (_, 1) => Some(format!("{word}:0")),
            (_, count) => Some(format!("{word}:0-{}", count - 1)),
        }
    };
    let all: Vec<String> = [
        words(Role::Server, "server"),
        words(Role::Agent, "agent"),
        words(Role::LoadBalancer, "loadbalancer"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let filters: Vec<String> = filters.iter().map(ToString::to_string).collect();
    Problem::usage(
        format!("{:?} chooses a node that is not there", filters.join(";")),
        format!("the nodes are {}", all.join(", ")),
    )
}

#[cfg(test)]
mod tests;
