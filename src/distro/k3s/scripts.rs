//! The scripts that a node container runs before k3s, and why each of them is needed.
//!
//! They have the paths that k3d gives its own: when k3d starts such a cluster it writes its versions over ours, instead
//! of running both. They lie in the container's own layer, so a plain `docker start` works as well.

use std::net::IpAddr;

use crate::domain::container::FileEntry;

/// The entry point of server and agent containers.
pub const ENTRYPOINT: &str = "/bin/k3d-entrypoint.sh";

/// The one of the scripts that lets pods use the engine's name server. A node without it leaves them to a public one.
pub const DNS: &str = "/bin/k3d-entrypoint-dns.sh";

/// The files that have to be in a node container before its first start.
///
/// `cgroup_version` is the engine's; `resolver` is the address at which pods are to find the engine's name server, the
/// host's in the cluster's network, or `None` where they are not.
#[must_use]
pub fn files(cgroup_version: u8, resolver: Option<IpAddr>) -> Vec<FileEntry> {
    let dns = |address: IpAddr| {
        let text = include_str!("../../../assets/k3s/dns.sh");
        script(DNS, &text.replace("@GATEWAY@", &address.to_string()))
    };
    let mut files = vec![
        script(
            ENTRYPOINT,
            include_str!("../../../assets/k3s/entrypoint.sh"),
        ),
        script(
            "/bin/k3d-entrypoint-mounts.sh",
            include_str!("../../../assets/k3s/mounts.sh"),
        ),
    ];
    files.extend(resolver.map(dns));
    if cgroup_version == 2 {
        files.push(script(
            "/bin/k3d-entrypoint-cgroupv2.sh",
            include_str!("../../../assets/k3s/cgroupv2.sh"),
        ));
    }
    files
}

/// The file by which a node whose container may use so many bytes of memory tells Kubernetes of no more.
///
/// k3d mounts files of the host for it, which a remote engine does not have. This one is found by k3d's entry point as
/// well as by ours.
#[must_use]
pub fn memory(bytes: u64) -> FileEntry {
    let text = include_str!("../../../assets/k3s/meminfo.sh")
        .replace("@KILOBYTES@", &(bytes / 1024).to_string());
    script("/bin/k3d-entrypoint-meminfo.sh", &text)
}

/// The file by which a node that has an IPv6 address lets its pods have them.
#[must_use]
pub fn ipv6() -> FileEntry {
    let text = include_str!("../../../assets/k3s/ipv6.sh");
    script("/bin/k3d-entrypoint-ipv6.sh", text)
}

fn script(path: &str, text: &str) -> FileEntry {
    FileEntry {
        path: path.to_owned(),
        mode: 0o744,
        contents: text.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(cgroup_version: u8) -> Vec<String> {
        files(cgroup_version, Some(IpAddr::from([172, 18, 0, 1])))
            .into_iter()
            .map(|file| file.path)
            .collect()
    }

    #[test]
    fn the_control_group_fix_is_only_for_the_second_version() {
        let fix = "/bin/k3d-entrypoint-cgroupv2.sh".to_owned();
        assert!(paths(2).contains(&fix) && !paths(1).contains(&fix));
    }

    #[test]
    fn the_fix_for_dns_is_a_choice() {
        assert!(paths(1).contains(&DNS.to_owned()));
        assert!(files(1, None).iter().all(|file| file.path != DNS));
    }

    #[test]
    fn every_file_is_a_script_and_no_placeholder_is_left() {
        let mut all = files(2, Some(IpAddr::from([172, 18, 0, 1])));
        all.extend([memory(1 << 30), ipv6()]);
        for file in all {
            let text = String::from_utf8(file.contents).unwrap();
            assert!(text.starts_with("#!/bin/sh\n"), "{}", file.path);
            assert!(!text.contains('@') || text.contains("$@"), "{}", file.path);
            assert_eq!(file.mode, 0o744);
            if file.path.contains("dns") {
                assert!(text.contains("gateway=\"172.18.0.1\""));
            }
            if file.path.contains("meminfo") {
                assert!(text.contains("\"1048576\""), "{text}");
            }
        }
    }
}
