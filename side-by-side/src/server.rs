//! Servers whose CPU time can be told from the client's.

use std::net::SocketAddr;
use std::sync::mpsc;

use axum::Router;
use tokio::net::TcpListener;

use crate::cpu::ThreadClock;

/// A server on a thread and a single-threaded runtime of its own, so that its CPU time can be told from the client's. It runs
/// until the process ends.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it has cost.
    pub clock: ThreadClock,
}

impl Server {
    /// Runs `start` on the new thread. It gives back the address and whatever the caller wants of it; tasks it has spawned go on.
    ///
    /// # Panics
    /// When there is no thread or no runtime to be had, or `start` panics.
    pub fn start<T, F>(start: impl FnOnce() -> F + Send + 'static) -> (Self, T)
    where
        T: Send + 'static,
        F: Future<Output = (SocketAddr, T)>,
    {
        let (send, receive) = mpsc::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime needs nothing that a benchmark could lack");
            let (address, handle) = runtime.block_on(start());
            let server = Self { address, clock: ThreadClock::of_this_thread() };
            // Whoever started it waits for this, or is gone with the process.
            let _ = send.send((server, handle));
            runtime.block_on(std::future::pending::<()>());
        };
        std::thread::Builder::new().name("server".to_owned()).spawn(serve).expect("there is room for one more thread");
        receive.recv().expect("the server starts, or its thread has said why it cannot")
    }

    /// The same for a router alone: the least there is around a handler.
    ///
    /// # Panics
    /// When no port is free, and as [`Server::start`].
    pub fn of(router: Router) -> Self {
        let (server, ()) = Self::start(move || async move {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port on this machine is free");
            let address = listener.local_addr().expect("a bound socket has an address");
            let listener = axum::serve::ListenerExt::tap_io(listener, |socket| {
                // Only slower without it.
                let _ = socket.set_nodelay(true);
            });
            tokio::spawn(async move { axum::serve(listener, router).await });
            (address, ())
        });
        server
    }
}
