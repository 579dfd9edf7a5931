//! The admin kubeconfig that a server writes, made fit for a person's own: k3d's names for cluster, user and context,
//! and the address at which the API is published on the host.
//!
//! Any image can carry the labels of a cluster, so what is read out of a container is a stranger's text. A kubeconfig can
//! name programs to run and files of this machine to read and send; [`Admin`] has no place for either.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::domain::{ApiEndpoint, ClusterName, Problem, Secret, log::sanitize};

/// The name of cluster and context: `k3d-demo`.
#[must_use]
pub fn context(cluster: &ClusterName) -> String {
    format!("k3d-{cluster}")
}

/// The name of the user: `admin@k3d-demo`.
#[must_use]
pub fn user(cluster: &ClusterName) -> String {
    format!("admin@k3d-{cluster}")
}

/// The URL at which a published API is reached from this machine.
///
/// k3d publishes on `0.0.0.0` and writes that into kubeconfigs; it is no address to connect to, and not every system
/// takes it for the machine itself. Every certificate of k3s covers the loopback address.
#[must_use]
pub fn url(api: &ApiEndpoint) -> String {
    let host = match api.host.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => api.host.clone(),
    };
    format!("https://{host}:{}", api.port.unwrap_or(super::API_PORT))
}

/// The URL with the address that the port is bound to, whatever name clients are told.
#[must_use]
pub fn published(api: &ApiEndpoint) -> String {
    url(&ApiEndpoint::bound_to(api.host_ip, api.port))
}

/// What a server's own kubeconfig gives: an authority and credentials, all of it in the text itself. Where the API is
/// reached from here is known from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Admin {
    /// The certificates that the server's must be signed by, in Base64.
    pub authority: Option<String>,
    /// The client's certificate, in Base64.
    pub certificate: Option<Secret>,
    /// Its key, in Base64.
    pub key: Option<Secret>,
    /// A bearer token.
    pub token: Option<Secret>,
    /// The name for a password.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}

impl Admin {
    /// Reads the text that a container gave. The only way from such a text to a client or to a person's file.
    ///
    /// # Errors
    /// When it is not a kubeconfig with one cluster and one user, or says more than their credentials. The message never
    /// quotes a value, which may be a key.
    pub fn parse(container: &str, text: &str) -> Result<Self, Problem> {
        let container = sanitize(container.as_bytes());
        let broken = |why: String| {
            Problem::failed(format!("the kubeconfig of {container} cannot be used"), why)
        };
        let document: Value =
            serde_saphyr::from_str(text).map_err(|_| broken("it is not YAML".to_owned()))?;
        let one = |list: &str, item: &str| match document[list].as_array().map(Vec::as_slice) {
            Some([entry]) => entry[item]
                .as_object()
                .cloned()
                .ok_or_else(|| broken(format!("its {item} says nothing"))),
            Some(more) if !more.is_empty() => Err(broken(format!(
                "it names {} {list}, and a server writes one",
                more.len()
            ))),
            _ => Err(broken(format!("it names no {item}"))),
        };
        let (mut cluster, mut user) = (one("clusters", "cluster")?, one("users", "user")?);
        let take = |map: &mut Map<String, Value>, field: &str| match map.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(broken(format!("its field {field:?} is not a text"))),
        };
        // Where the server believes itself to be is of no use outside of its container.
        take(&mut cluster, "server")?;
        let admin = Self {
            authority: take(&mut cluster, "certificate-authority-data")?,
            certificate: take(&mut user, "client-certificate-data")?.map(Secret::new),
            key: take(&mut user, "client-key-data")?.map(Secret::new),
            token: take(&mut user, "token")?.map(Secret::new),
            username: take(&mut user, "username")?,
            password: take(&mut user, "password")?.map(Secret::new),
        };
        match cluster.keys().chain(user.keys()).next() {
            None => Ok(admin),
            Some(field) => Err(Problem::refused(
                format!("the kubeconfig of {container} is not used"),
                format!(
                    "it has the field {:?}, which no k3s server writes; from a container, only certificates, keys, tokens \
                     and passwords are taken that are in the text itself",
                    sanitize(field.as_bytes())
                ),
            )
            .with_hint(format!(
                "if you do not know the image of {container}, do not trust it"
            ))),
        }
    }

    /// A kubeconfig with our names and the given URL, as YAML.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn to_kubeconfig(&self, cluster: &ClusterName, url: &str) -> Result<Secret, Problem> {
        let mut server = Map::new();
        let mut credentials = Map::new();
        let fields = |map: &mut Map<String, Value>, fields: &[(&str, Option<&str>)]| {
            for (field, value) in fields {
                if let Some(value) = value {
                    map.insert((*field).to_owned(), Value::from(*value));
                }
            }
        };
        fields(
            &mut server,
            &[
                ("certificate-authority-data", self.authority.as_deref()),
                ("server", Some(url)),
            ],
        );
        let secret = |secret: &'_ Option<Secret>| secret.as_ref().map(|it| it.reveal().to_owned());
        let (certificate, key) = (secret(&self.certificate), secret(&self.key));
        let (token, password) = (secret(&self.token), secret(&self.password));
        fields(
            &mut credentials,
            &[
                ("client-certificate-data", certificate.as_deref()),
                ("client-key-data", key.as_deref()),
                ("token", token.as_deref()),
                ("username", self.username.as_deref()),
                ("password", password.as_deref()),
            ],
        );
        let name = context(cluster);
        let whole = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "preferences": {},
            "clusters": [{ "name": name, "cluster": server }],
            "users": [{ "name": user(cluster), "user": credentials }],
            "contexts": [{ "name": name, "context": { "cluster": name, "user": user(cluster) } }],
            "current-context": name,
        });
        // Certificates are long; a folded scalar would be valid, but is not what other tools write.
        let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
        let mut text = String::new();
        serde_saphyr::to_fmt_writer_with_options(&mut text, &whole, options).map_err(|_| {
            Problem::failed(
                format!(
                    "the kubeconfig of cluster {:?} cannot be used",
                    cluster.as_str()
                ),
                "it cannot be written as YAML",
            )
        })?;
        Ok(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProblemKind;

    const ADMIN: &str = "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: AAAA\n    server: \
                         https://127.0.0.1:6443\n  name: default\ncontexts:\n- context:\n    cluster: default\n    user: \
                         default\n  name: default\ncurrent-context: default\nkind: Config\npreferences: {}\nusers:\n- \
                         name: default\n  user:\n    client-certificate-data: BBBB\n    client-key-data: CCCC\n";

    #[test]
    fn names_and_address_are_ours_and_the_credentials_stay() {
        let long = "A".repeat(3000);
        let text = ADMIN.replace("AAAA", &long);
        let name = ClusterName::existing("demo");
        let admin = Admin::parse("k3d-demo-server-0", &text).unwrap();
        let written = admin
            .to_kubeconfig(&name, "https://127.0.0.1:6550")
            .unwrap();
        let lines = written.reveal();
        assert!(lines.contains(&format!("certificate-authority-data: {long}\n")));
        for line in [
            "server: https://127.0.0.1:6550",
            "client-key-data: CCCC",
            "current-context: k3d-demo",
            "name: admin@k3d-demo",
            "user: admin@k3d-demo",
        ] {
            assert!(lines.contains(line), "{line} is not in\n{lines}");
        }
        assert!(!lines.contains("default"));
    }

    #[test]
    fn an_address_that_nobody_can_connect_to_becomes_the_loopback() {
        let mut api = ApiEndpoint {
            host_ip: [0, 0, 0, 0].into(),
            host: "0.0.0.0".to_owned(),
            port: Some(41235),
        };
        assert_eq!(url(&api), "https://127.0.0.1:41235");
        api.host = "docker.example".to_owned();
        assert_eq!(url(&api), "https://docker.example:41235");
        assert_eq!(published(&api), "https://127.0.0.1:41235");
        api.host = "::1".to_owned();
        assert_eq!(url(&api), "https://[::1]:41235");
    }

    #[test]
    fn what_is_no_kubeconfig_is_a_problem_that_quotes_nothing() {
        for text in [
            "",
            "[",
            "clusters: []",
            "users: [{user: {client-key-data: KEY}}]",
            "clusters: [{cluster: {}}]\nusers: [{user: {token: [KEY]}}]",
            "clusters: [{cluster: {}}]\nusers: [{user: {token: KEY}}, {user: {token: KEY}}]",
        ] {
            let problem = Admin::parse("x", text).unwrap_err();
            assert!(!problem.to_string().contains("KEY"), "{text}");
        }
    }

    #[test]
    fn a_kubeconfig_out_of_a_container_runs_no_program_and_reads_no_file() {
        let cluster = [
            "certificate-authority: /etc/passwd",
            "proxy-url: 'http://evil.example'",
            "insecure-skip-tls-verify: true",
            "tls-server-name: evil.example",
            "disable-compression: true",
            "extensions: [{name: x, extension: {}}]",
            "\"od\\e[31md\": 1",
        ];
        let user = [
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh}",
            "auth-provider: {name: gcp, config: {cmd-path: sh}}",
            "tokenFile: /etc/passwd",
            "client-key: /etc/passwd",
            "client-certificate: /etc/passwd",
            "as: root",
            "as-uid: '0'",
            "as-groups: ['system:masters']",
            "as-user-extra: {a: [b]}",
            "extensions: [{name: x, extension: {}}]",
        ];
        let with = |cluster: &str, user: &str| {
            let text = format!(
                "clusters: [{{name: d, cluster: {{server: 'https://h', {cluster}}}}}]\n\
                 users: [{{name: d, user: {{token: TOKEN, {user}}}}}]\n"
            );
            Admin::parse("k3d-x-server-0", &text)
        };
        assert_eq!(with("", "").unwrap().token, Some(Secret::new("TOKEN")));
        let all = cluster
            .iter()
            .map(|field| (field, with(field, "")))
            .chain(user.iter().map(|field| (field, with("", field))));
        for (field, read) in all {
            let problem = read.unwrap_err();
            assert_eq!(problem.kind, ProblemKind::Refused, "{field}: {problem:?}");
            let name = field.split(':').next().unwrap();
            assert!(
                name.starts_with('"') || problem.why.contains(&format!("{name:?}")),
                "{field}: {problem:?}"
            );
            assert!(problem.what.contains("k3d-x-server-0"), "{problem:?}");
            let text = problem.to_string();
            for unwanted in ["TOKEN", "evil.example", "/etc/passwd", "\x1b"] {
                assert!(!text.contains(unwanted), "{field}: {text}");
            }
        }
    }
}
