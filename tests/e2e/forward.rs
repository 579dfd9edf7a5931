//! Forwards on a real cluster: every byte arrives, also while pods are replaced, half-closed callers are answered, and a
//! restart of the whole cluster is waited out.
//!
//! `CORACLE_E2E_FORWARD_MIB` says how much goes each way, `CORACLE_E2E_FORWARD_PODS` how many pods are replaced at least
//! meanwhile; the defaults keep the test short.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use coracle::{
    domain::Forward,
    ops::{
        self, Wish,
        forward::{self, ApiSource, Forwarding},
        reach,
    },
    resources::{pods, unlisted},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::life::Life;

/// Every k3s node has it, for its volumes.
const IMAGE: &str = "rancher/mirrored-library-busybox:1.36.1";

/// What the pods do: send back what they get, and say how many bytes they got, with a pause that is longer than container
/// runtimes leave to who has stopped sending.
const SCRIPT: &str = "nc -ll -p 7 -e cat & \
    nc -ll -p 9 -e sh -c 'head -c 1000 | wc -c; sleep 3; echo end' & \
    trap exit TERM; while true; do sleep 1; done";

/// How much goes over one connection.
const PART_MIB: u32 = 32;
const PART: usize = PART_MIB as usize * 1024 * 1024;

/// How long a caller waits for a pod, and how long anything else may take.
const WAIT: Duration = Duration::from_secs(60);

async fn deploy(life: &Life) {
    let labels = json!({ "app": "echo" });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "echo" },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{
                        "name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
                        "command": ["sh", "-c", SCRIPT],
                        "ports": [{ "name": "echo", "containerPort": 7 }, { "name": "count", "containerPort": 9 }],
                    }],
                },
            },
        },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "echo" },
        "spec": { "selector": labels, "ports": [
            { "name": "echo", "port": 70, "targetPort": "echo" },
            { "name": "count", "port": 90, "targetPort": "count" },
        ] },
    });
    let api = life.api().await;
    api.create(&unlisted::DEPLOYMENTS, "default", &deployment)
        .await
        .unwrap();
    api.create(&unlisted::SERVICES, "default", &service)
        .await
        .unwrap();
}

/// The API of the cluster, wherever it is now.
fn source(life: &Life) -> ApiSource {
    let (backends, name) = (life.backends.clone(), life.name.clone());
    Arc::new(move || {
        let (backends, name) = (backends.clone(), name.clone());
        Box::pin(async move {
            let world = ops::observe(&backends).await?;
            let access = reach::access(world.cluster(&name)?);
            Ok(reach::connect(&backends, &access).await?)
        })
    })
}

async fn connect(forwarding: &Forwarding, port: usize) -> TcpStream {
    let (address, _) = forwarding.status().borrow().addresses[port];
    TcpStream::connect(address).await.unwrap()
}

/// The bytes of a part: no two parts are alike, nor two places in one.
fn bytes_of(part: u64) -> Vec<u8> {
    let mut state = part.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(PART);
    while bytes.len() < PART {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

/// Sends a part and gets it back, all of it, or an error: a shorter answer would be a lie.
async fn echo(forwarding: &Forwarding, part: u64) -> io::Result<()> {
    let sent = bytes_of(part);
    let (mut read, mut write) = connect(forwarding, 0).await.into_split();
    let mut got = vec![0; PART];
    let there = async { write.write_all(&sent).await };
    let back = async {
        let mut filled = 0;
        while filled < PART {
            let some = read.read(&mut got[filled..]).await?;
            assert_ne!(
                some, 0,
                "ended as if whole after {filled} bytes of part {part}"
            );
            filled += some;
        }
        Ok(())
    };
    let both = async { tokio::try_join!(there, back) };
    timeout(WAIT * 2, both).await.unwrap()?;
    assert!(got == sent, "part {part} came back as something else");
    Ok(())
}

/// Takes away the pod that answers, again and again, and counts.
async fn replace_pods(life: &Life, forwarding: &Forwarding, replaced: &AtomicUsize) {
    let api = life.api().await;
    loop {
        let pod = forwarding.status().borrow().pod.clone().unwrap();
        // It may be on its way out already.
        if api.delete(&pods::KIND, &pod).await.is_ok() {
            replaced.fetch_add(1, Ordering::Relaxed);
        }
        sleep(Duration::from_secs(2)).await;
    }
}

/// What a variable says, or what keeps the test short.
fn wanted(variable: &str, short: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(short)
}

#[tokio::test]
async fn every_byte_arrives_while_pods_are_replaced_and_the_cluster_restarts() {
    let parts = wanted("CORACLE_E2E_FORWARD_MIB", 256) / u64::from(PART_MIB);
    let pods = wanted("CORACLE_E2E_FORWARD_PODS", 5);
    let life = Life::new("forward").await;
    life.run(Life::create(life.steady_spec(1, 0)))
        .await
        .unwrap();
    deploy(&life).await;
    let wanted = Forward {
        target: "svc/echo"
            .parse::<coracle::domain::ForwardTarget>()
            .unwrap()
            .within("default"),
        ports: vec![":echo".parse().unwrap(), ":90".parse().unwrap()],
    };
    let forwarding = forward::open_within(source(&life), &wanted, WAIT)
        .await
        .unwrap();

    // A first one waits for the first pod.
    echo(&forwarding, 0).await.unwrap();
    let begun = Instant::now();
    for part in 1..=4 {
        echo(&forwarding, part).await.unwrap();
    }
    let rate = f64::from(4 * PART_MIB) / begun.elapsed().as_secs_f64();
    println!("{rate:.0} MiB/s each way at the same time");

    // The answer is complete although it comes long after the question's end.
    let mut caller = connect(&forwarding, 1).await;
    caller.write_all(&[b'x'; 1_000]).await.unwrap();
    caller.shutdown().await.unwrap();
    let mut answer = String::new();
    let whole = timeout(WAIT, caller.read_to_string(&mut answer)).await;
    whole.unwrap().unwrap();
    assert_eq!(answer, "1000\nend\n");

    let replaced = AtomicUsize::new(0);
    let transfer = async {
        let (mut part, mut broken) = (10, 0);
        while part < 10 + parts || (replaced.load(Ordering::Relaxed) as u64) < pods {
            match echo(&forwarding, part).await {
                Ok(()) => part += 1,
                Err(error) => {
                    broken += 1;
                    println!("part {part}: {error}");
                }
            }
        }
        (part - 10, broken)
    };
    let begun = Instant::now();
    let (parts, broken) = tokio::select! {
        done = transfer => done,
        () = replace_pods(&life, &forwarding, &replaced) => unreachable!("it goes on for ever"),
    };
    println!(
        "{parts} parts of 32 MiB each way in {:?} while {replaced:?} pods were replaced; {broken} connections broke",
        begun.elapsed()
    );
    // Nobody calls any more.
    let mut status = forwarding.status();
    let quiet = status.wait_for(|status| status.open == 0);
    timeout(WAIT, quiet).await.unwrap().unwrap();

    // The cluster is away and comes back, at its old address or another.
    life.run(Wish::Restart(life.name.clone())).await.unwrap();
    let mut again = echo(&forwarding, 1_000_000).await;
    for _ in 0..5 {
        if again.is_ok() {
            break;
        }
        again = echo(&forwarding, 1_000_000).await;
    }
    again.unwrap();
    drop(forwarding);
    life.run(Wish::Delete(life.name.clone())).await.unwrap();
}
