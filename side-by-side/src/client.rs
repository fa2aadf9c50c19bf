//! Calls over sockets, as a load test does.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::call::Call;
use crate::rounds::Contender;
use crate::server::Server;

/// Connections in use at the same time: a server that is never alone wakes up once for several requests.
const CONNECTIONS: usize = 8;

/// A contender that answers `calls` in turn over sockets; what counts is the CPU time of the server's thread.
///
/// # Panics
/// When the server cannot be reached, or answers anything but a success: then something else was measured than meant.
pub fn over_sockets<'a>(server: &'a Server, calls: &[Call]) -> Contender<'a> {
    let calls: Vec<Vec<u8>> = calls.iter().map(Call::to_bytes).collect();
    let mut connections: Vec<Connection> = (0..CONNECTIONS).map(|_| Connection::open(server.address)).collect();
    let mut next = 0;
    Contender::by_itself(move |times| {
        let before = server.clock.now();
        let mut left = times as usize;
        while left > 0 {
            let wave = left.min(CONNECTIONS);
            for connection in &mut connections[..wave] {
                connection.send(&calls[next % calls.len()]);
                next += 1;
            }
            connections[..wave].iter_mut().for_each(Connection::receive);
            left -= wave;
        }
        server.clock.now().saturating_sub(before)
    })
}

struct Connection {
    stream: TcpStream,
    /// What has arrived of the answer in hand.
    arrived: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server of this benchmark listens");
        stream.set_nodelay(true).expect("a TCP socket knows this option");
        Self { stream, arrived: Vec::new() }
    }

    fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).expect("the server of this benchmark reads");
    }

    /// Reads one whole answer.
    fn receive(&mut self) {
        self.arrived.clear();
        let mut part = [0; 8192];
        while !self.is_whole() {
            let length = self.stream.read(&mut part).expect("the server of this benchmark answers");
            assert!(length > 0, "the server hung up after {:?}", String::from_utf8_lossy(&self.arrived));
            self.arrived.extend_from_slice(&part[..length]);
        }
        let is_success = self.arrived.starts_with(b"HTTP/1.1 2");
        assert!(is_success, "the server answered {:?}", String::from_utf8_lossy(&self.arrived));
    }

    fn is_whole(&self) -> bool {
        let Some(head) = self.arrived.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
        let length = std::str::from_utf8(&self.arrived[..head])
            .ok()
            .and_then(|head| {
                head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
                })
            })
            .expect("the servers of these benchmarks say how long their answers are");
        self.arrived.len() >= head + 4 + length
    }
}
