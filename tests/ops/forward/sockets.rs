//! What only real sockets have: addresses, and breaking off.

use std::io::ErrorKind;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{api::Cluster, hears, open, says, status};

#[tokio::test]
async fn half_an_answer_is_not_taken_for_a_whole_one() {
    let (cluster, mut pods) = Cluster::new(&["web-1"]);
    let forwarding = open(&cluster, "svc/web 80").await;
    let (address, _) = status(&forwarding).addresses[0];
    for whole in [true, false] {
        let mut caller = TcpStream::connect(address).await.unwrap();
        caller.write_all(b"question").await.unwrap();
        let mut pod = pods.recv().await.unwrap();
        hears(&mut pod.pipe, "question").await;
        says(&mut pod.pipe, "half").await;
        let mut half = [0; 4];
        caller.read_exact(&mut half).await.unwrap();
        if whole {
            drop(pod);
            assert_eq!(caller.read(&mut half).await.unwrap(), 0);
        } else {
            pod.cut();
            let error = caller.read(&mut half).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    }
}

#[tokio::test]
async fn the_listener_is_closed_with_the_forward() {
    let (cluster, _pods) = Cluster::new(&["web-1"]);
    let forwarding = open(&cluster, "svc/web 80").await;
    let (address, _) = status(&forwarding).addresses[0];
    TcpStream::connect(address).await.unwrap();
    drop(forwarding);
    tokio::task::yield_now().await;
    let error = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn callers_that_may_be_gone_make_way_for_new_ones() {
    let (cluster, mut pods) = Cluster::new(&["web-1"]);
    let forwarding = open(&cluster, "svc/web 80").await;
    let (address, _) = status(&forwarding).addresses[0];
    let mut silent = Vec::new();
    for _ in 0..256 {
        let mut caller = TcpStream::connect(address).await.unwrap();
        caller.write_all(b"?").await.unwrap();
        caller.shutdown().await.unwrap();
        silent.push((caller, pods.recv().await.unwrap()));
    }
    let mut caller = TcpStream::connect(address).await.unwrap();
    caller.write_all(b"question").await.unwrap();
    let mut pod = pods.recv().await.unwrap();
    hears(&mut pod.pipe, "question").await;
    says(&mut pod.pipe, "answer").await;
    let mut answer = [0; 6];
    caller.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer");
    // The others are still owed an answer, and get it.
    let (mut first, mut pod) = silent.pop().unwrap();
    says(&mut pod.pipe, "late").await;
    let mut late = [0; 4];
    first.read_exact(&mut late).await.unwrap();
}
