//! What is left over, at the engine and on this machine: looked up here, judged by [`crate::plan::prune`].

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{
    kubeconfig::in_background,
    kubeconfig_file::{self, KubeconfigFiles},
    observe, protection,
    recover::{self, Owner},
};
use crate::{
    backend::Backends,
    config::Contexts,
    distro::k3s::kubeconfig,
    domain::{ClusterName, Problem},
    plan::prune::{self, Found, Local, Prune},
};

/// A server on this machine takes a connection at once, or is not there.
const KNOCK: Duration = Duration::from_secs(1);
/// So many servers are asked at the same time.
const KNOCKS: usize = 16;

/// Looks for leftovers. The files of this machine are looked through only where the person's own kubeconfig files are
/// meant, and never on behalf of a simulated world. What is left of protected clusters is none.
///
/// # Errors
/// When the engine does not answer. One that does not tell sizes is no error.
pub async fn leftovers(
    backends: &Backends,
    files: &KubeconfigFiles,
    contexts: &Contexts,
    interrupted: bool,
) -> Result<Found, Problem> {
    let (world, sizes, local) = tokio::join!(
        observe(backends),
        backends.runtime.disk_usage(),
        on_this_machine(backends, files),
    );
    let (world, local) = (world?, local?);
    let sizes = sizes.unwrap_or_else(|error| {
        tracing::warn!("leftovers have no sizes: {error}");
        crate::domain::container::DiskUsage::default()
    });
    let abandoned: Vec<ClusterName> = world
        .clusters
        .iter()
        .filter(|cluster| {
            let mark = cluster.unfinished.as_ref();
            mark.is_some_and(|mark| mark.verb == "create" && recover::owner(mark) == Owner::Gone)
        })
        .map(|cluster| cluster.name.clone())
        .collect();
    let found = prune::find(&Prune {
        clusters: &world.clusters,
        containers: &world.containers,
        networks: &world.networks,
        volumes: &world.volumes,
        sizes: &sizes,
        abandoned: &abandoned,
        local: &local,
        interrupted,
        now: Timestamp::now(),
    });
    Ok(protection::spare(contexts, &world, found))
}

/// What may belong to a cluster on this machine, without those whose server answers.
async fn on_this_machine(
    backends: &Backends,
    files: &KubeconfigFiles,
) -> Result<Vec<Local>, Problem> {
    if backends.simulated {
        return Ok(Vec::new());
    }
    let files = files.clone();
    let seen = in_background(move || Ok(look(&files))).await?;
    let silent = stream::iter(seen).map(|(local, url)| async move {
        match url {
            Some(url) if answers(&url).await => None,
            _ => Some(local),
        }
    });
    let silent: Vec<Option<Local>> = silent.buffered(KNOCKS).collect().await;
    Ok(silent.into_iter().flatten().collect())
}

/// What is there, each with the URL of the server that decides whether it is still good for anything.
fn look(files: &KubeconfigFiles) -> Vec<(Local, Option<String>)> {
    let mut all = Vec::new();
    for (name, url, user) in kubeconfig_file::servers(files) {
        let Some(cluster) = name.strip_prefix("k3d-").map(ClusterName::existing) else {
            continue;
        };
        // Somebody's own context may bear such a name; k3d's users do not, nor do its servers live elsewhere.
        if user == kubeconfig::user(&cluster) && is_here(&url) {
            all.push((Local::Context { cluster }, Some(url)));
        }
    }
    for directory in files.directories() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if let Some(cluster) = of_cluster(name) {
                all.extend(kubeconfig_of(&path, cluster));
            } else if let Some(node) = name
                .strip_prefix('.')
                .filter(|name| name.starts_with("k3d-"))
            {
                all.extend(files_of(&path, node).map(|local| (local, None)));
            }
        }
    }
    all
}

/// The cluster of a file name, `kubeconfig-demo.yaml`.
fn of_cluster(name: &str) -> Option<ClusterName> {
    let cluster = name.strip_prefix("kubeconfig-")?.strip_suffix(".yaml")?;
    (!cluster.is_empty()).then(|| ClusterName::existing(cluster))
}

fn kubeconfig_of(path: &Path, cluster: ClusterName) -> Option<(Local, Option<String>)> {
    let bytes = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    let own = kubeconfig_file::servers(&KubeconfigFiles::new(vec![path.to_owned()]));
    // Nothing else may be in it than the one cluster.
    let [(name, url, _)] = own.as_slice() else {
        return None;
    };
    let path = path.to_str()?.to_owned();
    (*name == kubeconfig::context(&cluster) && is_here(url)).then(|| {
        let local = Local::Kubeconfig {
            path,
            cluster,
            bytes,
        };
        (local, Some(url.clone()))
    })
}

/// The directory of a node: it holds a `meminfo` or an empty `edac` and nothing else.
fn files_of(path: &Path, node: &str) -> Option<Local> {
    let held: Vec<PathBuf> = fs::read_dir(path)
        .ok()?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .ok()?;
    let known = |path: &PathBuf| path.ends_with("meminfo") || path.ends_with("edac");
    if held.is_empty() || !held.iter().all(known) {
        return None;
    }
    let sizes = held.iter().filter_map(|path| fs::metadata(path).ok());
    Some(Local::NodeFiles {
        path: path.to_str()?.to_owned(),
        node: node.to_owned(),
        bytes: sizes
            .filter(fs::Metadata::is_file)
            .map(|meta| meta.len())
            .sum(),
    })
}

/// Host and port of a URL, with or without brackets.
fn authority(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let usual = if scheme == "https" { 443 } else { 80 };
    if let Some((host, rest)) = authority.strip_prefix('[').and_then(|a| a.split_once(']')) {
        let port = rest.strip_prefix(':').map_or(Ok(usual), str::parse).ok()?;
        return Some((host, port));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((authority, usual)),
    }
}

/// Whether a URL leads to this machine, where not answering means not being there.
fn is_here(url: &str) -> bool {
    authority(url).is_some_and(|(host, _)| match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || address.is_unspecified(),
        Err(_) => matches!(host, "localhost" | "host.docker.internal"),
    })
}

async fn answers(url: &str) -> bool {
    let Some((host, port)) = authority(url) else {
        return false;
    };
    let host = match host.parse::<IpAddr>() {
        Ok(address) if !address.is_unspecified() => address.to_string(),
        _ => "127.0.0.1".to_owned(),
    };
    let knock = tokio::net::TcpStream::connect((host.as_str(), port));
    matches!(tokio::time::timeout(KNOCK, knock).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_of_this_machine_are_judged_by_their_silence() {
        for (url, here) in [
            ("https://127.0.0.1:6550", true),
            ("https://0.0.0.0:6550", true),
            ("https://[::1]:6550/", true),
            ("https://localhost", true),
            ("https://k3d.example:6443", false),
            ("https://192.168.1.7:6443", false),
            ("nonsense", false),
        ] {
            assert_eq!(is_here(url), here, "{url}");
        }
        assert_eq!(authority("https://[::1]:7/x"), Some(("::1", 7)));
        assert_eq!(authority("https://a"), Some(("a", 443)));
    }

    #[tokio::test]
    async fn a_context_whose_server_answers_is_kept_and_strangers_are_not_looked_at() {
        let home = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let write = |name: &str, context: &str, user: &str, url: &str| {
            let text = format!(
                "clusters: [{{name: {context}, cluster: {{server: '{url}'}}}}]\n\
                 contexts: [{{name: {context}, context: {{cluster: {context}, user: {user}}}}}]\n"
            );
            let path = home.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let here = format!("https://127.0.0.1:{port}");
        let paths = vec![
            write("a", "k3d-lives", "admin@k3d-lives", &here),
            write("b", "k3d-gone", "admin@k3d-gone", "https://0.0.0.0:1"),
            write("c", "k3d-mine", "me", "https://127.0.0.1:1"),
            write("d", "k3d-far", "admin@k3d-far", "https://10.0.0.1:1"),
        ];
        let files = KubeconfigFiles::new(paths);
        let mut left = Vec::new();
        for (local, url) in look(&files) {
            if !answers(&url.unwrap()).await {
                left.push(local);
            }
        }
        let gone = ClusterName::existing("gone");
        assert_eq!(left, [Local::Context { cluster: gone }]);
    }

    #[test]
    fn a_directory_is_a_node_s_only_with_nothing_else_in_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".k3d-a-server-0");
        fs::create_dir_all(path.join("edac")).unwrap();
        fs::write(path.join("meminfo"), "MemTotal").unwrap();
        let found = files_of(&path, "k3d-a-server-0").unwrap();
        assert!(
            matches!(found, Local::NodeFiles { bytes: 8, .. }),
            "{found:?}"
        );
        fs::write(path.join("mine"), "").unwrap();
        assert_eq!(files_of(&path, "k3d-a-server-0"), None);
    }
}
