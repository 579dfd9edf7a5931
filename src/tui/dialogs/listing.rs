//! A list of things around clusters: images on nodes, registries, volumes and networks that outlive clusters.
//!
//! What is in it is fetched when it opens and again after every operation, by the task that its kind and number name.

use crate::{
    config::{Key, KeyChord},
    domain::{ClusterName, Problem, PublishedPort},
};

/// What is listed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The images on a cluster's nodes, and those that the engine could send there.
    Images(ClusterName),
    /// The services of a cluster that can be published on this machine.
    Services(ClusterName),
    /// The manifests and charts that k3s keeps deployed in a cluster.
    Manifests(ClusterName),
    /// The registries, for a cluster that could use them.
    Registries(Option<ClusterName>),
    /// What is in a registry.
    Catalogue(String),
    /// Volumes and networks that outlive clusters.
    Lasting,
}

impl Kind {
    /// The title of the list.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Images(cluster) => format!("images of cluster \"{cluster}\""),
            Self::Services(cluster) => format!("services of cluster \"{cluster}\" on this machine"),
            Self::Manifests(cluster) => format!("manifests and charts of cluster \"{cluster}\""),
            Self::Registries(_) => "registries".to_owned(),
            Self::Catalogue(name) => format!("images in registry {name}"),
            Self::Lasting => "volumes and networks that outlive clusters".to_owned(),
        }
    }

    /// The columns; the first one takes what the others leave.
    #[must_use]
    pub const fn columns(&self) -> &'static [&'static str] {
        match self {
            Self::Images(_) => &["IMAGE", "SIZE", "ENGINE", "NODES"],
            Self::Services(_) => &["SERVICE", "PORT", "PUBLISHED", "OFFERED"],
            Self::Manifests(_) => &["NAME", "KIND", "STATE", "WHY", "SOURCE"],
            Self::Registries(_) => &["NAME", "STATE", "FROM HERE", "COPIES OF", "NETWORKS"],
            Self::Catalogue(_) => &["REPOSITORY", "TAGS"],
            Self::Lasting => &["NAME", "KIND", "SIZE", "USED BY"],
        }
    }

    /// What is said where there is nothing to list.
    #[must_use]
    pub const fn none(&self) -> &'static str {
        match self {
            Self::Images(_) => "no image on any node",
            Self::Services(_) => "no service of type NodePort or LoadBalancer",
            Self::Manifests(_) => "k3s keeps nothing deployed here",
            Self::Registries(_) => "no registry yet: n makes one",
            Self::Catalogue(_) => "nothing was pushed to it yet",
            Self::Lasting => "none yet: n makes one",
        }
    }

    /// The keys of its own, and what they do.
    #[must_use]
    pub const fn keys(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Images(_) => &[("i", "send to all nodes"), ("ctrl-d", "remove from nodes")],
            Self::Services(_) => &[("enter", "publish"), ("ctrl-d", "publish no more")],
            Self::Registries(_) => &[
                ("n", "new"),
                ("enter", "what is in it"),
                ("c", "connect the cluster or disconnect it"),
                ("t", "on/off"),
                ("ctrl-d", "delete"),
            ],
            Self::Catalogue(_) | Self::Manifests(_) => &[],
            Self::Lasting => &[("n", "new"), ("ctrl-d", "delete")],
        }
    }
}

/// What a line of a list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// An image.
    Image {
        /// Its name.
        name: String,
        /// Whether the engine has it.
        at_engine: bool,
        /// Whether any node has it.
        on_nodes: bool,
    },
    /// A port of a service.
    Service {
        /// Where it would be published.
        offered: PublishedPort,
        /// Where it is.
        published: Option<PublishedPort>,
    },
    /// A registry.
    Registry {
        /// Its name.
        name: String,
        /// Whether it runs.
        running: bool,
        /// The networks that it is in.
        networks: Vec<String>,
    },
    /// A manifest or chart of this name.
    Manifest(String),
    /// A repository of this name in a registry.
    Repository(String),
    /// A volume of this name.
    Volume(String),
    /// A network of this name.
    Network(String),
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub thing: Thing,
    /// A text for each column.
    pub cells: Vec<String>,
}

/// A list that is open.
#[derive(Debug, Clone)]
pub struct Listing {
    /// What is listed.
    pub kind: Kind,
    /// How often it was fetched.
    pub number: u64,
    /// What is in it, once that is known, or why it is not.
    pub items: Option<Result<Vec<Item>, Problem>>,
    /// The selected line.
    pub index: usize,
}

/// What a key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Stay,
    /// It was left.
    Close,
    /// Another thing of this kind is wanted.
    New,
    /// The thing is to be opened.
    Open(Thing),
    /// The thing is to be removed.
    Remove(Thing),
    /// Another of the list's own keys, for the thing.
    Use(char, Thing),
}

impl Listing {
    /// An empty list that is about to be fetched.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            number: 0,
            items: None,
            index: 0,
        }
    }

    /// Has it fetched again; what is there stays until then.
    pub fn again(&mut self) {
        self.number += 1;
    }

    /// Takes in what was fetched.
    pub fn take(&mut self, items: Result<Vec<Item>, Problem>) {
        self.items = Some(items);
        self.index = self.index.min(self.all().len().saturating_sub(1));
    }

    /// What is in it.
    #[must_use]
    pub fn all(&self) -> &[Item] {
        match &self.items {
            Some(Ok(items)) => items,
            _ => &[],
        }
    }

    /// Takes a key.
    pub fn press(&mut self, chord: KeyChord) -> Outcome {
        let last = self.all().len().saturating_sub(1);
        let thing = self.all().get(self.index).map(|item| item.thing.clone());
        match (chord.ctrl, chord.key) {
            (true, Key::Char('c')) | (_, Key::Esc | Key::Char('q')) => return Outcome::Close,
            (true, Key::Char('d')) => return thing.map_or(Outcome::Stay, Outcome::Remove),
            (false, Key::Char('n')) => return Outcome::New,
            (false, Key::Enter) => return thing.map_or(Outcome::Stay, Outcome::Open),
            (false, Key::Char(key @ ('i' | 'c' | 't'))) => {
                return thing.map_or(Outcome::Stay, |thing| Outcome::Use(key, thing));
            }
            (_, Key::Down | Key::Char('j')) => self.index = (self.index + 1).min(last),
            (_, Key::Up | Key::Char('k')) => self.index = self.index.saturating_sub(1),
            (_, Key::PageDown) => self.index = (self.index + 10).min(last),
            (_, Key::PageUp) => self.index = self.index.saturating_sub(10),
            (_, Key::Home | Key::Char('g')) => self.index = 0,
            (_, Key::End | Key::Char('G')) => self.index = last,
            _ => {}
        }
        Outcome::Stay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_for_the_selected_line_and_an_empty_list_has_none() {
        let mut list = Listing::new(Kind::Lasting);
        let press = |list: &mut Listing, key: &str| list.press(key.parse().unwrap());
        assert_eq!(press(&mut list, "ctrl-d"), Outcome::Stay);
        let item = |name: &str| Item {
            thing: Thing::Volume(name.to_owned()),
            cells: Vec::new(),
        };
        list.take(Ok(vec![item("a"), item("b")]));
        press(&mut list, "G");
        let b = Thing::Volume("b".to_owned());
        assert_eq!(press(&mut list, "ctrl-d"), Outcome::Remove(b));
        list.take(Ok(vec![item("a")]));
        let a = Thing::Volume("a".to_owned());
        assert_eq!(press(&mut list, "enter"), Outcome::Open(a));
        list.take(Err(Problem::failed("x", "y")));
        assert_eq!(press(&mut list, "enter"), Outcome::Stay);
        assert_eq!(press(&mut list, "esc"), Outcome::Close);
    }
}
