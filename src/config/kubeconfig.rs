//! A kubeconfig as a document: entries are set and removed by name, and everything else in it, known or not, stays.
//!
//! Comments are not kept, as kubectl does not keep them either. A file that cannot be read in full is refused, so that
//! nothing is lost by writing it again; messages say the place but never quote the text, which holds credentials.

use std::fmt;

use serde_json::{Map, Value, json};
use serde_saphyr::DuplicateKeyPolicy;

use crate::domain::Problem;

/// The three lists of a kubeconfig whose entries have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum List {
    /// Where API servers are.
    Clusters,
    /// Who one is.
    Users,
    /// Which of the two belong together.
    Contexts,
}

impl List {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Clusters, Self::Users, Self::Contexts];

    const fn key(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Users => "users",
            Self::Contexts => "contexts",
        }
    }
}

/// The text as values, or where it is not YAML.
fn value(text: &str, twice: DuplicateKeyPolicy) -> Result<Value, String> {
    // The usual limits are meant for files from strangers; this one is the person's own, and may be large.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: 10_000_000,
            max_events: 40_000_000,
            max_total_scalar_bytes: 1 << 30,
        },
        duplicate_keys: twice,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place = error.location().map_or_else(String::new, |at| {
            format!("line {}, column {}: ", at.line(), at.column())
        });
        format!("{place}it is not valid YAML")
    })
}

/// The text as values, as kubectl reads it: of a field that stands twice, the last counts. To be read only: written
/// again, the other would be lost.
///
/// # Errors
/// Where it is not YAML; the text is not quoted.
pub fn read(text: &str) -> Result<Value, String> {
    value(text, DuplicateKeyPolicy::LastWins)
}

/// One kubeconfig file's contents. They hold credentials, so it prints names only.
#[derive(Clone, PartialEq)]
pub struct Document(Map<String, Value>);

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names(List::Contexts)).finish()
    }
}

impl Default for Document {
    /// An empty kubeconfig, with what kubectl wants to see in every one.
    fn default() -> Self {
        let mut map = Map::new();
        map.insert("apiVersion".to_owned(), json!("v1"));
        map.insert("kind".to_owned(), json!("Config"));
        map.insert("preferences".to_owned(), json!({}));
        for list in List::ALL {
            map.insert(list.key().to_owned(), json!([]));
        }
        map.insert("current-context".to_owned(), json!(""));
        Self(map)
    }
}

impl Document {
    /// Reads a file's text. An empty one is an empty kubeconfig.
    ///
    /// # Errors
    /// When it is not the YAML of a kubeconfig; `name` is what the file is called in the message.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problem> {
        let broken = |why: String| {
            Problem::usage(
                format!("{name} is not a kubeconfig that can be changed"),
                why,
            )
            .with_hint("correct it, or name another file in KUBECONFIG; it was not touched")
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let value = value(text, DuplicateKeyPolicy::Error).map_err(broken)?;
        let map = match value {
            Value::Object(map) => map,
            Value::Null => return Ok(Self::default()),
            _ => return Err(broken("it is not a set of fields".to_owned())),
        };
        for list in List::ALL {
            match map.get(list.key()) {
                None | Some(Value::Null) => {}
                Some(Value::Array(entries)) => {
                    if let Some(place) = entries.iter().position(|entry| name_of(entry).is_none()) {
                        return Err(broken(format!(
                            "entry {} of {} has no name",
                            place + 1,
                            list.key()
                        )));
                    }
                }
                Some(_) => return Err(broken(format!("{} is not a list", list.key()))),
            }
        }
        Ok(Self(map))
    }

    /// The document as YAML that kubectl and everybody else reads.
    ///
    /// # Errors
    /// When it cannot be written so that reading it gives the same again.
    pub fn to_yaml(&self) -> Result<String, Problem> {
        let refuse = || {
            Problem::failed(
                "the kubeconfig was not written",
                "it holds something that cannot be written as YAML unchanged",
            )
        };
        // Certificates are long; folded they would be valid, but not what other tools write.
        let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
        let mut text = String::new();
        serde_saphyr::to_fmt_writer_with_options(&mut text, &self.0, options)
            .map_err(|_| refuse())?;
        if Self::parse("it", &text).as_ref() != Ok(self) {
            return Err(refuse());
        }
        Ok(text)
    }

    /// An entry, with its name.
    #[must_use]
    pub fn entry(&self, list: List, name: &str) -> Option<&Value> {
        self.entries(list)
            .find(|entry| name_of(entry) == Some(name))
    }

    /// The names in a list, in order.
    pub fn names(&self, list: List) -> impl Iterator<Item = &str> {
        self.entries(list).filter_map(name_of)
    }

    fn entries(&self, list: List) -> impl Iterator<Item = &Value> {
        self.0
            .get(list.key())
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }

    /// Adds an entry, or replaces the one of its name where it stands; whether that changed anything.
    pub fn set(&mut self, list: List, entry: Value) -> bool {
        let Some(name) = name_of(&entry) else {
            return false;
        };
        let slot = self.0.entry(list.key()).or_insert(Value::Null);
        if !slot.is_array() {
            *slot = json!([]);
        }
        let Value::Array(entries) = slot else {
            return false;
        };
        let same_name = entries.iter_mut().find(|old| name_of(old) == Some(name));
        match same_name {
            Some(old) if *old == entry => false,
            Some(old) => {
                *old = entry;
                true
            }
            None => {
                entries.push(entry);
                true
            }
        }
    }

    /// Removes an entry; whether there was one.
    pub fn remove(&mut self, list: List, name: &str) -> bool {
        let Some(Value::Array(entries)) = self.0.get_mut(list.key()) else {
            return false;
        };
        let before = entries.len();
        entries.retain(|entry| name_of(entry) != Some(name));
        entries.len() != before
    }

    /// The current context, if one is set.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.0
            .get("current-context")
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty())
    }

    /// Sets the current context, or unsets it; whether that changed anything.
    pub fn set_current(&mut self, context: Option<&str>) -> bool {
        if self.current() == context {
            return false;
        }
        let value = json!(context.unwrap_or_default());
        self.0.insert("current-context".to_owned(), value);
        true
    }

    /// Whether nobody would miss the file: it names no cluster, no user, no context, and nothing else.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let empty = Self::default();
        self.current().is_none()
            && List::ALL
                .iter()
                .all(|list| self.entries(*list).next().is_none())
            && self.0.keys().all(|key| empty.0.contains_key(key))
    }
}

fn name_of(entry: &Value) -> Option<&str> {
    entry["name"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
apiVersion: v1
kind: Config
clusters:
- name: work
  cluster:
    server: https://work.example:6443
    extensions:
    - name: minikube
      extension: {version: \"1.30\", last-update: 'Mon, 01 Jan 2026'}
contexts:
- name: work
  context: {cluster: work, user: me, namespace: \"0644\"}
current-context: work
users:
- name: me
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: aws
      args: [\"--yes\", \"on\", \"1e3\"]
      env: null
x-mine: [1, true, null, 2.5]
";

    fn parse(text: &str) -> Document {
        Document::parse("the file", text).unwrap()
    }

    #[test]
    fn what_is_set_is_there_and_all_the_rest_is_untouched() {
        let mut document = parse(FILE);
        let before = document.0.clone();
        let entry =
            json!({ "name": "k3d-demo", "cluster": { "server": "https://127.0.0.1:6550" } });
        assert!(document.set(List::Clusters, entry.clone()));
        assert!(!document.set(List::Clusters, entry));
        assert!(document.set_current(Some("k3d-demo")));
        let mut again = parse(&document.to_yaml().unwrap());
        assert_eq!(again, document);
        assert_eq!(again.current(), Some("k3d-demo"));
        assert!(again.remove(List::Clusters, "k3d-demo"));
        assert!(!again.remove(List::Clusters, "k3d-demo"));
        again.set_current(Some("work"));
        assert_eq!(again.0, before);
    }

    #[test]
    fn an_entry_is_replaced_where_it_stands() {
        let mut document = parse("clusters:\n- name: a\n- name: b\n- name: c\n");
        document.set(List::Clusters, json!({ "name": "b", "cluster": {} }));
        assert_eq!(
            document.names(List::Clusters).collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
        assert!(document.entry(List::Clusters, "b").unwrap()["cluster"].is_object());
    }

    #[test]
    fn lists_that_are_missing_or_null_are_made() {
        for text in ["", "---\n", "clusters:\nusers: null\n", "{}"] {
            let mut document = parse(text);
            assert!(
                document.set(List::Users, json!({ "name": "x" })),
                "{text:?}"
            );
            assert!(document.entry(List::Users, "x").is_some());
        }
        assert!(parse("").is_empty());
        assert!(!parse("x: 1").is_empty());
        assert!(!parse(FILE).is_empty());
    }

    #[test]
    fn long_certificates_stay_on_one_line() {
        let mut document = Document::default();
        let long = "A".repeat(5_000);
        document.set(
            List::Users,
            json!({ "name": "x", "user": { "client-key-data": long } }),
        );
        assert!(
            document
                .to_yaml()
                .unwrap()
                .contains(&format!("client-key-data: {long}\n"))
        );
    }

    #[test]
    fn a_broken_file_is_refused_with_its_place_and_without_its_text() {
        for (text, why) in [
            ("users:\n- name: a\n  user: {token: SECRET\n", "line "),
            ("a: SECRET\na: SECRET\n", "line 2"),
            ("[SECRET]", "not a set of fields"),
            ("users: SECRET", "users is not a list"),
            (
                "users:\n- user: {token: SECRET}\n",
                "entry 1 of users has no name",
            ),
        ] {
            let problem = Document::parse("the file", text).unwrap_err();
            assert!(problem.why.contains(why), "{text:?}: {problem}");
            assert!(!format!("{problem:?}").contains("SECRET"), "{problem:?}");
        }
        let read = parse("users: [{name: a, user: {token: SECRET}}]\ncontexts: [{name: c}]");
        assert_eq!(format!("{read:?}"), r#"["c"]"#);
    }

    #[test]
    fn a_file_of_thousands_of_clusters_is_read_and_written() {
        let mut document = Document::default();
        let entries: Vec<Value> = (0..20_000)
            .map(|n| json!({ "name": format!("c{n}"), "cluster": { "server": "https://h" } }))
            .collect();
        document
            .0
            .insert("clusters".to_owned(), Value::Array(entries));
        let text = document.to_yaml().unwrap();
        assert_eq!(parse(&text).names(List::Clusters).count(), 20_000);
    }
}
