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
