//! A TCP proxy on a member's stand-in address that delays answers and can lose them: requests arrive, answers never do.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(crate) struct Proxy {
    cut: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Every answer comes `delay` later.
    pub(crate) async fn start(at: Ipv4Addr, behind: Ipv4Addr, delay: Duration) -> Self {
        let listener = TcpListener::bind((at, 2379)).await.unwrap();
        let cut = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        let lost = Arc::clone(&cut);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect((behind, 2379)).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                connections.spawn(copy(from_client, to_server, Duration::ZERO, Arc::default()));
                connections.spawn(copy(from_server, to_client, delay, Arc::clone(&lost)));
            }
        });
        Self { cut, _tasks: tasks }
    }

    /// From now on every connection ends before its next answer.
    pub(crate) fn lose_answers(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration, cut: Arc<AtomicBool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut buffer).await {
        tokio::time::sleep(delay).await;
        if length == 0 || cut.load(Ordering::Relaxed) || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
