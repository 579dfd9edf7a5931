//! The contract of `ContainerRuntime`, case by case: what an engine holds. What goes on inside is in `activity`.

use std::time::Duration;

use coracle::{
    backend::ErrorKind,
    domain::{
        Protocol, PublishedPort,
        container::{
            Attachment, ContainerState, FileEntry, LogRequest, NetworkSpec, Resources, VolumeSpec,
        },
    },
};
use futures::TryStreamExt;

use super::site::Site;
pub use super::{activity::*, input::*, networks::*};

/// A grace period that a well-behaved process does not need.
pub const GRACE: Duration = Duration::from_secs(10);

/// Makes a test of every case. `$ground` is an expression for the [`super::site::Ground`] to run on, and the attribute
/// says how a test is run.
#[macro_export]
macro_rules! runtime_contract {
    (#[$test:meta] $ground:expr) => {
        $crate::runtime_contract! { @cases #[$test] $ground,
            1 the_engine_introduces_itself,
            2 a_container_is_listed_as_it_was_made,
            3 starting_and_stopping_twice_is_once,
            4 names_are_taken_once,
            5 what_is_missing_is_not_found,
            6 files_go_in_and_out,
            7 commands_run_inside,
            8 a_log_is_read_and_followed_to_the_end,
            9 events_tell_what_happens,
            10 networks_do_not_overlap,
            11 a_network_in_use_stays,
            12 a_volume_in_use_stays,
            13 use_is_measured_until_the_end,
            14 images_are_there_or_not,
            15 a_container_takes_another_name,
            16 the_disk_in_use_is_told,
            17 images_are_listed_and_saved,
            18 commands_read_what_is_written_to_them,
            19 a_container_is_in_several_networks,
            41 a_network_speaks_both_families,
            42 the_engine_chooses_addresses_from_its_part,
            43 the_host_network_gives_no_address,
            44 a_container_is_in_further_networks,
        }
    };
    (@cases #[$test:meta] $ground:expr, $($number:literal $case:ident,)*) => {
        $(
            #[$test]
            async fn $case() {
                let ground: $crate::contract::site::Ground = $ground;
                ground
                    .run(stringify!($case), $number, $crate::contract::runtime::$case)
                    .await;
            }
        )*
    };
}

pub async fn the_engine_introduces_itself(site: &Site) {
    let info = site.runtime.info().await.unwrap();
    for text in [
        &info.endpoint,
        &info.product,
        &info.version,
        &info.api_version,
        &info.host,
    ] {
        assert!(!text.is_empty(), "{info:?}");
    }
    assert!(info.cpus > 0 && info.memory > 0, "{info:?}");
    assert!(matches!(info.cgroup_version, 1 | 2), "{info:?}");
}

pub async fn a_container_is_listed_as_it_was_made(site: &Site) {
    let (network, network_id) = site.network().await;
    let seen = site.runtime.networks().await.unwrap();
    let seen = seen.iter().find(|seen| seen.id == network_id).unwrap();
    assert_eq!(
        (seen.name.as_str(), seen.subnets.as_slice(), seen.gateway),
        (
            network.as_str(),
            &[site.subnet()][..],
            site.subnet().host(1).map(Into::into)
        )
    );

    let address = site.subnet().host(7).map(Into::into);
    let port = |container_port, protocol, host_port| PublishedPort {
        container_port,
        protocol,
        host_ip: [127, 0, 0, 1].into(),
        host_port,
    };
    let mut spec = site.container("one", &network, "sleep 300");
    spec.address = address;
    spec.env = vec!["WHO=me".to_owned()];
    spec.ports = vec![
        port(53, Protocol::Udp, 0),
        port(6443, Protocol::Tcp, 0),
        port(6443, Protocol::Tcp, 0),
    ];
    spec.tmpfs = vec!["/run".to_owned()];
    spec.extra_hosts = vec!["other:10.1.2.3".to_owned()];
    spec.network_id_label = Some("coracle.contract.network");
    spec.resources = Resources {
        memory: Some(64 << 20),
        nano_cpus: Some(500_000_000),
        ulimits: vec!["nofile=512:1024".parse().unwrap()],
        devices: Vec::new(),
        host_pid: true,
    };
    let id = site.runtime.create_container(&spec).await.unwrap();

    let created = site.listed().await;
    assert_eq!(created.len(), 1);
    let created = &created[0];
    assert_eq!(
        (&created.id, &created.name, &created.image, created.state),
        (&id, &spec.name, &spec.image, ContainerState::Created)
    );
    assert_eq!(created.labels["coracle.contract.network"], network_id);
    let fixed = |address_now| Attachment {
        network: network.clone(),
        address: address_now,
        fixed: address,
        fixed6: None,
    };
    assert_eq!(created.attachments, [fixed(None)]);
    assert_eq!(created.ports, []);

    site.runtime.start(&spec.name).await.unwrap();
    let running = site.listed().await.remove(0);
    assert_eq!(running.state, ContainerState::Running);
    assert_eq!(running.attachments, [fixed(address)]);
    assert_eq!(running.ports.len(), 3, "{:?}", running.ports);
    assert!(
        running
            .ports
            .iter()
            .all(|port| port.host_port > 0 && port.host_ip.is_loopback()),
        "{:?}",
        running.ports
    );

    let detail = site.runtime.inspect(&spec.name).await.unwrap();
    assert_eq!(detail.info.id, id);
    assert_eq!(detail.info.ports, running.ports);
    let mut configured = detail.configured_ports.clone();
    configured.sort_unstable();
    let mut wanted = spec.ports.clone();
    wanted.sort_unstable();
    assert_eq!(configured, wanted);
    assert_eq!(detail.command, spec.command);
    assert_eq!(detail.extra_hosts, spec.extra_hosts);
    assert_eq!(detail.resources, spec.resources);
    assert_eq!(detail.restart, spec.restart);
    assert!(detail.env.contains(&spec.env[0]));
    assert!(detail.started.is_some() && detail.exit_code.is_none());

    site.runtime.stop(&spec.name, GRACE).await.unwrap();
    let stopped = site.listed().await.remove(0);
    assert_eq!(stopped.state, ContainerState::Exited);
    assert_eq!(stopped.attachments, [fixed(None)]);
    assert_eq!(stopped.ports, []);
    let detail = site.runtime.inspect(&id).await.unwrap();
    assert!(detail.exit_code.is_some());
    assert_eq!(detail.configured_ports.len(), 3);

    // Every one of several labels has to be there.
    let mark = site.mark();
    let both = [mark.as_str(), "coracle.contract.network"];
    assert_eq!(site.runtime.containers(&both).await.unwrap().len(), 1);
    let other = [mark.as_str(), "coracle.contract.network=other"];
    assert_eq!(site.runtime.containers(&other).await.unwrap(), []);

    // Removing takes a running container too.
    site.runtime.start(&id).await.unwrap();
    site.runtime.remove_container(&id).await.unwrap();
    assert_eq!(site.listed().await, []);
}

pub async fn starting_and_stopping_twice_is_once(site: &Site) {
    let (network, _) = site.network().await;
    let spec = site.container("one", &network, "sleep 300");
    let runtime = &site.runtime;
    runtime.create_container(&spec).await.unwrap();
    runtime.stop(&spec.name, GRACE).await.unwrap();
    for _ in 0..2 {
        runtime.start(&spec.name).await.unwrap();
        runtime.start(&spec.name).await.unwrap();
        assert_eq!(site.listed().await[0].state, ContainerState::Running);
        runtime.stop(&spec.name, GRACE).await.unwrap();
        runtime.stop(&spec.name, GRACE).await.unwrap();
        assert_eq!(site.listed().await[0].state, ContainerState::Exited);
    }
}

pub async fn names_are_taken_once(site: &Site) {
    let (network, _) = site.network().await;
    let spec = site.container("one", &network, "sleep 300");
    let runtime = &site.runtime;
    runtime.create_container(&spec).await.unwrap();
    let again = runtime.create_container(&spec).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::Conflict, "{again}");

    let twin = NetworkSpec {
        name: network,
        subnet: "10.99.0.0/24".parse().unwrap(),
        ipv6: None,
        labels: site.labels(),
    };
    let again = runtime.create_network(&twin).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::Conflict, "{again}");
}

pub async fn a_container_takes_another_name(site: &Site) {
    let (network, _) = site.network().await;
    let one = site.container("one", &network, "sleep 300");
    let two = site.container("two", &network, "sleep 300");
    let runtime = &site.runtime;
    let id = runtime.create_container(&one).await.unwrap();
    runtime.start(&one.name).await.unwrap();
    runtime.create_container(&two).await.unwrap();
    let taken = runtime.rename(&one.name, &two.name).await.unwrap_err();
    assert_eq!(taken.kind, ErrorKind::Conflict, "{taken}");
    let other = site.name("other");
    runtime.rename(&one.name, &other).await.unwrap();
    let detail = runtime.inspect(&other).await.unwrap();
    assert_eq!(detail.info.id, id);
    assert_eq!(detail.info.state, ContainerState::Running);
    // The name is free for another one, which is another one by its ID too.
    let again = runtime.create_container(&one).await.unwrap();
    assert_ne!(again, id);
    assert_eq!(runtime.inspect(&id).await.unwrap().info.name, other);
    for name in [&other, &one.name, &two.name] {
        runtime.remove_container(name).await.unwrap();
    }
}

pub async fn what_is_missing_is_not_found(site: &Site) {
    let runtime = &site.runtime;
    let name = site.name("nobody");
    let (network, _) = site.network().await;
    let bystander = site.container("one", &network, "sleep 300");
    runtime.create_container(&bystander).await.unwrap();
    let mut homeless = site.container("two", &name, "sleep 300");
    homeless.network_id_label = Some("coracle.contract.network");
    let mut imageless = site.container("three", &network, "sleep 300");
    "coracle.invalid/no/such:image".clone_into(&mut imageless.image);
    let file = FileEntry {
        path: "/tmp/x".to_owned(),
        mode: 0o600,
        contents: Vec::new(),
    };
    let request = LogRequest::default();
    let log: Result<Vec<_>, _> = runtime.logs(&name, &request).try_collect().await;
    let measured: Result<Vec<_>, _> = runtime.usage(&name).try_collect().await;
    let errors = [
        ("inspect", runtime.inspect(&name).await.err()),
        ("start", runtime.start(&name).await.err()),
        ("stop", runtime.stop(&name, GRACE).await.err()),
        ("rename", runtime.rename(&name, "else").await.err()),
        ("remove", runtime.remove_container(&name).await.err()),
        ("remove network", runtime.remove_network(&name).await.err()),
        ("remove volume", runtime.remove_volume(&name).await.err()),
        (
            "disconnect from nothing",
            runtime.disconnect(&name, &bystander.name).await.err(),
        ),
        ("put files", runtime.put_files(&name, &[file]).await.err()),
        ("read file", runtime.read_file(&name, "/x").await.err()),
        (
            "read no file",
            runtime.read_file(&bystander.name, "/no/file").await.err(),
        ),
        ("exec", runtime.exec(&name, &["echo"], GRACE).await.err()),
        (
            "create in nothing",
            runtime.create_container(&homeless).await.err(),
        ),
        (
            "create from nothing",
            runtime.create_container(&imageless).await.err(),
        ),
        ("log", log.err()),
        ("usage", measured.err()),
    ];
    for (what, error) in errors {
        let error = error.unwrap_or_else(|| panic!("{what} succeeded"));
        assert_eq!(error.kind, ErrorKind::NotFound, "{what}: {error}");
        assert!(!error.why.is_empty(), "{what}");
    }
}

pub async fn networks_do_not_overlap(site: &Site) {
    let _ = site.network().await;
    let inside = NetworkSpec {
        name: site.name("inside"),
        subnet: site.subnet().upper_half(),
        ipv6: None,
        labels: site.labels(),
    };
    let refused = site.runtime.create_network(&inside).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused}");
}

pub async fn a_network_in_use_stays(site: &Site) {
    let (network, _) = site.network().await;
    let spec = site.container("one", &network, "sleep 300");
    let runtime = &site.runtime;
    runtime.create_container(&spec).await.unwrap();
    runtime.start(&spec.name).await.unwrap();
    let refused = runtime.remove_network(&network).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused}");

    runtime.disconnect(&network, &spec.name).await.unwrap();
    assert_eq!(site.listed().await[0].attachments, []);
    let gone = runtime.disconnect(&network, &spec.name).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound, "{gone}");
    runtime.remove_network(&network).await.unwrap();
    let gone = runtime.remove_network(&network).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound, "{gone}");
}

pub async fn a_container_is_in_several_networks(site: &Site) {
    let (network, _) = site.network().await;
    let runtime = &site.runtime;
    let spec = site.container("one", "bridge", "sleep 300");
    runtime.create_container(&spec).await.unwrap();
    runtime.start(&spec.name).await.unwrap();
    runtime.connect(&network, &spec.name).await.unwrap();
    let of = |info: coracle::domain::container::ContainerInfo| {
        let mut names: Vec<String> = info.attachments.into_iter().map(|at| at.network).collect();
        names.sort();
        names
    };
    let mut both = vec!["bridge".to_owned(), network.clone()];
    both.sort();
    assert_eq!(of(site.listed().await.remove(0)), both);
    let twice = runtime.connect(&network, &spec.name).await.unwrap_err();
    assert_eq!(twice.kind, ErrorKind::Conflict, "{twice}");
    let nowhere = runtime.connect(&site.name("nowhere"), &spec.name).await;
    assert_eq!(nowhere.unwrap_err().kind, ErrorKind::NotFound);
    runtime.disconnect(&network, &spec.name).await.unwrap();
    assert_eq!(of(site.listed().await.remove(0)), ["bridge"]);

    // Nobody listens where nothing is published.
    let nobody = PublishedPort {
        container_port: 5000,
        protocol: Protocol::Tcp,
        host_ip: [127, 0, 0, 1].into(),
        host_port: 1,
    };
    let refused = runtime.fetch(&nobody, "/v2/").await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unreachable, "{refused}");
}

pub async fn a_volume_in_use_stays(site: &Site) {
    let (network, _) = site.network().await;
    let volume = VolumeSpec {
        name: site.name("data"),
        labels: site.labels(),
    };
    let runtime = &site.runtime;
    runtime.create_volume(&volume).await.unwrap();
    // Creating it again is how it is made sure that it is there.
    runtime.create_volume(&volume).await.unwrap();
    let mark = site.mark();
    let listed = runtime.volumes(&[&mark]).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&volume));

    let mut spec = site.container("one", &network, "sleep 300");
    spec.binds = vec![format!("{}:/data", volume.name)];
    runtime.create_container(&spec).await.unwrap();
    let detail = runtime.inspect(&spec.name).await.unwrap();
    assert_eq!(detail.binds, spec.binds);
    let refused = runtime.remove_volume(&volume.name).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused}");

    // A labelled volume outlives the container; only anonymous ones go with it.
    runtime.remove_container(&spec.name).await.unwrap();
    assert_eq!(runtime.volumes(&[&mark]).await.unwrap().len(), 1);
    runtime.remove_volume(&volume.name).await.unwrap();
    assert_eq!(runtime.volumes(&[&mark]).await.unwrap(), []);
}

pub async fn the_disk_in_use_is_told(site: &Site) {
    let (network, _) = site.network().await;
    let volume = VolumeSpec {
        name: site.name("data"),
        labels: site.labels(),
    };
    site.runtime.create_volume(&volume).await.unwrap();
    let mut spec = site.container("one", &network, "sleep 300");
    spec.binds = vec![format!("{}:/data", volume.name)];
    site.runtime.create_container(&spec).await.unwrap();
    let usage = site.runtime.disk_usage().await.unwrap();
    assert!(usage.containers.contains_key(&spec.name), "{usage:?}");
    assert_eq!(usage.volumes[&volume.name].bytes, Some(0));
    assert_eq!(site.listed().await[0].volumes, [volume.name]);
}

pub async fn images_are_there_or_not(site: &Site) {
    let runtime = &site.runtime;
    let there = site.container("x", "", "").image;
    assert!(runtime.has_image(&there).await.unwrap());
    let missing = "coracle.invalid/no/such:image";
    assert!(!runtime.has_image(missing).await.unwrap());
    let pulled: Result<Vec<_>, _> = runtime.pull(missing).try_collect().await;
    let refused = pulled.unwrap_err();
    assert!(
        refused.what.contains(missing) && !refused.why.is_empty(),
        "{refused}"
    );
}
