//! The admin kubeconfig that a server writes, made fit for a person's own: k3d's names for cluster, user and context,
//! and the address at which the API is published on the host.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::domain::{ApiEndpoint, ClusterName, Problem, Secret};

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

/// A server's own kubeconfig with our names and the given URL, as YAML.
///
/// # Errors
/// When the text is not a kubeconfig with one cluster and one user.
pub fn rewrite(admin: &str, cluster: &ClusterName, url: &str) -> Result<Secret, Problem> {
    let broken = |why: &str| {
        Problem::failed(
            format!(
                "the kubeconfig of cluster {:?} cannot be used",
                cluster.as_str()
            ),
            why,
        )
    };
    let document: Value = serde_saphyr::from_str(admin).map_err(|_| broken("it is not YAML"))?;
    // The reader's own error would quote the text, which holds a private key.
    let field = |list: &str, item: &str| document[list][0][item].as_object().cloned();
    let mut server = field("clusters", "cluster").ok_or_else(|| broken("it names no cluster"))?;
    let admin = field("users", "user").ok_or_else(|| broken("it names no user"))?;
    server.insert("server".to_owned(), Value::from(url));
    let name = context(cluster);
    let rewritten = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "clusters": [{ "name": name, "cluster": server }],
        "users": [{ "name": user(cluster), "user": admin }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": user(cluster) } }],
        "current-context": name,
    });
    // Certificates are long; a folded scalar would be valid, but is not what other tools write.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, &rewritten, options)
        .map_err(|_| broken("it cannot be written as YAML"))?;
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMIN: &str = "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: AAAA\n    server: \
                         https://127.0.0.1:6443\n  name: default\ncontexts:\n- context:\n    cluster: default\n    user: \
                         default\n  name: default\ncurrent-context: default\nkind: Config\npreferences: {}\nusers:\n- \
                         name: default\n  user:\n    client-certificate-data: BBBB\n    client-key-data: CCCC\n";

    #[test]
    fn names_and_address_are_ours_and_the_credentials_stay() {
        let long = "A".repeat(3000);
        let text = ADMIN.replace("AAAA", &long);
        let name = ClusterName::existing("demo");
        let written = rewrite(&text, &name, "https://127.0.0.1:6550").unwrap();
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
        ] {
            let problem = rewrite(text, &ClusterName::existing("x"), "https://h").unwrap_err();
            assert!(!problem.to_string().contains("KEY"), "{text}");
        }
    }
}
