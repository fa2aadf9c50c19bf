//! What one connection, and one address, may take: size, time, number. Whatever it takes, others are answered.

use std::net::SocketAddr;
use std::time::Duration;

use monite_bridge::http::connection::Patience;
use monite_bridge::http::{Entrance, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::{Setup, TestBridge};

/// Short, because it is real time; what must not end within it is told apart by what the other side says.
const SHORT: Duration = Duration::from_millis(300);

const HEALTHZ: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

async fn served(bridge: &TestBridge, patience: Patience) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(Entrance::from(listener).with_patience(patience), bridge.app()));
    address
}

/// Connects from this address of the loopback network.
async fn connect(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// All that comes until the other side ends it.
async fn until_the_end(stream: &mut TcpStream, what: &str) -> String {
    let mut read = Vec::new();
    let end = stream.read_to_end(&mut read);
    // A reset is an end, too.
    let _ =
        tokio::time::timeout(Duration::from_secs(20), end).await.unwrap_or_else(|_| panic!("waited 20 s for {what}"));
    String::from_utf8_lossy(&read).into_owned()
}

/// Asks on a connection that stays; `false` when there is no answer.
async fn answers(stream: &mut TcpStream) -> bool {
    let ask = async {
        let mut read = Vec::new();
        if stream.write_all(HEALTHZ.as_bytes()).await.is_err() {
            return false;
        }
        while !read.ends_with(b"ok") {
            if !stream.read_buf(&mut read).await.is_ok_and(|read| read > 0) {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(Duration::from_secs(20), ask).await.expect("waited 20 s for an answer or an end")
}

#[tokio::test]
async fn a_head_that_comes_slowly_and_a_connection_without_a_request_end() {
    let bridge = TestBridge::start().await;
    let slow_head = served(&bridge, Patience { head: SHORT, ..Patience::default() }).await;
    let mut stream = connect("127.0.0.1", slow_head).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost:").await.unwrap();
    until_the_end(&mut stream, "the end of a request that never comes").await;

    let idle = served(&bridge, Patience { idle: SHORT, ..Patience::default() }).await;
    let mut stream = connect("127.0.0.1", idle).await;
    assert!(answers(&mut stream).await);
    until_the_end(&mut stream, "the end of a connection that nobody uses").await;
    let mut silent = connect("127.0.0.1", idle).await;
    until_the_end(&mut silent, "the end of a connection that says nothing").await;
}

#[tokio::test]
async fn a_request_in_hand_is_not_idle() {
    let bridge = TestBridge::start().await;
    let address = served(&bridge, Patience { idle: SHORT, ..Patience::default() }).await;
    let mut stream = connect("127.0.0.1", address).await;
    let key = TestBridge::API_KEY;
    let ask = format!("GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut head).await.unwrap() > 0);
    }
    // Another connection becomes idle and ends; the stream, which is older, is still there to tell what happens then.
    let mut other = connect("127.0.0.1", address).await;
    until_the_end(&mut other, "the end of the idle one").await;
    bridge.put_customer("acme").await;
    let mut told = Vec::new();
    let tells = async {
        while !String::from_utf8_lossy(&told).contains("acme") {
            assert!(stream.read_buf(&mut told).await.unwrap() > 0, "the stream was cut");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), tells).await.expect("waited 20 s for an event");
}

#[tokio::test]
async fn a_head_has_a_greatest_size_and_number_of_lines() {
    let bridge = TestBridge::start().await;
    let address = served(&bridge, Patience::default()).await;
    let ask = |lines: usize, length: usize| {
        let value = "v".repeat(length);
        let lines: String = (0..lines).map(|line| format!("x-{line}: {value}\r\n")).collect();
        format!("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\r\n")
    };
    for (lines, length, status) in
        [(1, 30_000, "200"), (1, 33_000, "431"), (98, 1, "200"), (101, 1, "431"), (90, 400, "431")]
    {
        let mut stream = connect("127.0.0.1", address).await;
        // It may be refused before all of it is sent.
        let _ = stream.write_all(ask(lines, length).as_bytes()).await;
        let answer = until_the_end(&mut stream, "an answer").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{lines} lines of {length}: {answer}");
    }
}

#[tokio::test]
async fn one_address_holds_half_and_others_are_answered() {
    let mut setup = Setup::default();
    setup.server.max_connections = 8;
    let bridge = TestBridge::with(setup).await;
    let address = served(&bridge, Patience::default()).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = connect("127.0.0.2", address).await;
        assert!(answers(&mut stream).await);
        held.push(stream);
    }
    assert!(!answers(&mut connect("127.0.0.2", address).await).await, "a fifth of the same address");
    let mut others = Vec::new();
    for from in ["127.0.0.3", "127.0.0.3", "127.0.0.4", "127.0.0.5"] {
        let mut stream = connect(from, address).await;
        assert!(answers(&mut stream).await, "{from}");
        others.push(stream);
    }
    assert!(!answers(&mut connect("127.0.0.6", address).await).await, "more than there may be");
    assert_eq!(bridge.logged(&["connections are refused"]), 1, "said once, not for each");
    // An end makes room.
    held.pop();
    let mut answered = false;
    for _ in 0..1000 {
        answered = answers(&mut connect("127.0.0.6", address).await).await;
        if answered {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(answered, "no room after a thousand asks");
}
