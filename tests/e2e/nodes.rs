//! Nodes and servers that come and go on clusters that are there, on a real engine.

use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, Instant},
};

use coracle::{
    domain::{
        ClusterName, ObjectKey, Role,
        container::{Attachment, Resources},
    },
    ops::{self, NodeVerb, Wish},
    plan::node::NewNodes,
    resources::{nodes, unlisted},
};
use serde_json::json;

use crate::{
    life::Life,
    ports::{scale, targets},
};

fn agents(name: &str) -> NewNodes {
    NewNodes {
        name: name.to_owned(),
        role: Role::Agent,
        count: 1,
        image: None,
        resources: Resources::default(),
        node_labels: Vec::new(),
        labels: BTreeMap::new(),
        networks: Vec::new(),
        k3s_args: Vec::new(),
        token: None,
    }
}

async fn delete_node(life: &Life, name: &str) {
    let world = ops::observe(&life.backends).await.unwrap();
    let all = ops::nodes::all(&world);
    let listed = ops::nodes::find(&all, name).unwrap();
    for wish in ops::nodes::wishes(NodeVerb::Delete, &[listed]) {
        life.run(wish).await.unwrap();
    }
}

#[tokio::test]
async fn named_nodes_join_and_leave_here_and_by_a_url() {
    let life = Life::new("ports-node").await;
    life.run(Life::create(life.spec(1, 0))).await.unwrap();
    // What is not in the cluster by its labels is removed by its name, so it bears that too.
    let extra = format!("{}-extra", life.name);
    let node = format!("k3d-{extra}-0");
    let new = NewNodes {
        resources: Resources {
            memory: Some(1 << 30),
            nano_cpus: Some(1_500_000_000),
            ..Resources::default()
        },
        node_labels: vec!["tier=front".to_owned()],
        labels: [("team".to_owned(), "blue".to_owned())].into(),
        ..agents(&extra)
    };
    let wish = Wish::AddNodes {
        cluster: life.name.clone(),
        nodes: Box::new(new),
    };
    let report = life.run(wish.clone()).await.unwrap();
    println!("a node is added in {:?}", report.took);
    let key = ObjectKey::new("", node.as_str());
    let object = life.api().await.get(&nodes::KIND, &key).await.unwrap();
    assert_eq!(object["metadata"]["labels"]["tier"], "front");
    assert_eq!(object["status"]["capacity"]["memory"], "1Gi");
    let detail = life.backends.runtime.inspect(&node).await.unwrap();
    assert_eq!(detail.resources.nano_cpus, Some(1_500_000_000));
    assert_eq!(detail.info.labels["team"], "blue");
    let begun = Instant::now();
    delete_node(&life, &format!("{extra}-0")).await;
    println!("it is removed in {:?}", begun.elapsed());
    let password = ObjectKey::new("kube-system", format!("{node}.node-password.k3s"));
    let api = life.api().await;
    assert!(api.get(&nodes::KIND, &key).await.is_err());
    assert!(api.get(&unlisted::SECRETS, &password).await.is_err());
    // The same name joins again.
    life.run(wish).await.unwrap();
    assert_eq!(life.nodes().await, (2, 2));

    // As if the cluster were elsewhere.
    let world = ops::observe(&life.backends).await.unwrap();
    let cluster = world.cluster(&life.name).unwrap().clone();
    let url = format!("https://k3d-{}-server-0:6443", life.name);
    let far = format!("{}-far", life.name);
    let wish = Wish::AddNodes {
        cluster: ClusterName::existing(&url),
        nodes: Box::new(NewNodes {
            image: Some(life.spec(1, 0).image),
            token: cluster.token.clone(),
            networks: vec![cluster.network.clone()],
            ..agents(&far)
        }),
    };
    life.run(wish).await.unwrap();
    let key = ObjectKey::new("", format!("k3d-{far}-0"));
    assert!(life.api().await.get(&nodes::KIND, &key).await.is_ok());
    let world = ops::observe(&life.backends).await.unwrap();
    let all = ops::nodes::all(&world);
    assert_eq!(
        ops::nodes::find(&all, &format!("{far}-0")).unwrap().cluster,
        url
    );
    delete_node(&life, &format!("k3d-{far}-0")).await;
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&[]).await, Vec::<String>::new());
}

/// By a name of its own, and in another network besides.
async fn a_fourth_server_joins_and_leaves(life: &Life) {
    let network = format!("e2e-{}-more", life.name);
    let docker = |arguments: &[&str]| Command::new("docker").args(arguments).output().unwrap();
    assert!(docker(&["network", "create", &network]).status.success());
    let name = format!("{}-fourth", life.name);
    let node = format!("k3d-{name}-0");
    let new = NewNodes {
        role: Role::Server,
        networks: vec![network.clone()],
        ..agents(&name)
    };
    let wish = Wish::AddNodes {
        cluster: life.name.clone(),
        nodes: Box::new(new),
    };
    let report = life.run(wish).await.unwrap();
    println!("a server is added in {:?}", report.took);
    assert_eq!(life.nodes().await, (5, 5));
    let world = ops::observe(&life.backends).await.unwrap();
    let cluster = world.cluster(&life.name).unwrap();
    assert_eq!(cluster.count(Role::Server), (4, 4));
    assert!(targets(life, 6443).await.contains(&"fourth-0".to_owned()));
    let key = ObjectKey::new("", node.as_str());
    let object = life.api().await.get(&nodes::KIND, &key).await.unwrap();
    let labels = &object["metadata"]["labels"];
    assert_eq!(labels["node-role.kubernetes.io/etcd"], "true", "{labels}");
    let detail = life.backends.runtime.inspect(&node).await.unwrap();
    let places = detail.info.attachments.iter();
    let own: Vec<_> = places.map(|place| place.network.as_str()).collect();
    assert!(own.contains(&network.as_str()) && own.len() == 2, "{own:?}");
    // Its address towards the others is that of the cluster's network.
    let place = |place: &&Attachment| place.network == cluster.network;
    let address = detail.info.attachments.iter().find(place).unwrap().address;
    let addresses = object["status"]["addresses"].as_array().unwrap();
    let internal = addresses.iter().find(|one| one["type"] == "InternalIP");
    assert_eq!(
        internal.unwrap()["address"],
        json!(address.unwrap().to_string())
    );

    delete_node(life, &node).await;
    assert_eq!(life.nodes().await, (4, 4));
    assert!(!targets(life, 6443).await.contains(&"fourth-0".to_owned()));
    assert!(life.api().await.get(&nodes::KIND, &key).await.is_err());
    assert!(docker(&["network", "rm", &network]).status.success());
}

#[tokio::test]
async fn a_lone_server_grows_to_three_and_keeps_what_it_had() {
    let life = Life::new("ports-grow").await;
    life.run(Life::create(life.spec(1, 1))).await.unwrap();
    life.put_word().await;
    let before = life.anonymous_volumes().await;

    let report = life.run(scale(&life, Some(3), None)).await.unwrap();
    println!("from one server to three in {:?}", report.took);
    assert_eq!(life.nodes().await, (4, 4));
    life.has_word().await;
    let world = ops::observe(&life.backends).await.unwrap();
    let cluster = world.cluster(&life.name).unwrap();
    assert_eq!(cluster.count(Role::Server), (3, 3));

    a_fourth_server_joins_and_leaves(&life).await;

    // It is a cluster of three: with its first server down it goes on, and stops and starts as a whole.
    let first = format!("k3d-{}-server-0", life.name);
    life.backends
        .runtime
        .stop(&first, Duration::from_secs(20))
        .await
        .unwrap();
    let members = life.api().await.list(&nodes::KIND, "", "").await.unwrap();
    assert_eq!(members.len(), 4);
    life.run(Wish::Restart(life.name.clone())).await.unwrap();
    assert_eq!(life.nodes().await, (4, 4));

    let mut volumes = life.anonymous_volumes().await;
    volumes.extend(before);
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
    assert_eq!(life.left(&volumes).await, Vec::<String>::new());
}
