//! What is around a cluster, from the screen: ports, nodes, images, volumes and networks.

use coracle::{
    domain::Role,
    tui::{
        dialogs::{Dialog, listing::Listing},
        state::operations::Ending,
    },
};

use super::{Screen, scenes, text};

/// How the latest operation ended, after the plan on the screen was applied.
async fn apply(screen: &mut Screen) -> bool {
    let dialogs = &screen.state().dialogs;
    let Some(Dialog::Preview(_, _, preview)) = dialogs.last() else {
        panic!("{dialogs:?}");
    };
    let yes = if preview.asks() { "y" } else { "<enter>" };
    screen.types(yes).await;
    screen.seconds(120).await;
    let ended = screen.state().operations.all.last().unwrap().ended.clone();
    match ended {
        Some((_, Ending::Well(_))) => true,
        other => panic!("{other:?}"),
    }
}

fn listing(screen: &Screen) -> &Listing {
    match screen.state().dialogs.last() {
        Some(Dialog::Listing(list)) => list,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_is_published_and_removed() {
    let mut screen = scenes::dashboard().await;
    let ports = |screen: &Screen| {
        let cluster = screen.state().clusters.local("dev").unwrap();
        let nodes = cluster.with_role(Role::LoadBalancer);
        nodes
            .flat_map(|node| &node.ports)
            .filter(|port| port.host_port == 18_080)
            .count()
    };
    screen.types("o18080:80<enter>").await;
    assert!(apply(&mut screen).await);
    assert_eq!(ports(&screen), 1);
    screen.types("o<tab>18080:80<enter>").await;
    assert!(apply(&mut screen).await);
    assert_eq!(ports(&screen), 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_is_added_stopped_and_removed() {
    let mut screen = scenes::dashboard().await;
    let agents = |screen: &Screen| {
        let cluster = screen.state().clusters.local("dev").unwrap();
        cluster.count(Role::Agent)
    };
    let before = agents(&screen).1;
    screen.types("a<enter>").await;
    assert!(apply(&mut screen).await);
    assert_eq!(agents(&screen), (before + 1, before + 1));
    // After the server and the first agent: nodes are in the order of their numbers.
    screen.types("<tab>gjjt").await;
    assert_eq!(
        screen.state().node.selected.as_deref(),
        Some("k3d-dev-extra-0")
    );
    assert!(apply(&mut screen).await);
    assert_eq!(agents(&screen), (before, before + 1));
    screen.types("<ctrl-d>").await;
    assert!(apply(&mut screen).await);
    assert_eq!(agents(&screen), (before, before));
}

#[tokio::test(start_paused = true)]
async fn an_image_goes_to_the_nodes_and_is_removed_and_the_list_says_so() {
    let mut screen = scenes::dashboard().await;
    screen.types("i").await;
    let place = |screen: &Screen| {
        let all = listing(screen).all();
        let busybox = all
            .iter()
            .position(|item| item.cells[0].starts_with("busybox"));
        let place = busybox.unwrap_or_else(|| panic!("{all:?}"));
        (place, all[place].cells[3].clone())
    };
    let (at, nodes) = place(&screen);
    assert_eq!(nodes, "");
    screen.types(&"j".repeat(at)).await;
    screen.types("i").await;
    assert!(apply(&mut screen).await);
    screen.types("g").await;
    let (at, nodes) = place(&screen);
    assert!(!nodes.is_empty());
    screen.types(&"j".repeat(at)).await;
    screen.types("<ctrl-d>").await;
    assert!(apply(&mut screen).await);
    assert_eq!(place(&screen).1, "");
}

/// Keys that lead to a row of the form that is open, from its first.
fn to(screen: &Screen, label: &str) -> String {
    let Some(Dialog::Form(form)) = screen.state().dialogs.last() else {
        panic!("no form");
    };
    let rows = form.purpose().rows();
    let place = rows.iter().position(|row| row.label == label);
    "<tab>".repeat(place.unwrap())
}

#[tokio::test(start_paused = true)]
async fn files_that_a_new_cluster_names_are_looked_for_while_they_are_typed() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("web.yaml");
    let mut screen = scenes::dashboard().await;
    screen.types("n").await;
    let keys = to(&screen, "manifests");
    screen.types(&keys).await;
    screen.types(&path.display().to_string()).await;
    let said = text(screen.frame(120, 40));
    assert!(said.contains("there is no such file"), "{said}");
    // Enter asks again, and leaving what it says leads back.
    screen.types("<enter>").await;
    let dialogs = &screen.state().dialogs;
    assert!(
        matches!(dialogs.last(), Some(Dialog::Problem(_))),
        "{dialogs:?}"
    );
    std::fs::write(&path, "kind: ConfigMap").unwrap();
    screen.types("<esc>").await;
    let said = text(screen.frame(120, 40));
    assert!(!said.contains("is not deployed"), "{said}");
    screen.types("<enter>").await;
    assert!(apply(&mut screen).await);
    assert!(screen.state().clusters.local("dev-2").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_new_cluster_can_be_put_into_a_network_that_is_offered() {
    let mut screen = scenes::dashboard().await;
    screen.types("n").await;
    let keys = to(&screen, "network");
    screen.types(&keys).await;
    let said = text(screen.frame(80, 24));
    assert!(said.contains("right: k3d-"), "{said}");
    screen.types("k3d-d<right><enter>").await;
    assert!(apply(&mut screen).await);
    let network = |name: &str| {
        let cluster = screen.state().clusters.local(name).unwrap();
        cluster.network.clone()
    };
    assert_eq!(network("dev-2"), network("dev"));
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_outlives_clusters_is_made_and_deleted() {
    let mut screen = scenes::dashboard().await;
    screen.types("Vn<tab>data<enter>").await;
    assert!(apply(&mut screen).await);
    assert_eq!(listing(&screen).all()[0].cells[..2], ["data", "volume"]);
    screen.types("<ctrl-d>").await;
    assert!(apply(&mut screen).await);
    assert!(listing(&screen).all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_registry_is_made_for_a_cluster_disconnected_stopped_and_deleted() {
    let mut screen = scenes::dashboard().await;
    let cells = |screen: &Screen| listing(screen).all()[0].cells.clone();
    screen.types("Rn<enter>").await;
    assert!(apply(&mut screen).await);
    assert_eq!(cells(&screen)[..2], ["k3d-registry", "running"]);
    assert!(
        cells(&screen)[4].contains("k3d-dev"),
        "{:?}",
        cells(&screen)
    );
    screen.types("c").await;
    assert!(apply(&mut screen).await);
    assert!(
        !cells(&screen)[4].contains("k3d-dev"),
        "{:?}",
        cells(&screen)
    );
    screen.types("t").await;
    assert!(apply(&mut screen).await);
    assert_eq!(cells(&screen)[1], "exited");
    screen.types("<ctrl-d>").await;
    assert!(apply(&mut screen).await);
    assert!(listing(&screen).all().is_empty());
}
