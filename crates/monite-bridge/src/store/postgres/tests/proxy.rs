//! A wire to the server that can be cut where it hurts most: around the answer to a COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Where the wire is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The server never hears of the COMMIT.
    BeforeCommit,
    /// The server has done it; nobody hears the answer.
    AfterCommit,
}

/// Listens, and passes everything on to the server but the next commits.
pub(super) struct Wire {
    pub(super) port: u16,
    left: Arc<AtomicU32>,
}

impl Wire {
    /// Cuts every connection at its first COMMIT of a write, as often as [`Wire::cut`] says.
    pub(super) async fn to(server: u16, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicU32::new(0));
        let counting = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                tokio::spawn(pass_on(client, server, cut, Arc::clone(&counting)));
            }
        });
        Self { port, left }
    }

    /// Cuts at the next so many writes.
    pub(super) fn cut(&self, times: u32) {
        self.left.store(times, Ordering::SeqCst);
    }

    /// Cuts that were asked for and have not come.
    pub(super) fn left(&self) -> u32 {
        self.left.load(Ordering::SeqCst)
    }
}

async fn pass_on(mut client: TcpStream, mut server: TcpStream, cut: Cut, left: Arc<AtomicU32>) {
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    let mut writes = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(read @ 1..) = read else { return };
                let said = &up[..read];
                writes |= contains(said, b"pg_current_xact_id()");
                let commits = writes && contains(said, b"COMMIT\0");
                if commits && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                    if cut == Cut::AfterCommit {
                        server.write_all(said).await.unwrap();
                        assert_ne!(server.read(&mut down).await.unwrap(), 0, "the server answers");
                    }
                    return;
                }
                if server.write_all(said).await.is_err() { return }
            }
            read = server.read(&mut down) => {
                let Ok(read @ 1..) = read else { return };
                if client.write_all(&down[..read]).await.is_err() { return }
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
