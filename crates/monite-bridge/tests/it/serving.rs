//! The listening side: real sockets, and a stop that finishes what is in hand.

use std::time::Duration;

use monite_bridge::http::serve;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{TestBridge, customer_document};

async fn request(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("waited 20 s for the answer").unwrap();
    answer
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_hand_and_takes_nothing_new() {
    let bridge = TestBridge::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, bridge.app()));
    let mut alive = TcpStream::connect(address).await.unwrap();
    let answer = request(&mut alive, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_lowercase().contains("x-request-id: "), "{answer}");

    // A write that waits for Monite is in hand when the stop comes: it is answered, and it is durable.
    let body = customer_document("acme").to_string();
    let put = format!(
        "PUT /v1/customers/acme HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nprefer: wait=60\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        TestBridge::API_KEY,
        body.len(),
    );
    let mut waiting = TcpStream::connect(address).await.unwrap();
    let stop = async {
        bridge.clock.wait_for_sleepers(1).await;
        bridge.stopping.cancel();
    };
    let (answer, ()) = tokio::join!(request(&mut waiting, &put), stop);
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let document: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(document["sync"]["state"], "pending");
    let ended = tokio::time::timeout(Duration::from_secs(10), server).await.expect("waited 10 s for the server to end");
    ended.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(bridge.get("/readyz").await.problem(), "shutting-down");
    assert_eq!(bridge.get("/healthz").await.status, 200);
}
