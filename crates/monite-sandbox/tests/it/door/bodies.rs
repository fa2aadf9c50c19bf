//! Bodies that are no documents at all, or too large.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::{UNKNOWN, calls, check_shape};
use crate::support::direct::{Ask, Direct};
use crate::support::{builder, organization};

#[tokio::test]
async fn no_body_breaks_any_operation() {
    let direct = Direct::with(builder()).await;
    let before = direct.sandbox.state();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("white space", b" \n\t ".to_vec()),
        ("not JSON", b"{\"type\": nope}".to_vec()),
        ("half of JSON", b"{\"type\": \"organi".to_vec()),
        ("two values", b"{} {}".to_vec()),
        ("a byte order mark", "\u{feff}{}".as_bytes().to_vec()),
        ("invalid UTF-8", vec![b'{', b'"', 0xff, 0xfe, b'"', b':', b'1', b'}']),
        ("invalid UTF-8 in a value", b"{\"name\": \"\xc3\x28\"}".to_vec()),
        ("half a surrogate pair", br#"{"name": "\ud800"}"#.to_vec()),
        ("NUL", b"\0".to_vec()),
        ("a number too large for a float", b"{\"name\": 1e999}".to_vec()),
        ("a list", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("a number", b"7".to_vec()),
        ("a string", b"\"text\"".to_vec()),
        ("a form", b"grant_type=client_credentials&client_id=a".to_vec()),
        ("XML", b"<?xml version=\"1.0\"?><a/>".to_vec()),
        ("deep lists", [b"[".repeat(20_000), b"]".repeat(20_000)].concat()),
        ("deep objects", [b"{\"a\":".repeat(20_000), b"1".to_vec(), b"}".repeat(20_000)].concat()),
    ];
    for call in calls() {
        for (what, body) in &bodies {
            let of = format!("{call} with {what}");
            let answer = direct.send(Ask::new(&call).token(&direct.token).inside(UNKNOWN).bytes(body.clone())).await;
            check_shape(&answer, &of);
            assert!(answer.status >= 400 || body.is_empty() || call.starts_with("GET"), "{of}: {answer:?}");
        }
    }
    assert_eq!(direct.sandbox.state(), before);
}

#[tokio::test]
async fn a_body_is_read_by_what_its_content_type_says() {
    let direct = Direct::with(builder()).await;
    let body = organization("A").to_string();
    let cases = [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("Application/JSON", 201),
        ("application/vnd.monite+json", 201),
        ("text/plain", 422),
        ("application/x-www-form-urlencoded", 422),
        ("multipart/form-data; boundary=x", 422),
        ("application/xml", 422),
        ("application/jsonp", 422),
        ("nonsense", 422),
        ("", 422),
    ];
    for (content_type, status) in cases {
        let mut ask = Ask::new("POST /entities").token(&direct.token).bytes(body.clone());
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        let answer = direct.send(ask).await;
        check_shape(&answer, content_type);
        assert_eq!(answer.status, status, "{content_type}");
        if status == 422 {
            assert_eq!(answer.wrong_fields(), ["body"], "{content_type}");
        }
    }
    let mut ask = Ask::new("PATCH /settings").token(&direct.token);
    ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    assert_eq!(direct.send(ask).await.status, 200, "no body has no type");
}

#[tokio::test]
async fn oversized_bodies_are_refused_by_the_gateway_for_every_operation() {
    let direct = Direct::with(builder()).await;
    let body = vec![b' '; 1024 * 1024 + 1];
    for call in calls() {
        let answer = direct.send(Ask::new(&call).token(&direct.token).bytes(body.clone())).await;
        assert_eq!((answer.status, &answer.body), (413, &json!({"message": "Request size limit exceeded"})), "{call}");
    }
}
