//! What is between the program and an engine or a server, for a test to close, to clog and to open again.

use std::{net::SocketAddr, path::PathBuf};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream},
    sync::watch,
    task::JoinSet,
};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Everything goes through.
    Open,
    /// Connections are taken, and nothing comes through.
    Frozen,
    /// There is no socket, and what was connected is cut.
    Gone,
}

/// The way to an engine, by a socket at this path.
pub async fn socket(path: PathBuf, engine: PathBuf, mut way: watch::Receiver<Way>) {
    loop {
        let listener = UnixListener::bind(&path).unwrap();
        let mut connections = JoinSet::new();
        while let Some(near) = unless_gone(&mut way, listener.accept()).await {
            let far = UnixStream::connect(&engine).await.unwrap();
            let (from_near, to_near) = near.unwrap().0.into_split();
            let (from_far, to_far) = far.into_split();
            connections.spawn(pass(from_near, to_far, way.clone()));
            connections.spawn(pass(from_far, to_near, way.clone()));
        }
        drop((listener, connections));
        std::fs::remove_file(&path).unwrap();
        if way.wait_for(|way| *way != Way::Gone).await.is_err() {
            return;
        }
    }
}

/// The way to a server, by a port that is told.
pub async fn port(
    told: watch::Sender<Option<SocketAddr>>,
    server: String,
    mut way: watch::Receiver<Way>,
) {
    let mut address = SocketAddr::from(([127, 0, 0, 1], 0));
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        // Connections of before still wear off.
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener: TcpListener = socket.listen(64).unwrap();
        address = listener.local_addr().unwrap();
        told.send_replace(Some(address));
        let mut connections = JoinSet::new();
        while let Some(near) = unless_gone(&mut way, listener.accept()).await {
            let far = TcpStream::connect(&server).await.unwrap();
            let (from_near, to_near) = near.unwrap().0.into_split();
            let (from_far, to_far) = far.into_split();
            connections.spawn(pass(from_near, to_far, way.clone()));
            connections.spawn(pass(from_far, to_near, way.clone()));
        }
        drop((listener, connections));
        told.send_replace(None);
        if way.wait_for(|way| *way != Way::Gone).await.is_err() {
            return;
        }
    }
}

/// What comes before the way is gone.
async fn unless_gone<T>(
    way: &mut watch::Receiver<Way>,
    next: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        _ = way.wait_for(|way| *way == Way::Gone) => None,
        next = next => Some(next),
    }
}

/// Passes on what comes while the way is open.
async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut way: watch::Receiver<Way>,
) {
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        if way.wait_for(|way| *way == Way::Open).await.is_err()
            || to.write_all(&chunk[..read]).await.is_err()
        {
            return;
        }
    }
    let _ = to.shutdown().await;
}
