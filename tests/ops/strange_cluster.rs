//! Any image can carry the labels of a cluster: what stands in such a container's files and labels runs nothing, reads
//! nothing and writes nothing on this machine.

use std::{fs, sync::Arc};

use coracle::{
    backend::{Backends, kubernetes::Connector},
    domain::{Cluster, ClusterName, ProblemKind, container::FileEntry},
    ops::{
        kubeconfig,
        kubeconfig_file::KubeconfigFiles,
        observe,
        reach::{access, connect},
    },
};

use super::place::{Place, create};

const SERVER: &str = "k3d-demo-server-0";

async fn cluster(backends: &Backends) -> Cluster {
    let world = observe(backends).await.unwrap();
    let name = ClusterName::existing("demo");
    world.cluster(&name).unwrap().clone()
}

#[tokio::test]
async fn a_program_in_a_container_s_kubeconfig_is_neither_run_nor_handed_on() {
    let place = Place::new();
    place.run(create(1, 0), None).await.unwrap();
    // The real connector: the fake's engine is what lies.
    let backends = Backends {
        kube: Arc::new(Connector),
        ..place.backends()
    };
    let cluster = cluster(&backends).await;
    let folder = tempfile::tempdir().unwrap();
    let (ran, file) = (folder.path().join("ran"), folder.path().join("config"));
    for field in [
        format!(
            "exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: touch, args: ['{}']}}",
            ran.display()
        ),
        "tokenFile: /etc/hostname".to_owned(),
    ] {
        let text = format!(
            "current-context: d\ncontexts: [{{name: d, context: {{cluster: d, user: d}}}}]\n\
             clusters: [{{name: d, cluster: {{server: 'https://h'}}}}]\nusers: [{{name: d, user: {{{field}}}}}]\n"
        );
        let written = FileEntry {
            path: "/output/kubeconfig.yaml".to_owned(),
            mode: 0o600,
            contents: text.into_bytes(),
        };
        backends
            .runtime
            .put_files(SERVER, &[written])
            .await
            .unwrap();
        let name = field.split(':').next().unwrap();

        let got = kubeconfig::get(&backends, &cluster).await.unwrap_err();
        let files = KubeconfigFiles::new(vec![file.clone()]);
        let merged = kubeconfig::merge(&backends, &cluster, &files, true)
            .await
            .unwrap_err();
        let replaced = kubeconfig::overwrite(&backends, &cluster, &file, true)
            .await
            .unwrap_err();
        for problem in [got, merged, replaced] {
            assert_eq!(problem.kind, ProblemKind::Refused);
            assert!(
                problem.what.contains(SERVER) && problem.why.contains(name),
                "{problem}"
            );
        }
        let Err(error) = connect(&backends, &access(&cluster)).await else {
            panic!("a client was made with {name}");
        };
        assert!(
            error.to_string().contains(SERVER) && error.why.contains(name),
            "{error}"
        );
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "something was run or written"
    );
}

#[test]
fn a_name_out_of_a_label_makes_no_path() {
    let files = KubeconfigFiles::none().with_own_directory();
    let good = ClusterName::existing("demo");
    assert!(
        files
            .own_file(&good)
            .unwrap()
            .ends_with("coracle/kubeconfig-demo.yaml")
    );
    assert!(!files.own_files(&good).is_empty());
    let evil = ClusterName::existing("x/../../../evil");
    assert_eq!(files.own_file(&evil), None);
    assert!(files.own_files(&evil).is_empty());
}
