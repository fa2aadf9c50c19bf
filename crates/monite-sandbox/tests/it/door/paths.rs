//! Paths and methods, and what is not even a request.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::check_shape;
use crate::support::direct::Direct;
use crate::support::{Api, builder, organization, send};

#[tokio::test]
async fn paths_and_methods_are_taken_as_they_are_meant() {
    let direct = Direct::with(builder()).await;
    let entity = direct.call("POST /entities", organization("A")).await.id();
    let cases = [
        ("GET /entities".to_owned(), 200),
        (format!("GET /entities/{entity}"), 200),
        (format!("GET /entities/{}", entity.to_uppercase()), 200),
        // Decoded before anything looks at it.
        ("GET /%65ntities".to_owned(), 200),
        (format!("GET /entities%2F{entity}"), 200),
        (format!("GET /entities/{}%2Dx", entity), 422),
        ("GET /entities%00".to_owned(), 404),
        ("GET /%ff".to_owned(), 404),
        ("GET /ENTITIES".to_owned(), 404),
        // No trailing slashes, and none twice.
        ("GET /entities/".to_owned(), 404),
        (format!("GET /entities/{entity}/"), 404),
        ("GET //entities".to_owned(), 404),
        ("GET /".to_owned(), 404),
        ("GET /entities/../entities".to_owned(), 404),
        ("GET /entities;a=b".to_owned(), 404),
        ("TRACE /entities".to_owned(), 405),
        ("BREW /entities".to_owned(), 405),
        ("get /entities".to_owned(), 405),
        ("PUT /settings".to_owned(), 405),
        (format!("DELETE /entities/{entity}"), 405),
        ("BREW /nowhere".to_owned(), 404),
    ];
    for (call, status) in cases {
        let answer = direct.call(&call, Value::Null).await;
        check_shape(&answer, &call);
        assert_eq!(answer.status, status, "{call}: {answer:?}");
        if status == 405 {
            assert!(answer.header("allow").is_some(), "{call}");
        }
    }
}

#[tokio::test]
async fn over_a_socket_head_has_no_body_and_garbage_no_page() {
    let api = Api::start().await;
    let head = api.request("HEAD /entities").send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.text().await.unwrap().as_str()), (405, ""));
    let outside = send(api.http.get(api.sandbox.base_url().replace("/v1", "/v2/entities"))).await;
    assert_eq!((outside.status, outside.message()), (404, "Not Found"));
    assert_eq!(outside.header("access-control-allow-origin"), Some("*"));

    let base = api.sandbox.base_url();
    let address = base.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/v1")).unwrap().to_owned();
    let raw = [
        "GARBAGE\r\n\r\n".to_owned(),
        "GET /v1/entities HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /v1/{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(100_000)),
        "POST /v1/entities HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n".to_owned(),
        "POST /v1/entities HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned(),
    ];
    for request in raw {
        let (address, sent) = (address.clone(), request.clone());
        let answer = tokio::task::spawn_blocking(move || {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            // The other side may hang up before it has read everything.
            let _ = socket.write_all(sent.as_bytes());
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        });
        let (answer, shown) = (answer.await.unwrap(), &request[..request.len().min(60)]);
        assert!(!answer.contains("HTTP/1.1 5") && !answer.to_lowercase().contains("<html"), "{shown:?}: {answer}");
    }
    assert_eq!(api.get("/entities").await.status, 200, "it still works");
}
